//! Creating and deleting without doing it twice, and reading what might not exist.
//!
//! After a lost response, the client looks up whether the object exists before it sends the POST again. So a
//! repeated POST never takes its own first success for somebody else's object. An object that is older than the POST is
//! not its result, even if it has every value that was sent.

use std::time::{Duration, Instant};

use super::Client;
use super::attempts::{DecideRetry, RetryDecision};
use crate::orchestrator::budget::CallBudget;
use crate::orchestrator::error::{ApiError, Existing};
use crate::orchestrator::request::Request;
use crate::orchestrator::response::Response;
use crate::orchestrator::retry::{Effect, Retry, UncertainOutcome, Verdict, uncertain};

/// Something that a POST creates and that can be found again.
pub(super) trait Creation: Sync {
    /// The created object.
    type Created: Send;

    /// Returns the POST.
    fn request(&self, org: &str) -> Request;

    /// Reads the object from a successful response.
    fn read(&self, response: Response) -> Result<Self::Created, ApiError>;

    /// Looks up what exists in its place.
    fn find(
        &self,
        client: &Client,
        budget: &CallBudget,
    ) -> impl Future<Output = Result<ExistingObject<Self::Created>, ApiError>> + Send;

    /// Returns the creation as a sentence in the past: `runner "x" was created`.
    fn sentence(&self) -> String;

    /// Returns a sentence that the object with this id is in the way.
    fn in_the_way(&self, id: &str) -> String;
}

/// What exists in the place of an object that is to be created.
pub(super) enum ExistingObject<T> {
    /// Nothing.
    Nothing,
    /// Exactly what was sent.
    Same {
        /// Its id.
        id: String,
        /// The object.
        created: T,
        /// How long ago it was created, by the service's clock. `None` if the service does not say.
        age: Option<Duration>,
    },
    /// Something else, which is in the way.
    Other {
        /// Its id.
        id: String,
        /// What it is.
        existing: Existing,
    },
}

impl Client {
    /// Creates the object once, with as many POSTs as that takes.
    ///
    /// # Errors
    /// [`ApiError::Uncertain`] if the object might exist nevertheless; with every other error it does not.
    pub(super) async fn create<C: Creation>(&self, creation: &C, budget: &CallBudget) -> Result<C::Created, ApiError> {
        let request = creation.request(self.org());
        let read = |response| creation.read(response);
        let lookup = LookupBeforeRetry {
            client: self,
            creation,
            budget,
            start: Instant::now(),
        };
        let failure = match self.send(&request, read, &lookup, budget).await {
            Ok(created) => {
                self.see_org();
                return Ok(created);
            }
            Err(failure) => failure,
        };
        let sentence = || creation.sentence();
        if !failure.outcome.might_be_done || failure.error.verdict().retry != Retry::Ended {
            return Err(failure.after_lookup(true, sentence));
        }
        // The budget has ended: look the object up once more, briefly, so that it is not lost.
        match creation.find(self, &self.settling()).await {
            Ok(ExistingObject::Same { created, age, .. }) if lookup.is_result(age) => Ok(created),
            Ok(ExistingObject::Same { id, .. }) => {
                let existing = Existing::Importable;
                Err(already_exists(creation, id, existing, failure.error))
            }
            Ok(ExistingObject::Other { id, existing }) => Err(already_exists(creation, id, existing, failure.error)),
            Ok(ExistingObject::Nothing) => Err(failure.after_lookup(true, sentence)),
            Err(_) => Err(failure.after_lookup(false, sentence)),
        }
    }

    /// Reads an object. Returns `None` only for the service's own 404 in an organization that exists.
    ///
    /// # Errors
    /// Everything that leaves open whether the object exists.
    pub(super) async fn get<T: Send>(
        &self,
        request: &Request,
        read: impl Fn(Response) -> Result<T, ApiError>,
        budget: &CallBudget,
    ) -> Result<Option<T>, ApiError> {
        match self.repeat(request, read, budget).await {
            Ok(object) => Ok(Some(object)),
            Err(failure) if failure.error.is_not_found() => {
                self.confirm_org(budget).await?;
                Ok(None)
            }
            Err(failure) => Err(failure.error),
        }
    }

