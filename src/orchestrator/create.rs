//! Creating without ever creating twice.
//!
//! A POST whose answer was lost is not repeated blindly: first it is looked up whether what was
//! sent is there. So a repeated POST never takes its own first success for somebody else's.

use super::answer::Answer;
use super::budget::Budget;
use super::client::{Client, Doubt};
use super::error::Error;
use super::request::Request;

/// Something that a POST creates and that can be found again.
pub(super) trait Creation: Sync {
    /// What there is afterwards.
    type Made: Send;

    /// The POST.
    fn request(&self, org: &str) -> Request;

    /// What a successful answer says.
    fn read(&self, answer: Answer) -> Result<Self::Made, Error>;

    /// Looks for what is there in its place.
    fn find(
        &self,
        client: &Client,
        budget: &Budget,
    ) -> impl Future<Output = Result<Found<Self::Made>, Error>> + Send;

    /// What was to happen, as a sentence in the past: ``runner `x` was created``.
    fn sentence(&self) -> String;

    /// That what has this id is in the way, as a sentence.
    fn taken(&self, id: &str) -> String;
}

/// What is there in the place of what was to be created.
pub(super) enum Found<T> {
    /// Nothing.
    Nothing,
    /// Exactly what was sent.
    Same {
        /// Its id.
        id: String,
        /// The thing itself.
        made: T,
    },
    /// Something else, which is in the way.
    Other {
        /// Its id.
        id: String,
        /// Its type, if that is not the provider's.
        other_type: Option<String>,
    },
}

impl Client {
    /// Creates it, with as many POSTs as that takes and the certainty that they make one thing.
    ///
    /// # Errors
    /// [`Error::Uncertain`] when it may exist all the same; with every other error it does not.
    pub(super) async fn create<C: Creation>(
        &self,
        creation: &C,
        budget: &Budget,
    ) -> Result<C::Made, Error> {
        let request = creation.request(self.org());
        let mut doubt = Doubt::default();
        let (mut number, mut failures) = (1, 0);
        loop {
            let read = |answer| creation.read(answer);
            let error = match self.once(&request, number, read, budget).await {
                Ok(made) => return Ok(made),
                Err(error) => error,
            };
            doubt.add(&error);
            if error.is_end() {
                return self.settle_at_the_end(creation, doubt, error).await;
            }
            if error.may_have_been_done() || error.is_conflict() {
                match creation.find(self, budget).await {
                    Ok(Found::Nothing) if error.is_conflict() => {
                        return Err(about(creation, doubt, error));
                    }
                    Ok(Found::Nothing) => {}
                    Ok(Found::Same { made, .. }) if doubt.was_there => return Ok(made),
                    Ok(Found::Same { id, .. }) => {
                        return Err(already_exists(creation, id, None, error));
                    }
                    Ok(Found::Other { id, other_type }) => {
                        return Err(already_exists(creation, id, other_type, error));
                    }
                    Err(failure @ Error::OrgNotFound { .. }) => return Err(failure),
                    // The refusal stands, whatever there is.
                    Err(_) if !doubt.was_there => return Err(error),
                    Err(failure) if failure.is_end() => {
                        return self.settle_at_the_end(creation, doubt, failure).await;
                    }
                    Err(failure) => return Err(uncertain(creation, failure)),
                }
            } else if !error.is_untouched() {
                return Err(about(creation, doubt, error));
            }
            failures += u32::from(!error.asks_to_come_back());
            if failures >= self.pace.attempts {
                return Err(about(creation, doubt, error));
            }
            if let Err(error) = self.wait(error, number, budget).await {
                return self.settle_at_the_end(creation, doubt, error).await;
            }
            number += 1;
        }
    }

    /// The time is up: looks once more, briefly, so that what was created is not lost.
    async fn settle_at_the_end<C: Creation>(
        &self,
        creation: &C,
        doubt: Doubt,
        error: Error,
    ) -> Result<C::Made, Error> {
        if !doubt.was_there {
            return Err(error);
        }
        match creation.find(self, &self.settling()).await {
            Ok(Found::Same { made, .. }) => Ok(made),
            Ok(Found::Other { id, other_type }) => {
                Err(already_exists(creation, id, other_type, error))
            }
            Ok(Found::Nothing) => Err(about(creation, doubt, error)),
            Err(_) => Err(uncertain(creation, error)),
        }
    }
}

/// The error with what is in doubt, after it was looked and nothing was there.
fn about<C: Creation>(creation: &C, doubt: Doubt, error: Error) -> Error {
    if doubt.lasts {
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

/// The error that something is in the way, in the service's words where it has said so.
fn already_exists<C: Creation>(
    creation: &C,
    id: String,
    other_type: Option<String>,
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
        other_type,
    }
}
