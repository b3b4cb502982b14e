//! The calls about runner rules.

use std::ops::ControlFlow;

use serde::{Deserialize, Deserializer, Serialize};

use super::answer::Answer;
use super::budget::Budget;
use super::client::Client;
use super::create::{Creation, Found};
use super::error::{Error, Existing};
use super::request::{self, Request};

/// What a rule says: which runner it selects for which environments. This is everything but the rule's id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleKey {
    /// The runner.
    pub runner_id: String,
    /// The project, if the rule is about one.
    #[serde(
        default,
        deserialize_with = "none_if_empty",
        skip_serializing_if = "Option::is_none"
    )]
    pub project_id: Option<String>,
    /// The environment type, if the rule is about one.
    #[serde(
        default,
        deserialize_with = "none_if_empty",
        skip_serializing_if = "Option::is_none"
    )]
    pub env_type_id: Option<String>,
}

/// A rule of the organization.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Rule {
    /// The rule's UUID, made by the service.
    pub id: String,
    /// What the rule says.
    #[serde(flatten)]
    pub key: RuleKey,
}

/// The service returns `""` where nothing is set.
fn none_if_empty<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Ok(Option::<String>::deserialize(deserializer)?.filter(|text| !text.is_empty()))
}

impl Client {
    /// Reads a rule. `None` only for the service's own 404 to an authenticated caller; whether that can
    /// also mean a missing organization is what [`Client::has_seen_org`] says.
    ///
    /// # Errors
    /// Everything that leaves open whether the rule exists.
    pub async fn get_rule(&self, id: &str, budget: &Budget) -> Result<Option<Rule>, Error> {
        let request = request::get_rule(self.org(), id);
        match self
            .repeat(&request, |answer| rule_in(answer, 200), budget)
            .await
        {
            Ok(rule) => Ok(Some(rule)),
            Err(failure) if failure.error.is_not_found() => {
                self.confirm_org(budget).await?;
                Ok(None)
            }
            Err(failure) => Err(failure.error),
        }
    }

    /// Creates a rule.
    ///
    /// # Errors
    /// [`Error::AlreadyExists`] if the organization has a rule for this project and environment type.
    /// [`Error::RunnerNotFound`] if the runner does not exist: the service reports a conflicting rule first
    /// (control plane, `CreateRunnerRule`), which is not what has to be fixed then.
    /// [`Error::Uncertain`] if the rule might have been created; with every other error it was not.
    pub async fn create_rule(&self, key: &RuleKey, budget: &Budget) -> Result<Rule, Error> {
        let error = match self.create(key, budget).await {
            Ok(rule) => return Ok(rule),
            Err(error) => error,
        };
        let message = match &error {
            Error::AlreadyExists {
                existing: Existing::OtherRunner(_),
                message,
                ..
            }
            | Error::Refused {
                status: 409,
                message,
                ..
            } => message.clone(),
            _ => return Err(error),
        };
        match self.runner_exists(&key.runner_id, budget).await {
            Ok(false) => Err(Error::RunnerNotFound {
                id: key.runner_id.clone(),
                org: self.org().to_owned(),
                message,
            }),
            // The service's own error stands, also where the runner cannot be looked up.
            Ok(true) | Err(_) => Err(error),
        }
    }

    /// Deletes a rule, if it exists.
    ///
    /// # Errors
    /// What the service refuses. [`Error::Uncertain`] if the rule might have been deleted.
    pub async fn delete_rule(&self, id: &str, budget: &Budget) -> Result<(), Error> {
        let request = request::delete_rule(self.org(), id);
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
        match self.get_rule(id, &self.settling()).await {
            Ok(None) => Ok(()),
            found => {
                Err(failure.unsettled(found.is_ok(), || format!("runner rule {id:?} was deleted")))
            }
        }
    }

    /// Returns the rule for exactly this key's project and environment type, whatever runner it selects. The
    /// service allows one such rule, and also lists rules that apply but are less specific.
    ///
    /// # Errors
    /// Everything that keeps the list from being complete.
    pub async fn find_rule(&self, key: &RuleKey, budget: &Budget) -> Result<Option<Rule>, Error> {
        let is_for = |rule: &Rule| {
            rule.key.project_id == key.project_id && rule.key.env_type_id == key.env_type_id
        };
        let search = |page: Vec<Rule>| match page.into_iter().find(is_for) {
            Some(rule) => ControlFlow::Break(rule),
            None => ControlFlow::Continue(()),
        };
        self.each_page(&request::list_rules(self.org(), key), budget, search)
            .await
    }
}

impl Creation for RuleKey {
    type Created = Rule;

    fn request(&self, org: &str) -> Request {
        request::create_rule(org, self)
    }

    fn read(&self, answer: Answer) -> Result<Rule, Error> {
        rule_in(answer, 201)
    }

    async fn find(&self, client: &Client, budget: &Budget) -> Result<Found<Rule>, Error> {
        Ok(match client.find_rule(self, budget).await? {
            Some(created) if created.key == *self => Found::Same {
                id: created.id.clone(),
                created,
            },
            Some(other) => Found::Other {
                id: other.id,
                existing: Existing::OtherRunner(other.key.runner_id),
            },
            None => Found::Nothing,
        })
    }

    fn sentence(&self) -> String {
        format!("the rule for runner {:?} was created", self.runner_id)
    }

    fn taken(&self, id: &str) -> String {
        format!("runner rule {id:?} exists for the same project and environment type")
    }
}

fn rule_in(answer: Answer, status: u16) -> Result<Rule, Error> {
    answer.object(status)?.decode()
}
