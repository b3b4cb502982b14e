//! How long a call may take, and what ends it early.

use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// The limits of one call, retries and waits included.
#[derive(Debug, Clone)]
pub struct Budget {
    /// When the call must have ended.
    pub deadline: Instant,
    /// Ends the call at once when it is cancelled (Terraform's StopProvider).
    pub stop: CancellationToken,
}

impl Budget {
    /// A budget that ends `limit` from now, or when `stop` is cancelled.
    #[must_use]
    pub fn new(limit: Duration, stop: CancellationToken) -> Self {
        // A year is for ever, and a sum that no clock overflows.
        let limit = limit.min(Duration::from_secs(365 * 24 * 3600));
        Self {
            deadline: Instant::now() + limit,
            stop,
        }
    }

    /// What is left of the time.
    pub(super) fn left(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }
}
