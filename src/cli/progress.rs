//! What is being looked at, while it is, on a terminal.

use std::collections::BTreeSet;
use std::io::{self, IsTerminal, Write};
use std::sync::{Mutex, PoisonError};

use crate::access::{CheckId, CheckResult, Observer};

/// One line on standard error that is written over, and taken away at the end. Nothing where
/// standard error is no terminal.
pub(super) struct Progress {
    terminal: bool,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    running: BTreeSet<CheckId>,
    done: usize,
}

/// Back to the start of the line, and the line emptied.
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
        // A line that wraps could not be taken away.
        let line: String = line.chars().take(79).collect();
        // Nothing is shown where no one looks.
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
