//! When the command started.

use std::time::{Duration, Instant};

use jiff::Timestamp;

/// The moment when the command started.
#[derive(Debug, Clone, Copy)]
pub(super) struct Started {
    time: Timestamp,
    instant: Instant,
}

impl Started {
    /// Returns this moment.
    pub(super) fn now() -> Self {
        Self {
            time: Timestamp::now(),
            instant: Instant::now(),
        }
    }

    /// Returns the time in UTC, as RFC 3339 writes it, in whole seconds.
    pub(super) fn time(&self) -> String {
        format!("{:.0}", self.time)
    }

    /// Returns how much time has passed since then.
    pub(super) fn elapsed(&self) -> Duration {
        self.instant.elapsed()
    }
}