    /// Sends a DELETE until the object is gone. `look_up` reads the object, `what` is the deletion as a sentence
    /// in the past.
    ///
    /// # Errors
    /// What the service refuses. [`ApiError::Uncertain`] if the object might have been deleted.
    pub(super) async fn delete<T>(
        &self,
        request: &Request,
        look_up: impl Future<Output = Result<Option<T>, ApiError>> + Send,
        what: impl FnOnce() -> String,
        budget: &CallBudget,
    ) -> Result<(), ApiError> {
        let read = |response: Response| response.expect(204).map(drop);
        let failure = match self.repeat(request, read, budget).await {
            Ok(()) => return Ok(()),
            Err(failure) => failure,
        };
        if failure.error.is_not_found() {
            return self.confirm_org(budget).await;
        }
        if !failure.outcome.might_be_done {
            return Err(failure.error);
        }
        match look_up.await {
            Ok(None) => Ok(()),
            found => Err(failure.after_lookup(found.is_ok(), what)),
        }
    }
}

/// The decision about a POST: a lookup comes before the next one, unless nothing was created for certain.
struct LookupBeforeRetry<'a, C> {
    client: &'a Client,
    creation: &'a C,
    budget: &'a CallBudget,
    /// When the first POST was sent.
    start: Instant,
}

/// How much the clock that sets `created_at` (of the control plane, `CreateRunner`) and the one that sets the `Date` header
/// (of a gateway) can differ.
const CLOCKS: Duration = Duration::from_secs(60);

impl<C: Creation> DecideRetry<C::Created> for LookupBeforeRetry<'_, C> {
    async fn decide(&self, error: ApiError, verdict: Verdict, outcome: UncertainOutcome) -> RetryDecision<C::Created> {
        match (verdict.retry, verdict.effect) {
            (Retry::Ended, _) => RetryDecision::GiveUp(error),
            (_, Effect::Possible | Effect::Pending) => self.look_up(error, outcome).await,
            // Something exists in the place of the object: an earlier attempt might have created it.
            (Retry::Never, Effect::Refused) if error.is_conflict() => self.look_up(error, outcome).await,
            (Retry::Never, Effect::NotSent | Effect::Refused) => RetryDecision::GiveUp(error),
            (Retry::Soon | Retry::WhenRequested, Effect::NotSent | Effect::Refused) => RetryDecision::SendAgain(error),
        }
    }
}

impl<C: Creation> LookupBeforeRetry<'_, C> {
    /// Returns whether an object of this age, which has every value that was sent, can be the result of the POST.
    ///
    /// With `create_before_destroy`, Terraform sends the POST while the old object exists, which can have the same values
    /// and the same id. If the old object counted as the new one, Terraform would delete it afterwards.
    fn is_result(&self, age: Option<Duration>) -> bool {
        age.is_none_or(|age| age <= self.start.elapsed() + CLOCKS)
    }

    async fn look_up(&self, error: ApiError, outcome: UncertainOutcome) -> RetryDecision<C::Created> {
        let creation = self.creation;
        match creation.find(self.client, self.budget).await {
            Ok(ExistingObject::Nothing) if error.is_conflict() => {
                RetryDecision::GiveUp(self.client.or_org_not_found(error))
            }
            Ok(ExistingObject::Nothing) => RetryDecision::SendAgain(error),
            Ok(ExistingObject::Same { created, age, .. }) if outcome.might_be_done && self.is_result(age) => {
                RetryDecision::Settled(Ok(created))
            }
            Ok(ExistingObject::Same { id, .. }) => {
                RetryDecision::Settled(Err(already_exists(creation, id, Existing::Importable, error)))
            }
            Ok(ExistingObject::Other { id, existing }) => {
                RetryDecision::Settled(Err(already_exists(creation, id, existing, error)))
            }
            Err(org @ ApiError::OrgNotFound { .. }) => RetryDecision::Settled(Err(org)),
            // The service refused the request, whatever exists.
            Err(_) if !outcome.might_be_done => RetryDecision::GiveUp(error),
            Err(failure) if failure.verdict().retry == Retry::Ended => RetryDecision::GiveUp(failure),
            Err(failure) => RetryDecision::Settled(Err(uncertain(creation.sentence(), failure))),
        }
    }
}

/// Returns the error that something is in the way, in the service's words if it has any.
fn already_exists<C: Creation>(creation: &C, id: String, existing: Existing, error: ApiError) -> ApiError {
    let message = match error {
        ApiError::Refused {
            status: 409, message, ..
        } => message,
        _ => creation.in_the_way(&id),
    };
    ApiError::AlreadyExists { id, message, existing }
}
