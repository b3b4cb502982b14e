//! The one retry policy: what each error means for the request, and how attempts follow each other.

use std::time::Duration;

use super::connect_failure::ConnectFailure;
use super::error::ApiError;

/// The limits of the attempts at one request.
#[derive(Debug, Clone, Copy)]
pub(super) struct RetryPolicy {
    /// How many attempts can fail before the request fails. Five attempts bridge a restart of some seconds; a
    /// longer outage is reported. An attempt that the service asks to repeat later does not count: only the
    /// budget ends those.
    pub(super) attempts: u32,
    /// The longest wait before the second attempt; it doubles with each further attempt. Each wait is drawn
    /// evenly from zero up to it ("full jitter"), so that many clients do not return at once.
    pub(super) base: Duration,
    /// The limit of the longest wait.
    pub(super) cap: Duration,
    /// The time limit of one attempt.
    pub(super) attempt: Duration,
    /// How long the client waits for the response to a POST after a stop. A create that is given up halfway
    /// is tainted in the state, and the next apply replaces it. Terraform waits as long as it takes, but a
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

/// What an error says about the request that failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Verdict {
    pub(super) effect: Effect,
    pub(super) retry: Retry,
}

/// What a failed request has changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Effect {
    /// Nothing: the service did not receive the request.
    NotSent,
    /// Nothing: the service, or something in front of it, refused the request.
    Refused,
    /// The request might have been carried out; a lookup shows whether it was.
    Possible,
    /// The request might have been carried out, or might still be: a lookup that finds nothing does not prove
    /// that nothing follows.
    Pending,
}

/// Whether the same request might succeed later.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Retry {
    /// It fails in the same way again.
    Never,
    /// It might succeed a moment later.
    Soon,
    /// The service works, and requests another attempt later.
    WhenRequested,
    /// The caller's budget has ended.
    Ended,
}

impl ApiError {
    /// Returns what the error says about the request. Every variant is named, so that the compiler demands the
    /// verdict of a new one: a wrong "nothing changed" would lose a runner.
    pub(super) fn verdict(&self) -> Verdict {
        use Effect::{NotSent, Pending, Possible, Refused};
        use Retry::{Ended, Never, Soon};
        let (effect, retry) = match self {
            Self::InvalidId { .. } | Self::Setup { .. } | Self::Proxy { .. } => (NotSent, Never),
            Self::Connect { what, .. } => match what {
                ConnectFailure::Tls(_) => (NotSent, Never),
                ConnectFailure::Dns
                | ConnectFailure::Refused
                | ConnectFailure::TimedOut
                | ConnectFailure::Proxy
                | ConnectFailure::Other => (NotSent, Soon),
            },
            Self::AttemptTimedOut { .. } | Self::Lost { .. } => (Pending, Soon),
            Self::Stopped { in_flight, .. } | Self::DeadlineExceeded { in_flight, .. } => {
                (if *in_flight { Pending } else { NotSent }, Ended)
            }
            // The attempt before was refused, and this one was not sent.
            Self::TooLongToWait { .. } => (NotSent, Ended),
            Self::Redirect { .. } | Self::Unauthorized { .. } => (Refused, Never),
            Self::Refused {
                status, retry_after, ..
            } => (Refused, retry_of_status(*status, *retry_after)),
            Self::Unexpected {
                status, retry_after, ..
            } => (effect_of_status(*status), retry_of_status(*status, *retry_after)),
            // Whatever the response says, also when to return, cannot be read.
            Self::Encoding { status, .. } => (
                effect_of_status(*status),
                match retry_of_status(*status, None) {
                    Retry::WhenRequested => Soon,
                    other => other,
                },
            ),
            // JSON that is complete, but not what was expected, would be the same again.
            Self::Undecodable { is_json: true, .. } | Self::Unsupported { .. } | Self::TooLarge { .. } => {
                (Possible, Never)
            }
            Self::Undecodable { is_json: false, .. } => (Possible, Soon),
            // These say that the service has something else in the place of the object.
            Self::AlreadyExists { .. }
            | Self::RunnerNotFound { .. }
            | Self::EnvTypeNotFound { .. }
            | Self::OtherType { .. }
            | Self::OrgNotFound { .. } => (Refused, Never),
            Self::Uncertain { .. } => (Pending, Never),
        };
        Verdict { effect, retry }
    }
}

/// Returns the effect of a request whose response has this status, but not the API's own error body.
fn effect_of_status(status: u16) -> Effect {
    match status {
        // A proxy that gave up waiting: the service might still be working on the request.
        502 | 504 => Effect::Pending,
        ..300 | 500.. => Effect::Possible,
        300..500 => Effect::Refused,
    }
}

fn retry_of_status(status: u16, retry_after: Option<Duration>) -> Retry {
    match status {
        429 => Retry::WhenRequested,
        503 if retry_after.is_some() => Retry::WhenRequested,
        502..=504 => Retry::Soon,
        ..429 | 430..502 | 505.. => Retry::Never,
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
    pub(super) fn add(&mut self, effect: Effect) {
        match effect {
            Effect::NotSent | Effect::Refused => {}
            Effect::Possible => self.might_be_done = true,
            Effect::Pending => {
                self.might_be_done = true;
                self.might_follow = true;
            }
        }
    }
}

/// Why a request failed after its last attempt.
#[derive(Debug)]
pub(super) struct FailedCall {
    pub(super) error: ApiError,
    /// What all attempts together leave unknown.
    pub(super) outcome: UncertainOutcome,
}

impl FailedCall {
    /// Returns a failure that leaves nothing unknown.
    pub(super) fn settled(error: ApiError) -> Self {
        Self {
            error,
            outcome: UncertainOutcome::default(),
        }
    }

    /// Returns the error after a last lookup of the change. `looked_up`: the lookup succeeded and did not find
    /// the change; otherwise the lookup failed, too. `what` is the change, as a sentence in the past.
    pub(super) fn after_lookup(self, looked_up: bool, what: impl FnOnce() -> String) -> ApiError {
        if looked_up && !self.outcome.might_follow {
            return self.error;
        }
        uncertain(what(), self.error)
    }
}

/// Returns the error that it is unknown whether `what`, a sentence in the past, is true.
pub(super) fn uncertain(what: String, why: ApiError) -> ApiError {
    ApiError::Uncertain {
        what,
        source: Box::new(why),
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

    #[test]
    fn the_status_decides_about_effect_and_retry() {
        let requested = Some(Duration::from_secs(1));
        for (status, retry_after, effect, retry) in [
            (200, None, Effect::Possible, Retry::Never),
            (404, None, Effect::Refused, Retry::Never),
            (408, None, Effect::Refused, Retry::Never),
            (429, None, Effect::Refused, Retry::WhenRequested),
            (500, None, Effect::Possible, Retry::Never),
            (502, None, Effect::Pending, Retry::Soon),
            (503, None, Effect::Possible, Retry::Soon),
            (503, requested, Effect::Possible, Retry::WhenRequested),
            (504, requested, Effect::Pending, Retry::Soon),
        ] {
            assert_eq!(effect_of_status(status), effect, "{status}");
            assert_eq!(retry_of_status(status, retry_after), retry, "{status}");
        }
    }
}
