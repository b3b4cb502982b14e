//! The one retry loop.

use super::Client;
use crate::orchestrator::budget::CallBudget;
use crate::orchestrator::error::ApiError;
use crate::orchestrator::request::Request;
use crate::orchestrator::response::Response;
use crate::orchestrator::retry::{FailedCall, Retry, UncertainOutcome, Verdict};

/// What follows a failed attempt.
pub(super) enum RetryDecision<T> {
    /// The request can be sent again, if the policy and the budget allow another attempt.
    SendAgain(ApiError),
    /// The request has failed.
    GiveUp(ApiError),
    /// A lookup has shown how the request ended.
    Settled(Result<T, ApiError>),
}

/// Decides what follows a failed attempt.
pub(super) trait DecideRetry<T>: Sync {
    /// Returns the decision. `outcome` is what all attempts up to this one leave unknown.
    fn decide(
        &self,
        error: ApiError,
        verdict: Verdict,
        outcome: UncertainOutcome,
    ) -> impl Future<Output = RetryDecision<T>> + Send;
}

/// The decision about a request that can be repeated without a lookup (GET, PATCH, DELETE).
struct Repeatable;

impl<T: Send> DecideRetry<T> for Repeatable {
    async fn decide(&self, error: ApiError, verdict: Verdict, _: UncertainOutcome) -> RetryDecision<T> {
        match verdict.retry {
            Retry::Soon | Retry::WhenRequested => RetryDecision::SendAgain(error),
            Retry::Never | Retry::Ended => RetryDecision::GiveUp(error),
        }
    }
}

impl Client {
    /// Sends a request that can be repeated without a lookup (GET, PATCH, DELETE) until there is a definite
    /// response. The response proves that the organization exists.
    pub(super) async fn repeat<T: Send>(
        &self,
        request: &Request,
        read: impl Fn(Response) -> Result<T, ApiError>,
        budget: &CallBudget,
    ) -> Result<T, FailedCall> {
        let value = self.send(request, read, &Repeatable, budget).await?;
        self.see_org();
        Ok(value)
    }

    /// As [`Client::repeat`], for a response that proves nothing about the organization.
    pub(super) async fn repeat_list<T: Send>(
        &self,
        request: &Request,
        read: impl Fn(Response) -> Result<T, ApiError>,
        budget: &CallBudget,
    ) -> Result<T, FailedCall> {
        self.send(request, read, &Repeatable, budget).await
    }

    /// Sends a request until it succeeds, the decision is final, or the policy or the budget ends the attempts.
    pub(super) async fn send<T>(
        &self,
        request: &Request,
        read: impl Fn(Response) -> Result<T, ApiError>,
        after_failure: &impl DecideRetry<T>,
        budget: &CallBudget,
    ) -> Result<T, FailedCall> {
        let mut outcome = UncertainOutcome::default();
        let (mut number, mut failures) = (1, 0);
        loop {
            let attempt = self.transport.attempt(request, number, &self.retry, budget);
            let error = match attempt.await.and_then(&read) {
                Ok(value) => return Ok(value),
                Err(error) => error,
            };
            let verdict = error.verdict();
            outcome.add(verdict.effect);
            let error = match after_failure.decide(error, verdict, outcome).await {
                RetryDecision::SendAgain(error) => error,
                RetryDecision::GiveUp(error) => return Err(FailedCall { error, outcome }),
                RetryDecision::Settled(result) => return result.map_err(FailedCall::settled),
            };
            failures += u32::from(verdict.retry != Retry::WhenRequested);
            if failures >= self.retry.attempts {
                return Err(FailedCall { error, outcome });
            }
            if let Err(error) = self.wait(error, number, budget).await {
                return Err(FailedCall { error, outcome });
            }
            number += 1;
        }
    }

    /// Waits after a failed attempt: as long as the service asks, otherwise for a random time.
    ///
    /// # Errors
    /// The budget ended the wait, or the wait would be longer than what is left of the budget.
    async fn wait(&self, error: ApiError, number: u32, budget: &CallBudget) -> Result<(), ApiError> {
        let Some(call) = error.call().cloned().map(Box::new) else {
            return Err(error);
        };
        let mut wait = self.retry.backoff(number);
        if let Some((status, requested)) = error.retry_after() {
            let left = budget.left();
            if requested > left {
                return Err(ApiError::TooLongToWait {
                    call,
                    status,
                    wait: requested,
                    left,
                });
            }
            // The service names the same moment to every client; they must not all return in it.
            wait += requested;
        }
        tracing::warn!(%error, ?wait, "trying again");
        let last = Some(Box::new(error));
        let in_flight = false;
        tokio::select! {
            biased;
            () = budget.stop.cancelled() => Err(ApiError::Stopped { call, in_flight, last }),
            () = tokio::time::sleep_until(budget.deadline) => {
                Err(ApiError::DeadlineExceeded { call, in_flight, last })
            }
            () = tokio::time::sleep(wait) => Ok(()),
        }
    }
}
