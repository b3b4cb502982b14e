//! The calls about runners.

use std::collections::HashMap;
use std::ops::ControlFlow;

use serde::Deserialize;
use serde_json::Value;

use super::answer::{Answer, Object};
use super::budget::Budget;
use super::client::Client;
use super::create::{Creation, Found};
use super::error::{Error, Existing};
use super::request::{self, Call, Request};
use crate::runner::{Runner, pod_template, validate};
use crate::secrets::redacted;

const EKS: &str = "kubernetes-eks";

/// The fields that runners of every type have, in a summary, too.
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

/// What the service returned for the list of all runners.
#[derive(Debug)]
pub(super) enum Listing {
    /// The type of each runner by its id.
    Runners(HashMap<String, String>),
    /// The caller is not allowed to list them (403).
    Forbidden {
        /// The call.
        call: Box<Call>,
        /// The service's message.
        message: String,
    },
}

impl Client {
    /// Reads a runner. `None` only for the service's own 404 to an authenticated caller; whether that can
    /// also mean a missing organization is what [`Client::has_seen_org`] says.
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

    /// Returns the id and the type of every runner of the organization, as they were when this client first needed
    /// them: it lists them once.
    ///
    /// # Errors
    /// Everything that keeps the list from being complete.
    pub async fn list_runners(&self, budget: &Budget) -> Result<&HashMap<String, String>, Error> {
        match self.listing(budget).await? {
            Listing::Runners(runners) => Ok(runners),
            Listing::Forbidden { call, message } => Err(Error::Refused {
                call: call.clone(),
                status: 403,
                message: message.clone(),
                retry_after: None,
            }),
        }
    }

    /// Lists the runners, unless this client has done so.
    ///
    /// # Errors
    /// Everything that keeps the list from being complete, but that the caller is not allowed to list.
    pub(super) async fn listing(&self, budget: &Budget) -> Result<&Listing, Error> {
        let list = || async {
            match self.every_runner(budget).await {
                Ok(runners) => Ok(Listing::Runners(runners)),
                Err(Error::Refused {
                    call,
                    status: 403,
                    message,
                    ..
                }) => Ok(Listing::Forbidden { call, message }),
                Err(error) => Err(error),
            }
        };
        self.listing.get_or_try_init(list).await
    }

    async fn every_runner(&self, budget: &Budget) -> Result<HashMap<String, String>, Error> {
        let mut runners = HashMap::new();
        let add = |page: Vec<OfAnyType>| {
            let entry = |runner: OfAnyType| (runner.id, runner.runner_configuration.kind);
            runners.extend(page.into_iter().map(entry));
            ControlFlow::<()>::Continue(())
        };
        self.each_page(&request::list_runners(self.org()), budget, add)
            .await?;
        Ok(runners)
    }

    /// Whether a runner of any type has this id.
    ///
    /// # Errors
    /// Everything that leaves open whether the runner exists.
    pub(super) async fn runner_exists(&self, id: &str, budget: &Budget) -> Result<bool, Error> {
        match self.get_runner(id, budget).await {
            Ok(runner) => Ok(runner.is_some()),
            Err(Error::OtherType { .. } | Error::Unsupported { .. }) => Ok(true),
            Err(error) => Err(error),
        }
    }

    /// Creates a runner and returns it as the service stores it.
    ///
    /// # Errors
    /// [`Error::AlreadyExists`] if the id is in use. [`Error::Uncertain`] if the runner might have been
    /// created; with every other error it was not.
    pub async fn create_runner(&self, runner: &Runner, budget: &Budget) -> Result<Runner, Error> {
        self.create(runner, budget).await
    }

    /// Changes the runner with this id to `runner`, and returns it as the service stores it.
    ///
    /// # Errors
    /// [`Error::is_not_found`] if the runner does not exist. [`Error::Uncertain`] if the update might
    /// have been made; with every other error it was not.
    pub async fn update_runner(&self, runner: &Runner, budget: &Budget) -> Result<Runner, Error> {
        let request = request::update_runner(self.org(), runner);
        let read = |answer| runner_in(answer, 200, &runner.id);
        let failure = match self.repeat(&request, read, budget).await {
            Ok(runner) => return Ok(runner),
            Err(failure) => failure,
        };
        if !failure.outcome.might_be_done {
            return Err(failure.error);
        }
        match self.get_runner(&runner.id, &self.settling()).await {
            Ok(Some(found)) if same(runner, &found) => Ok(found),
            found => Err(failure.unsettled(found.is_ok(), || {
                format!("runner {:?} was updated", runner.id)
            })),
        }
    }

    /// Deletes an EKS runner, if it exists.
    ///
    /// # Errors
    /// [`Error::OtherType`] if a runner of another type has the id by now; it is not deleted.
    /// [`Error::is_conflict`] with the service's message if environments use the runner.
    /// [`Error::Uncertain`] if the runner might have been deleted.
    pub async fn delete_runner(&self, id: &str, budget: &Budget) -> Result<(), Error> {
        // A DELETE would delete whatever has the id.
        let request = request::get_runner(self.org(), id);
        let read = |answer| eks_object(answer, 200, id);
        match self.repeat(&request, read, budget).await {
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
        if !failure.outcome.might_be_done {
            return Err(failure.error);
        }
        match self.get_runner(id, &self.settling()).await {
            Ok(None) => Ok(()),
            found => Err(failure.unsettled(found.is_ok(), || format!("runner {id:?} was deleted"))),
        }
    }
}

impl Creation for Runner {
    type Created = Self;

    fn request(&self, org: &str) -> Request {
        request::create_runner(org, self)
    }

    fn read(&self, answer: Answer) -> Result<Self, Error> {
        runner_in(answer, 201, &self.id)
    }

    async fn find(&self, client: &Client, budget: &Budget) -> Result<Found<Self>, Error> {
        let id = self.id.clone();
        match client.get_runner(&id, budget).await {
            Ok(Some(created)) if same(self, &created) => Ok(Found::Same { id, created }),
            Ok(Some(_)) => Ok(Found::Other {
                id,
                existing: Existing::Importable,
            }),
            Err(Error::OtherType { found, .. }) => Ok(Found::Other {
                id,
                existing: Existing::OtherType(found),
            }),
            Ok(None) => Ok(Found::Nothing),
            Err(error) => Err(error),
        }
    }

    fn sentence(&self) -> String {
        format!("runner {:?} was created", self.id)
    }

    fn taken(&self, id: &str) -> String {
        format!("runner {id:?} exists with other values")
    }
}

/// Reads the EKS runner in a response.
fn runner_in(answer: Answer, status: u16, id: &str) -> Result<Runner, Error> {
    let object = eks_object(answer, status, id)?;
    Runner::deserialize(&object.fields).map_err(|error| {
        let storage = object.fields.pointer("/state_storage_configuration/type");
        let what = match storage.and_then(Value::as_str) {
            Some(kind) if validate::state_storage_type(kind).is_err() => {
                format!("its state storage has type `{kind}`")
            }
            _ => error.to_string(),
        };
        Error::Unsupported {
            id: id.to_owned(),
            what: redacted(what),
        }
    })
}

/// Reads a response about this runner, which must have type `kubernetes-eks`.
fn eks_object(answer: Answer, status: u16, id: &str) -> Result<Object, Error> {
    let object = answer.object(status)?;
    let found: OfAnyType = object.decode()?;
    if found.id != id {
        return Err(object.wrong(&format!("it is about runner {:?}", found.id)));
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

/// Whether the runner that was found equals the one that was sent; spellings of JSON do not count.
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
