//! The calls about runners.

use serde::Deserialize;
use serde_json::Value;

use super::answer::{Answer, Object};
use super::budget::Budget;
use super::client::Client;
use super::create::{Creation, Found};
use super::error::Error;
use super::request::{self, Request};
use crate::runner::{Runner, pod_template, validate};
use crate::secrets::redacted;

const EKS: &str = "kubernetes-eks";

/// What a runner of every type has.
#[derive(Deserialize)]
struct OfAnyType {
    id: String,
    runner_configuration: ConfigurationOfAnyType,
}

#[derive(Deserialize)]
struct ConfigurationOfAnyType {
    #[serde(rename = "type")]
    kind: String,
}

impl Client {
    /// Reads a runner. `None` only if the service itself says, to a caller whom it knows, that the
    /// organization exists and has no such runner.
    ///
    /// # Errors
    /// [`Error::OtherType`] for a runner of another type; everything that leaves open whether the
    /// runner exists.
    pub async fn get_runner(&self, id: &str, budget: &Budget) -> Result<Option<Runner>, Error> {
        let request = request::get_runner(self.org(), id);
        match self
            .repeat(&request, |answer| runner_in(answer, 200, id), budget)
            .await
        {
            Ok(runner) => Ok(Some(runner)),
            Err(failure) if failure.error.is_not_found() => {
                self.confirm_org(budget).await?;
                Ok(None)
            }
            Err(failure) => Err(failure.error),
        }
    }

    /// Creates a runner and returns it as the service has it.
    ///
    /// # Errors
    /// [`Error::AlreadyExists`] if the id is taken. [`Error::Uncertain`] if the runner may have been
    /// created; with every other error it was not.
    pub async fn create_runner(&self, runner: &Runner, budget: &Budget) -> Result<Runner, Error> {
        self.create(runner, budget).await
    }

    /// Makes the runner with this id be as given, and returns it as the service has it.
    ///
    /// # Errors
    /// [`Error::is_not_found`] if there is no such runner. [`Error::Uncertain`] if the update may
    /// have been made; with every other error it was not.
    pub async fn update_runner(&self, runner: &Runner, budget: &Budget) -> Result<Runner, Error> {
        let request = request::update_runner(self.org(), runner);
        let read = |answer| runner_in(answer, 200, &runner.id);
        let failure = match self.repeat(&request, read, budget).await {
            Ok(runner) => return Ok(runner),
            Err(failure) => failure,
        };
        if !failure.doubt.was_there {
            return Err(failure.error);
        }
        match self.get_runner(&runner.id, &self.settling()).await {
            Ok(Some(found)) if same(runner, &found) => Ok(found),
            found => Err(failure.unsettled(found.is_ok(), || {
                format!("runner `{}` was updated", runner.id)
            })),
        }
    }

    /// Deletes an EKS runner; that it is gone already is as good.
    ///
    /// # Errors
    /// [`Error::OtherType`] if the id is that of a runner of another type by now; it stays.
    /// [`Error::is_conflict`] with the service's message if environments use the runner.
    /// [`Error::Uncertain`] if the runner may have been deleted.
    pub async fn delete_runner(&self, id: &str, budget: &Budget) -> Result<(), Error> {
        // A DELETE takes whatever has the id.
        let request = request::get_runner(self.org(), id);
        let look = |answer| eks_object(answer, 200, id);
        match self.repeat(&request, look, budget).await {
            Ok(_) => {}
            Err(failure) if failure.error.is_not_found() => return self.confirm_org(budget).await,
            Err(failure) => return Err(failure.error),
        }
        let request = request::delete_runner(self.org(), id);
        let failure = match self
            .repeat(&request, |answer| answer.expect(204), budget)
            .await
        {
            Ok(_) => return Ok(()),
            Err(failure) => failure,
        };
        if failure.error.is_not_found() {
            return self.confirm_org(budget).await;
        }
        if !failure.doubt.was_there {
            return Err(failure.error);
        }
        match self.get_runner(id, &self.settling()).await {
            Ok(None) => Ok(()),
            found => Err(failure.unsettled(found.is_ok(), || format!("runner `{id}` was deleted"))),
        }
    }
}

impl Creation for Runner {
    type Made = Self;

    fn request(&self, org: &str) -> Request {
        request::create_runner(org, self)
    }

    fn read(&self, answer: Answer) -> Result<Self, Error> {
        runner_in(answer, 201, &self.id)
    }

    async fn find(&self, client: &Client, budget: &Budget) -> Result<Found<Self>, Error> {
        let id = self.id.clone();
        match client.get_runner(&id, budget).await {
            Ok(Some(made)) if same(self, &made) => Ok(Found::Same { id, made }),
            Ok(Some(_)) => Ok(Found::Other {
                id,
                other_type: None,
            }),
            Err(Error::OtherType { found, .. }) => Ok(Found::Other {
                id,
                other_type: Some(found),
            }),
            Ok(None) => Ok(Found::Nothing),
            Err(error) => Err(error),
        }
    }

    fn sentence(&self) -> String {
        format!("runner `{}` was created", self.id)
    }

    fn taken(&self, id: &str) -> String {
        format!("runner `{id}` exists, and it is another than the one that was sent")
    }
}

/// The EKS runner in an answer.
fn runner_in(answer: Answer, status: u16, id: &str) -> Result<Runner, Error> {
    let object = eks_object(answer, status, id)?;
    Runner::deserialize(&object.fields).map_err(|error| {
        let storage = object.fields.pointer("/state_storage_configuration/type");
        let what = match storage.and_then(Value::as_str) {
            Some(kind) if validate::state_storage_type(kind).is_err() => {
                format!("its state storage is of type `{kind}`")
            }
            _ => error.to_string(),
        };
        Error::Unsupported {
            id: id.to_owned(),
            what: redacted(what),
        }
    })
}

/// The answer about this runner, which must be of type `kubernetes-eks`.
fn eks_object(answer: Answer, status: u16, id: &str) -> Result<Object, Error> {
    let object = answer.object(status)?;
    let found: OfAnyType = object.decode()?;
    if found.id != id {
        return Err(object.wrong(&format!("it is about the runner `{}`", found.id)));
    }
    let kind = found.runner_configuration.kind;
    if kind != EKS {
        return Err(Error::OtherType {
            id: id.to_owned(),
            found: redacted(kind),
        });
    }
    Ok(object)
}

/// Whether the runner that was found is the one that was sent, in whatever spelling.
fn same(sent: &Runner, found: &Runner) -> bool {
    let bare = |runner: &Runner| {
        let mut runner = runner.clone();
        let template = runner.runner_configuration.job.pod_template.take();
        let template = template.map(|template| Value::Object(template).to_string());
        (template, without_empty(request::json_of(&runner)))
    };
    let ((sent_template, sent), (found_template, found)) = (bare(sent), bare(found));
    let same_template = match (&sent_template, &found_template) {
        (Some(sent), Some(found)) => pod_template::equal(sent, found),
        (sent, found) => sent == found,
    };
    same_template && sent == found
}

/// The value without the empty texts, which are none to the service.
fn without_empty(value: Value) -> Value {
    match value {
        Value::Object(fields) => fields
            .into_iter()
            .filter(|(_, value)| value.as_str() != Some(""))
            .map(|(name, value)| (name, without_empty(value)))
            .collect(),
        other => other,
    }
}
