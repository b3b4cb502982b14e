//! The progress of the checks: a line on a terminal, and how long each check took.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::terminal;
use crate::access::{CheckId, CheckResult, Observer};

/// A line on standard error about the checks that run. It is overwritten at each change and erased at the end. Nothing is
/// written unless standard error is a terminal that can erase the line.
pub(super) struct ProgressDisplay {
    /// The longest line. `None` if nothing is shown.
    width: Option<usize>,
    /// How many runners there are.
    runners: usize,
    /// How many runners have been checked.
    done: Mutex<usize>,
}

/// The control codes that move to the start of the line and erase it.
const CLEAR: &str = "\r\x1b[2K";

impl ProgressDisplay {
    /// Returns the progress of this number of runners. Nothing is shown unless `is_shown`.
    pub(super) fn new(runners: usize, is_shown: bool) -> Self {
        Self {
            width: terminal::progress_width().filter(|_| is_shown),
            runners,
            done: Mutex::default(),
        }
    }

    /// Shows the line for one runner of which these checks run.
    fn show(&self, state: &State) {
        let Some(width) = self.width else {
            return;
        };
        let line = match self.runners {
            1 => {
                let running: Vec<&str> = state.running.keys().map(|id| id.as_str()).collect();
                format!("{} done: {}", state.durations.len(), running.join(", "))
            }
            runners => format!("{} of {runners} runners checked", lock(&self.done)),
        };
        // A line that wraps cannot be erased, so only its first part is shown.
        let options = textwrap::Options::new(width - 1).break_words(false);
        let lines = textwrap::wrap(&line, options);
        let first = lines.first().map_or("", AsRef::as_ref);
        // The progress is not worth an error.
        let _ = write!(io::stderr(), "{CLEAR}{first}");
    }
}

impl Drop for ProgressDisplay {
    fn drop(&mut self) {
        if self.width.is_some() {
            let _ = write!(io::stderr(), "{CLEAR}");
        }
    }
}

/// The progress of one runner.
pub(super) struct RunnerProgress<'a> {
    progress: &'a ProgressDisplay,
    state: Mutex<State>,
}

/// How long the checks of a runner took.
#[derive(Default)]
pub(super) struct Durations {
    /// From the start of the first check to the end of the last one.
    pub(super) whole: Duration,
    /// Each check that was started.
    pub(super) checks: BTreeMap<CheckId, Duration>,
}

#[derive(Default)]
struct State {
    /// When the first check was started.
    began: Option<Instant>,
    /// When each running check was started.
    running: BTreeMap<CheckId, Instant>,
    /// How long each check took that was started and has ended.
    durations: BTreeMap<CheckId, Duration>,
}

impl<'a> RunnerProgress<'a> {
    pub(super) fn new(progress: &'a ProgressDisplay) -> Self {
        Self {
            progress,
            state: Mutex::default(),
        }
    }

    /// Ends the progress of the runner, and returns how long its checks took.
    pub(super) fn end(self) -> Durations {
        let state = self.state.into_inner();
        let state = state.unwrap_or_else(PoisonError::into_inner);
        *lock(&self.progress.done) += 1;
        self.progress.show(&state);
        Durations {
            whole: state.began.map_or(Duration::ZERO, |began| began.elapsed()),
            checks: state.durations,
        }
    }
}

impl Observer for RunnerProgress<'_> {
    fn started(&self, id: CheckId) {
        let mut state = lock(&self.state);
        let now = Instant::now();
        state.began.get_or_insert(now);
        state.running.insert(id, now);
        self.progress.show(&state);
    }

    fn finished(&self, result: &CheckResult) {
        let mut state = lock(&self.state);
        if let Some(start) = state.running.remove(&result.id) {
            state.durations.insert(result.id, start.elapsed());
        }
        self.progress.show(&state);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
