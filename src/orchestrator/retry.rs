//! The one retry policy: which failed attempts are repeated, how long to wait, and what they leave unknown.

use std::time::Duration;

use super::connect_failure::ConnectFailure;
use super::error::Error;

/// How attempts follow each other.
#[derive(Debug, Clone, Copy)]
pub(super) struct RetryPolicy {
    /// How many attempts of a request can fail. Five attempts bridge a restart of some seconds; a longer
    /// outage is reported. An attempt that the service asks to repeat later does not count: only the budget
    /// ends those.
    pub(super) attempts: u32,
    /// The longest wait before the second attempt; it doubles with each further attempt. Each wait is
    /// drawn evenly from zero up to it ("full jitter"), so that many clients do not return at once.
    pub(super) base: Duration,
    /// The limit of the longest wait.
    pub(super) cap: Duration,
    /// The limit of one attempt.
    pub(super) attempt: Duration,
    /// How long a POST that was sent is waited for after a stop. A create that is given up halfway is
    /// tainted in the state and replaced by the next apply. Terraform waits as long as it takes, but a
    /// person who sees no end presses Ctrl-C again, and that loses the state.
    pub(super) grace: Duration,
    /// How long a lookup of an uncertain change can take after the budget has ended.
    pub(super) settling: Duration,
}

impl RetryPolicy {
    /// The policy of every client outside of tests.
    pub(super) const DEFAULT: Self = Self {
        attempts: 5,
        base: Duration::from_millis(500),
        cap: Duration::from_secs(10),
        attempt: Duration::from_secs(30),
        grace: Duration::from_secs(10),
        settling: Duration::from_secs(3),
    };

    /// Returns the wait after the attempt with this number (from 1).
    pub(super) fn backoff(&self, number: u32) -> Duration {
        let longest = self
            .base
            .saturating_mul(2_u32.saturating_pow(number.saturating_sub(1)))
            .min(self.cap);
        longest.mul_f64(fastrand::f64())
    }
}

/// What is unknown about a change after failed attempts at it.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct UncertainOutcome {
    /// One of the attempts might have been carried out.
    pub(super) might_be_done: bool,
    /// One of them might still be carried out, whatever a lookup shows now.
    pub(super) might_follow: bool,
}

impl UncertainOutcome {
    /// Adds what a failed attempt leaves unknown.
    pub(super) fn add(&mut self, error: &Error) {
        self.might_be_done |= error.may_have_been_done();
        self.might_follow |= error.may_still_be_done();
    }
}

/// Why a repeatable request failed after its last attempt.
pub(super) struct Failure {
    pub(super) error: Error,
    pub(super) outcome: UncertainOutcome,
}

impl Failure {
    /// Returns the error after a last lookup of the change. `looked_up`: the lookup succeeded and the change
    /// was not made; otherwise the lookup failed, too. `what` is the change, as a sentence in the past.
    pub(super) fn unsettled(self, looked_up: bool, what: impl FnOnce() -> String) -> Error {
        if looked_up && !self.outcome.might_follow {
            return self.error;
        }
        Error::Uncertain {
            what: what(),
            source: Box::new(self.error),
        }
    }
}

impl From<Failure> for Error {
    fn from(failure: Failure) -> Self {
        failure.error
    }
}

impl Error {
    /// Whether the same request might succeed a moment later.
    pub(super) fn is_transient(&self) -> bool {
        match self {
            Self::Connect { what, .. } => !matches!(what, ConnectFailure::Tls(_)),
            Self::TimedOut { .. } | Self::Lost { .. } => true,
            Self::Undecodable { is_json, .. } => !is_json,
            Self::Refused { status, .. }
            | Self::Unexpected { status, .. }
            | Self::Encoding { status, .. } => {
                matches!(status, 429 | 502 | 503 | 504)
            }
            _ => false,
        }
    }

    /// Whether the service works and asks for another attempt later.
    pub(super) fn asks_to_come_back(&self) -> bool {
        match self {
            Self::Refused {
                status,
                retry_after,
                ..
            }
            | Self::Unexpected {
                status,
                retry_after,
                ..
            } => *status == 429 || (*status == 503 && retry_after.is_some()),
            _ => false,
        }
    }

    /// Whether a POST can be sent again without a lookup: it was certainly not carried out.
    pub(super) fn is_untouched(&self) -> bool {
        self.is_transient() && !self.may_have_been_done()
    }

    /// Whether the request might have been carried out although it failed.
    pub(super) fn may_have_been_done(&self) -> bool {
        match self {
            Self::TimedOut { .. }
            | Self::Lost { .. }
            | Self::Undecodable { .. }
            | Self::Unsupported { .. }
            | Self::TooLarge { .. } => true,
            Self::Stopped { in_flight, .. } | Self::OutOfTime { in_flight, .. } => *in_flight,
            Self::Unexpected { status, .. } | Self::Encoding { status, .. } => {
                *status >= 500 || *status < 300
            }
            _ => false,
        }
    }

    /// Whether the service might still be working on it: there was no response, or a proxy gave up waiting.
    pub(super) fn may_still_be_done(&self) -> bool {
        match self {
            Self::Unexpected { status, .. } | Self::Encoding { status, .. } => {
                matches!(status, 502 | 504)
            }
            Self::Undecodable { .. } | Self::Unsupported { .. } | Self::TooLarge { .. } => false,
            error => error.may_have_been_done(),
        }
    }

    /// Whether the budget ended the call.
    pub(super) fn is_end(&self) -> bool {
        matches!(
            self,
            Self::Stopped { .. } | Self::OutOfTime { .. } | Self::TooLongToWait { .. }
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_wait_doubles_up_to_the_cap() {
        let longest = |number| {
            let waits = (0..2000).map(|_| RetryPolicy::DEFAULT.backoff(number));
            waits.max().unwrap_or_default()
        };
        for (number, limit) in [
            (1, 500),
            (2, 1000),
            (3, 2000),
            (5, 8000),
            (6, 10_000),
            (u32::MAX, 10_000),
        ] {
            let (longest, limit) = (longest(number), Duration::from_millis(limit));
            assert!(
                longest <= limit && longest > limit.mul_f32(0.9),
                "{number}: {longest:?}"
            );
        }
    }
}
