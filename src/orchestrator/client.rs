//! The client: attempts, waits between them, and when to give up.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use serde::Deserialize;
use serde::de::IgnoredAny;
use tokio_util::sync::CancellationToken;

use super::answer::Answer;
use super::budget::Budget;
use super::connect_failure::ConnectFailure;
use super::error::Error;
use super::lookup::Settings;
use super::request::{self, Request};
use super::transport::Transport;

/// How attempts follow each other.
#[derive(Debug, Clone, Copy)]
pub(super) struct Pace {
    /// How often a request may fail. Five attempts bridge a restart of some seconds; what lasts longer
    /// is for a person to know. Being asked to come back is no failure: that ends with the budget.
    pub(super) attempts: u32,
    /// The longest wait before the second attempt; it doubles with each further one. Each wait is
    /// drawn evenly from zero up to it ("full jitter"), so that many clients do not return at once.
    pub(super) base: Duration,
    /// What the longest wait never exceeds.
    pub(super) cap: Duration,
    /// How long one attempt may take.
    pub(super) attempt: Duration,
    /// How long a POST that was sent is waited for after a stop. What is given up half-way is tainted
    /// in the state, and replaced by the next apply. Terraform waits for as long as it takes, but a
    /// person who sees nothing end presses Ctrl-C again, and that loses the state.
    pub(super) grace: Duration,
    /// How long it may take, after the time is up, to find out what became of a change.
    pub(super) settling: Duration,
}

const PACE: Pace = Pace {
    attempts: 5,
    base: Duration::from_millis(500),
    cap: Duration::from_secs(10),
    attempt: Duration::from_secs(30),
    grace: Duration::from_secs(10),
    settling: Duration::from_secs(3),
};

/// A client of one organization's API. Making one costs nothing: the HTTP client is set up by the
/// first call.
#[derive(Debug)]
pub struct Client {
    transport: Transport,
    pub(super) pace: Pace,
    /// Whether a call has succeeded, so that the organization is known to exist.
    org_seen: AtomicBool,
}

/// A page of anything.
#[derive(Deserialize)]
struct AnyPage {
    #[serde(rename = "items")]
    _items: Vec<IgnoredAny>,
}

/// What is not known about a change after failed attempts at it.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Doubt {
    /// One of the attempts may have been carried out.
    pub(super) was_there: bool,
    /// One of them may still be carried out, whatever a look at the moment shows.
    pub(super) lasts: bool,
}

impl Doubt {
    /// Adds what an attempt that failed leaves in doubt.
    pub(super) fn add(&mut self, error: &Error) {
        self.was_there |= error.may_have_been_done();
        self.lasts |= error.may_still_be_done();
    }
}

/// Why a repeatable request failed in the end.
pub(super) struct Failure {
    pub(super) error: Error,
    pub(super) doubt: Doubt,
}

