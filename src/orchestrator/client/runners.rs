//! The calls about one runner.

use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};

use super::Client;
use super::operations::{Creation, ExistingObject};
use super::runner_list::RunnerSummary;
use crate::orchestrator::budget::CallBudget;
use crate::orchestrator::error::{ApiError, Existing};
use crate::orchestrator::request::{Request, to_json};
use crate::orchestrator::response::{JsonObject, Response};
use crate::runner::{Runner, RunnerType, pod_template, validate};
use crate::secrets::redacted;

impl Client {
    /// Reads a runner. Returns `None` only for the service's own 404 to an authenticated caller;
    /// [`Client::has_seen_org`] says whether that can also mean a missing organization.
    ///
    /// # Errors
    /// [`ApiError::OtherType`] for a runner of another type, and everything that leaves open whether the runner
    /// exists.
    pub async fn get_runner(&self, id: &str, budget: &CallBudget) -> Result<Option<Runner>, ApiError> {
        let found = self.get_runner_and_age(id, budget).await?;
        Ok(found.map(|(runner, _)| runner))
    }

    /// As [`Client::get_runner`], with the time since the runner was created.
    async fn get_runner_and_age(
        &self,
        id: &str,
        budget: &CallBudget,
    ) -> Result<Option<(Runner, Option<Duration>)>, ApiError> {
        let read = |response| {
            let object = eks_object(response, 200, id)?;
            Ok((eks_runner(&object, id)?, object.age()))
        };
        self.get(&self.get_request(id), read, budget).await
    }

    /// Returns whether a runner of any type has this id.
    ///
    /// # Errors
    /// Everything that leaves open whether the runner exists.
    pub async fn runner_exists(&self, id: &str, budget: &CallBudget) -> Result<bool, ApiError> {
        match self.get_runner(id, budget).await {
            Ok(runner) => Ok(runner.is_some()),
            Err(ApiError::OtherType { .. } | ApiError::Unsupported { .. }) => Ok(true),
            Err(error) => Err(error),
        }
    }

    /// Creates a runner and returns it as the service stores it.
    ///
    /// # Errors
    /// [`ApiError::AlreadyExists`] if the id is in use. [`ApiError::Uncertain`] if the runner might have been created;
    /// with every other error it was not.
    pub async fn create_runner(&self, runner: &Runner, budget: &CallBudget) -> Result<Runner, ApiError> {
        self.create(runner, budget).await
    }

    /// Changes the runner with this id to `runner`, and returns it as the service stores it.
    ///
    /// # Errors
    /// [`ApiError::is_not_found`] if the runner does not exist. [`ApiError::Uncertain`] if the update might have been
    /// made; with every other error it was not.
    pub async fn update_runner(&self, runner: &Runner, budget: &CallBudget) -> Result<Runner, ApiError> {
        let request = update_request(self.org(), runner);
        let read = |response| runner_in(response, 200, &runner.id);
        let failure = match self.repeat(&request, read, budget).await {
            Ok(runner) => return Ok(runner),
            Err(failure) => failure,
        };
        if !failure.outcome.might_be_done {
            return Err(failure.error);
        }
        match self.get_runner(&runner.id, &self.settling()).await {
            Ok(Some(found)) if is_same(runner, &found) => Ok(found),
            found => Err(failure.after_lookup(found.is_ok(), || format!("runner {:?} was updated", runner.id))),
        }
    }

    /// Deletes an EKS runner, if it exists.
    ///
    /// # Errors
    /// [`ApiError::OtherType`] if a runner of another type now has the id; it is not deleted.
    /// [`ApiError::is_conflict`] with the service's message if environments use the runner.
    /// [`ApiError::Uncertain`] if the runner might have been deleted.
    pub async fn delete_runner(&self, id: &str, budget: &CallBudget) -> Result<(), ApiError> {
        // A DELETE would delete any runner with this id, so its type is read first.
        let read = |response| eks_object(response, 200, id);
        let found = self.get(&self.get_request(id), read, budget).await?;
        if found.is_none() {
            return Ok(());
        }
        let request = Request::delete(["orgs", self.org(), "runners", id]);
        let look_up = async { self.get_runner(id, &self.settling()).await };
        let what = || format!("runner {id:?} was deleted");
        self.delete(&request, look_up, what, budget).await
    }

