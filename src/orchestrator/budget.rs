//! How long a call can take, and what ends it early.

use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

/// The limits of one call, retries and waits included.
#[derive(Debug, Clone)]
pub struct CallBudget {
    /// When the call must have ended.
    pub deadline: Instant,
    /// Ends the call at once when it is canceled (Terraform's StopProvider).
    pub stop: CancellationToken,
}

impl CallBudget {
    /// Creates a budget that ends `limit` from now, or when `stop` is canceled.
    #[must_use]
    pub fn new(limit: Duration, stop: CancellationToken) -> Self {
        // A year is as good as forever, and the sum overflows no clock.
        let limit = limit.min(Duration::from_secs(365 * 24 * 3600));
        Self {
            deadline: Instant::now() + limit,
            stop,
        }
    }

    /// Returns the time that is left.
    pub(super) fn left(&self) -> Duration {
        self.deadline.saturating_duration_since(Instant::now())
    }
}