impl Failure {
    /// The error after a last look at whether the change was made: it was not (`looked`), or the
    /// look failed, too. `what` is the change, as a sentence in the past.
    pub(super) fn unsettled(self, looked: bool, what: impl FnOnce() -> String) -> Error {
        if looked && !self.doubt.lasts {
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

impl Client {
    /// A client with these settings; [`user_agent`](super::user_agent) makes the `User-Agent`.
    #[must_use]
    pub fn new(settings: Settings, user_agent: String) -> Self {
        Self {
            transport: Transport::new(settings, user_agent),
            pace: PACE,
            org_seen: AtomicBool::new(false),
        }
    }

    /// The organization's id.
    #[must_use]
    pub fn org(&self) -> &str {
        self.transport.org()
    }

    /// Sends a request once and reads its answer.
    pub(super) async fn once<T>(
        &self,
        request: &Request,
        number: u32,
        read: impl Fn(Answer) -> Result<T, Error>,
        budget: &Budget,
    ) -> Result<T, Error> {
        let answer = self
            .transport
            .attempt(request, number, &self.pace, budget)
            .await?;
        let value = read(answer)?;
        self.org_seen.store(true, Ordering::Relaxed);
        Ok(value)
    }

    /// Sends a request that may be repeated (GET, PATCH, DELETE) until there is a definite answer.
    pub(super) async fn repeat<T>(
        &self,
        request: &Request,
        read: impl Fn(Answer) -> Result<T, Error>,
        budget: &Budget,
    ) -> Result<T, Failure> {
        let mut doubt = Doubt::default();
        let (mut number, mut failures) = (1, 0);
        loop {
            let error = match self.once(request, number, &read, budget).await {
                Ok(value) => return Ok(value),
                Err(error) => error,
            };
            doubt.add(&error);
            failures += u32::from(!error.asks_to_come_back());
            if !error.is_transient() || failures >= self.pace.attempts {
                return Err(Failure { error, doubt });
            }
            if let Err(error) = self.wait(error, number, budget).await {
                return Err(Failure { error, doubt });
            }
            number += 1;
        }
    }

    /// Waits after a failed attempt: as long as the service asks for, else for a random while.
    ///
    /// # Errors
    /// The wait was ended, or would be longer than what is left.
    pub(super) async fn wait(
        &self,
        error: Error,
        number: u32,
        budget: &Budget,
    ) -> Result<(), Error> {
        let Some(call) = error.call().cloned().map(Box::new) else {
            return Err(error);
        };
        let left = budget.left();
        let wait = match error {
            Error::Refused {
                status,
                retry_after: Some(wait),
                ..
            }
            | Error::Unexpected {
                status,
                retry_after: Some(wait),
                ..
            } => {
                if wait > left {
                    return Err(Error::TooLongToWait {
                        call,
                        status,
                        wait,
                        left,
                    });
                }
                // All clients are told the same moment; they need not return in it.
                wait + self.pace.backoff(number)
            }
            _ => self.pace.backoff(number),
        };
        tracing::warn!(%error, ?wait, "trying again");
        let last = Some(Box::new(error));
        let in_flight = false;
        tokio::select! {
            biased;
            () = budget.stop.cancelled() => Err(Error::Stopped { call, in_flight, last }),
            () = tokio::time::sleep_until(budget.deadline) => Err(Error::OutOfTime { call, in_flight, last }),
            () = tokio::time::sleep(wait) => Ok(()),
        }
    }

    /// Makes sure that the organization exists, so that a 404 is about what is in it.
    pub(super) async fn confirm_org(&self, budget: &Budget) -> Result<(), Error> {
        if self.org_seen.load(Ordering::Relaxed) {
            return Ok(());
        }
        let request = request::any_runner(self.org());
        let page = |answer: Answer| answer.object(200)?.decode::<AnyPage>();
        match self
            .repeat(&request, page, budget)
            .await
            .map_err(Error::from)
        {
            Ok(_) => Ok(()),
            // Whoever may not list may still know one runner by its id.
            Err(Error::Refused { status: 403, .. }) => Ok(()),
            Err(Error::Refused {
                call,
                status: 404,
                message,
                ..
            }) => Err(Error::OrgNotFound {
                call,
                org: self.org().to_owned(),
                message,
            }),
            Err(error) => Err(error),
        }
    }

    /// A budget of its own for finding out what became of a change when the time is up.
    pub(super) fn settling(&self) -> Budget {
        Budget::new(self.pace.settling, CancellationToken::new())
    }
}

impl Pace {
    fn backoff(&self, number: u32) -> Duration {
        let longest = self
            .base
            .saturating_mul(2_u32.saturating_pow(number.saturating_sub(1)))
            .min(self.cap);
        longest.mul_f64(fastrand::f64())
    }
}

impl Error {
    /// Whether the same request may succeed a moment later.
    fn is_transient(&self) -> bool {
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

    /// Whether the service is well and has asked for another attempt later.
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

    /// Whether a POST may be sent again without looking: it was certainly not carried out.
    pub(super) fn is_untouched(&self) -> bool {
        self.is_transient() && !self.may_have_been_done()
    }

    /// Whether the request may have been carried out although it failed.
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

    /// Whether the service may still be at it: there was no answer, or a proxy gave up waiting.
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
            let waits = (0..2000).map(|_| PACE.backoff(number));
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