    fn get_request(&self, id: &str) -> Request {
        Request::get(["orgs", self.org(), "runners", id])
    }
}

/// Returns the update that makes the stored runner equal to `runner`. The service keeps an absent field as it
/// was, so everything is sent, and a description that is not set is sent as an empty string.
fn update_request(org: &str, runner: &Runner) -> Request {
    let Runner {
        id,
        description,
        runner_configuration,
        state_storage_configuration,
    } = runner;
    let body = json!({
        "description": description.as_deref().unwrap_or_default(),
        "runner_configuration": to_json(runner_configuration),
        "state_storage_configuration": to_json(state_storage_configuration),
    });
    Request::patch(["orgs", org, "runners", id], body)
}

impl Creation for Runner {
    type Created = Self;

    fn request(&self, org: &str) -> Request {
        Request::post(["orgs", org, "runners"], to_json(self))
    }

    fn read(&self, response: Response) -> Result<Self, ApiError> {
        runner_in(response, 201, &self.id)
    }

    async fn find(&self, client: &Client, budget: &CallBudget) -> Result<ExistingObject<Self>, ApiError> {
        let id = self.id.clone();
        match client.get_runner_and_age(&id, budget).await {
            Ok(Some((created, age))) if is_same(self, &created) => Ok(ExistingObject::Same { id, created, age }),
            Ok(Some(_)) => Ok(ExistingObject::Other {
                id,
                existing: Existing::Importable,
            }),
            Err(ApiError::OtherType { found, .. }) => Ok(ExistingObject::Other {
                id,
                existing: Existing::OtherType(found),
            }),
            Ok(None) => Ok(ExistingObject::Nothing),
            Err(error) => Err(error),
        }
    }

    fn sentence(&self) -> String {
        format!("runner {:?} was created", self.id)
    }

    fn in_the_way(&self, id: &str) -> String {
        format!("runner {id:?} already exists")
    }
}

/// Reads the EKS runner in a response.
fn runner_in(response: Response, status: u16, id: &str) -> Result<Runner, ApiError> {
    eks_runner(&eks_object(response, status, id)?, id)
}

/// Reads the EKS runner in an object.
fn eks_runner(object: &JsonObject, id: &str) -> Result<Runner, ApiError> {
    Runner::deserialize(&object.fields).map_err(|error| {
        let storage = object.fields.pointer("/state_storage_configuration/type");
        let what = match storage.and_then(Value::as_str) {
            Some(kind) if validate::state_storage_type(kind).is_err() => {
                format!("its state storage has type `{kind}`")
            }
            _ => error.to_string(),
        };
        ApiError::Unsupported {
            id: id.to_owned(),
            what: redacted(what),
        }
    })
}

/// Reads a response about this runner, which must have type `kubernetes-eks`.
fn eks_object(response: Response, status: u16, id: &str) -> Result<JsonObject, ApiError> {
    let object = response.object(status)?;
    let found: RunnerSummary = object.decode()?;
    if found.id != id {
        return Err(object.unexpected(&format!("it is about runner {:?}", found.id)));
    }
    let kind = found.runner_configuration.kind;
    if kind != RunnerType::EKS {
        return Err(ApiError::OtherType {
            id: id.to_owned(),
            found: redacted(kind),
        });
    }
    Ok(object)
}

/// Returns whether the runner that was found equals the one that was sent. The spelling of JSON does not count.
fn is_same(sent: &Runner, found: &Runner) -> bool {
    let without_template = |runner: &Runner| {
        let mut runner = runner.clone();
        let template = runner.runner_configuration.job.pod_template.take();
        let template = template.map(|template| Value::Object(template).to_string());
        (template, without_empty(to_json(&runner)))
    };
    let (sent_template, sent) = without_template(sent);
    let (found_template, found) = without_template(found);
    let is_same_template = match (&sent_template, &found_template) {
        (Some(sent), Some(found)) => pod_template::equal(sent, found),
        (sent, found) => sent == found,
    };
    is_same_template && sent == found
}

/// Returns the value without empty strings, which mean "not set" to the service.
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
