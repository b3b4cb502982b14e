//! The client: sends requests, repeats them, and knows whether the organization exists.

use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::OnceCell;
use tokio_util::sync::CancellationToken;

use super::answer::Answer;
use super::budget::Budget;
use super::error::Error;
use super::lookup::Settings;
use super::request::Request;
use super::retry::{Failure, RetryPolicy, UncertainOutcome};
use super::runners::Listing;
use super::transport::Transport;

/// A client of one organization's API. Creating one costs nothing: the first call sets the HTTP client up.
#[derive(Debug)]
pub struct Client {
    transport: Transport,
    pub(super) retry: RetryPolicy,
    org_seen: AtomicBool,
    /// The organization's runners, listed once: for the ids in use, and to know that a 404 comes from the service.
    pub(super) listing: OnceCell<Listing>,
}

impl Client {
    /// A client with these settings; [`user_agent`](super::user_agent) makes the `User-Agent`.
    #[must_use]
    pub fn new(settings: Settings, user_agent: String) -> Self {
        Self {
            transport: Transport::new(settings, user_agent),
            retry: RetryPolicy::DEFAULT,
            org_seen: AtomicBool::new(false),
            listing: OnceCell::new(),
        }
    }

    /// The organization's id.
    #[must_use]
    pub fn org(&self) -> &str {
        self.transport.org()
    }

    /// Whether a response has proved that the organization exists: something in it was read, changed or
    /// listed. An empty list proves nothing, because the Orchestrator returns one for an organization that
    /// does not exist, too (control plane, `ListRunners`).
    #[must_use]
    pub fn has_seen_org(&self) -> bool {
        self.org_seen.load(Ordering::Relaxed)
    }

    /// A response has proved that the organization exists.
    pub(super) fn see_org(&self) {
        self.org_seen.store(true, Ordering::Relaxed);
    }

    /// Sends a request once and reads its response.
    pub(super) async fn once<T>(
        &self,
        request: &Request,
        number: u32,
        read: impl Fn(Answer) -> Result<T, Error>,
        budget: &Budget,
    ) -> Result<T, Error> {
        let answer = self
            .transport
            .attempt(request, number, &self.retry, budget)
            .await?;
        let value = read(answer)?;
        if !request.is_list() {
            self.see_org();
        }
        Ok(value)
    }

    /// Sends a request that may be repeated (GET, PATCH, DELETE) until there is a definite response.
    pub(super) async fn repeat<T>(
        &self,
        request: &Request,
        read: impl Fn(Answer) -> Result<T, Error>,
        budget: &Budget,
    ) -> Result<T, Failure> {
        let mut outcome = UncertainOutcome::default();
        let (mut number, mut failures) = (1, 0);
        loop {
            let error = match self.once(request, number, &read, budget).await {
                Ok(value) => return Ok(value),
                Err(error) => error,
            };
            outcome.add(&error);
            failures += u32::from(!error.asks_to_come_back());
            if !error.is_transient() || failures >= self.retry.attempts {
                return Err(Failure { error, outcome });
            }
            if let Err(error) = self.wait(error, number, budget).await {
                return Err(Failure { error, outcome });
            }
            number += 1;
        }
    }

    /// Waits after a failed attempt: as long as the service asks, otherwise for a random while.
    ///
    /// # Errors
    /// The budget ended the wait, or the wait would be longer than what is left of the budget.
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
                // Every client gets the same moment; they must not all return in it.
                wait + self.retry.backoff(number)
            }
            _ => self.retry.backoff(number),
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

    /// Checks that a 404 is about something in the organization, not about the organization.
    ///
    /// The Orchestrator refuses a caller without rights on an organization with 403 before it looks for
    /// anything in it (control plane, `checkOrgAuthorization`), so its own 404 says nearly always that the
    /// organization exists. What remains is a caller with rights on organizations that do not exist: then
    /// only [`Client::has_seen_org`] tells the two apart, and the caller of this function reports that.
    ///
    /// # Errors
    /// [`Error::OrgNotFound`] where the service says so; whatever keeps the runners from being listed,
    /// because then the 404 might come from something else than the Orchestrator.
    pub(super) async fn confirm_org(&self, budget: &Budget) -> Result<(), Error> {
        if self.has_seen_org() {
            return Ok(());
        }
        // A caller who is not allowed to list might be allowed to read one runner.
        self.listing(budget).await.map(|_| ())
    }

    /// Returns the error, as [`Error::OrgNotFound`] where it says that the organization does not exist: a
    /// list call with 404, a create call with 409 and the message `organization not found` (control plane,
    /// `CreateRunner`).
    pub(super) fn about_org(&self, error: Error) -> Error {
        match error {
            Error::Refused {
                call,
                status,
                message,
                ..
            } if status == 404 || message.contains("organization not found") => {
                Error::OrgNotFound {
                    call,
                    org: self.org().to_owned(),
                    status,
                    message,
                }
            }
            other => other,
        }
    }

    /// Returns the budget for looking up an uncertain change after the caller's budget has ended.
    pub(super) fn settling(&self) -> Budget {
        Budget::new(self.retry.settling, CancellationToken::new())
    }
}
