//! The progress of the checks: a line on a terminal, and how long each check took.

use std::collections::BTreeMap;
use std::io::{self, IsTerminal, Write};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::access::{CheckId, CheckResult, Observer};

/// A line on standard error that names the running checks. It is overwritten at each change and erased at the end.
/// Nothing is written if standard error is not a terminal that can erase it.
pub(super) struct Progress {
    terminal: bool,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    /// When each running check was started.
    running: BTreeMap<CheckId, Instant>,
    /// How long each check took that was started and has ended.
    durations: BTreeMap<CheckId, Duration>,
    done: usize,
}

/// The control codes that move to the start of the line and erase it.
const CLEAR: &str = "\r\x1b[2K";

impl Progress {
    pub(super) fn new() -> Self {
        // A dumb terminal has no control codes.
        let is_dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        Self {
            terminal: io::stderr().is_terminal() && !is_dumb,
            state: Mutex::default(),
        }
    }

    /// Erases the line, and returns how long each check took that was started.
    pub(super) fn into_durations(self) -> BTreeMap<CheckId, Duration> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut state.durations)
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut state);
        if !self.terminal {
            return;
        }
        let running: Vec<&str> = state.running.keys().map(|id| id.as_str()).collect();
        let line = format!(
            "{}/{} {}",
            state.done,
            CheckId::ALL.len(),
            running.join(", ")
        );
        // A line that wraps cannot be erased.
        let line: String = line.chars().take(79).collect();
        // The progress is not worth an error.
        let _ = write!(io::stderr(), "{CLEAR}{line}");
    }
}

impl Observer for Progress {
    fn started(&self, id: CheckId) {
        self.change(|state| {
            state.running.insert(id, Instant::now());
        });
    }

    fn finished(&self, result: &CheckResult) {
        self.change(|state| {
            if let Some(start) = state.running.remove(&result.id) {
                state.durations.insert(result.id, start.elapsed());
            }
            state.done += 1;
        });
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        if self.terminal {
            let _ = write!(io::stderr(), "{CLEAR}");
        }
    }
}
