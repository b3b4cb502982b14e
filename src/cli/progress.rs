//! The progress of the checks, on a terminal.

use std::collections::BTreeSet;
use std::io::{self, IsTerminal, Write};
use std::sync::{Mutex, PoisonError};

use crate::access::{CheckId, CheckResult, Observer};

/// A line on standard error that names the running checks. It is overwritten at each change and erased at the end.
/// Nothing is written if standard error is not a terminal.
pub(super) struct Progress {
    terminal: bool,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    running: BTreeSet<CheckId>,
    done: usize,
}

/// The control codes that move to the start of the line and erase it.
const CLEAR: &str = "\r\x1b[2K";

impl Progress {
    pub(super) fn new() -> Self {
        Self {
            terminal: io::stderr().is_terminal(),
            state: Mutex::default(),
        }
    }

    fn change(&self, change: impl FnOnce(&mut State)) {
        if !self.terminal {
            return;
        }
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        change(&mut state);
        let running: Vec<&str> = state.running.iter().map(|id| id.as_str()).collect();
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
            state.running.insert(id);
        });
    }

    fn finished(&self, result: &CheckResult) {
        self.change(|state| {
            state.running.remove(&result.id);
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
