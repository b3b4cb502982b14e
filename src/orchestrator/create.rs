//! Creating without ever creating twice.
//!
//! After a lost response, the client looks up whether the object exists before it sends the POST again. So a
//! repeated POST never takes its own first success for somebody else's object.

use super::answer::Answer;
use super::budget::Budget;
use super::client::Client;
use super::error::{Error, Existing};
use super::request::Request;
use super::retry::UncertainOutcome;

/// Something that a POST creates and that can be found again.
pub(super) trait Creation: Sync {
    /// The created object.
    type Created: Send;

    /// Returns the POST.
    fn request(&self, org: &str) -> Request;

    /// Reads the object from a successful response.
    fn read(&self, answer: Answer) -> Result<Self::Created, Error>;

    /// Looks up what exists in its place.
    fn find(
        &self,
        client: &Client,
        budget: &Budget,
    ) -> impl Future<Output = Result<Found<Self::Created>, Error>> + Send;

    /// Returns the creation as a sentence in the past: `runner "x" was created`.
    fn sentence(&self) -> String;

    /// Returns a sentence that the object with this id is in the way.
    fn taken(&self, id: &str) -> String;
}

/// What exists in the place of what is to be created.
pub(super) enum Found<T> {
    /// Nothing.
    Nothing,
    /// Exactly what was sent.
    Same {
        /// Its id.
        id: String,
        /// The object.
        created: T,
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
    /// [`Error::Uncertain`] when the object might exist nevertheless; with every other error it does not.
    pub(super) async fn create<C: Creation>(
        &self,
        creation: &C,
        budget: &Budget,
    ) -> Result<C::Created, Error> {
        let request = creation.request(self.org());
        let mut outcome = UncertainOutcome::default();
        let (mut number, mut failures) = (1, 0);
        loop {
            let read = |answer| creation.read(answer);
            let error = match self.once(&request, number, read, budget).await {
                Ok(created) => return Ok(created),
                Err(error) => error,
            };
            outcome.add(&error);
            if error.is_end() {
                return self.settle_at_the_end(creation, outcome, error).await;
            }
            if error.may_have_been_done() || error.is_conflict() {
                match creation.find(self, budget).await {
                    Ok(Found::Nothing) if error.is_conflict() => {
                        return Err(about(creation, outcome, self.about_org(error)));
                    }
                    Ok(Found::Nothing) => {}
                    Ok(Found::Same { created, .. }) if outcome.might_be_done => return Ok(created),
                    Ok(Found::Same { id, .. }) => {
                        return Err(already_exists(creation, id, Existing::Importable, error));
                    }
                    Ok(Found::Other { id, existing }) => {
                        return Err(already_exists(creation, id, existing, error));
                    }
                    Err(failure @ Error::OrgNotFound { .. }) => return Err(failure),
                    // The refusal stands, whatever exists.
                    Err(_) if !outcome.might_be_done => return Err(error),
                    Err(failure) if failure.is_end() => {
                        return self.settle_at_the_end(creation, outcome, failure).await;
                    }
                    Err(failure) => return Err(uncertain(creation, failure)),
                }
            } else if !error.is_untouched() {
                return Err(about(creation, outcome, error));
            }
            failures += u32::from(!error.asks_to_come_back());
            if failures >= self.retry.attempts {
                return Err(about(creation, outcome, error));
            }
            if let Err(error) = self.wait(error, number, budget).await {
                return self.settle_at_the_end(creation, outcome, error).await;
            }
            number += 1;
        }
    }

    /// The budget has ended: looks the object up once more, briefly, so that it is not lost.
    async fn settle_at_the_end<C: Creation>(
        &self,
        creation: &C,
        outcome: UncertainOutcome,
        error: Error,
    ) -> Result<C::Created, Error> {
        if !outcome.might_be_done {
            return Err(error);
        }
        match creation.find(self, &self.settling()).await {
            Ok(Found::Same { created, .. }) => Ok(created),
            Ok(Found::Other { id, existing }) => Err(already_exists(creation, id, existing, error)),
            Ok(Found::Nothing) => Err(about(creation, outcome, error)),
            Err(_) => Err(uncertain(creation, error)),
        }
    }
}

/// Returns the error after a lookup that found nothing.
fn about<C: Creation>(creation: &C, outcome: UncertainOutcome, error: Error) -> Error {
    if outcome.might_follow {
        uncertain(creation, error)
    } else {
        error
    }
}

fn uncertain<C: Creation>(creation: &C, error: Error) -> Error {
    Error::Uncertain {
        what: creation.sentence(),
        source: Box::new(error),
    }
}

/// Returns the error that something is in the way, in the service's words if it has any.
fn already_exists<C: Creation>(
    creation: &C,
    id: String,
    existing: Existing,
    error: Error,
) -> Error {
    let message = match error {
        Error::Refused {
            status: 409,
            message,
            ..
        } => message,
        _ => creation.taken(&id),
    };
    Error::AlreadyExists {
        id,
        message,
        existing,
    }
}
