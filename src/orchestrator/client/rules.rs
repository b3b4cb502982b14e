//! The calls about runner rules.

use std::ops::ControlFlow;
use std::time::Duration;

use serde::{Deserialize, Deserializer, Serialize};

use super::Client;
use super::operations::{Creation, ExistingObject};
use super::paging::Pages;
use crate::orchestrator::budget::CallBudget;
use crate::orchestrator::error::{ApiError, Existing};
use crate::orchestrator::request::{Request, to_json};
use crate::orchestrator::response::Response;

/// Which runner a rule selects for which environments: everything but the rule's id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleKey {
    /// The runner.
    pub runner_id: String,
    /// The project; `None` for every project.
    #[serde(default, deserialize_with = "none_if_empty", skip_serializing_if = "Option::is_none")]
    pub project_id: Option<String>,
    /// The environment type; `None` for every environment type.
    #[serde(default, deserialize_with = "none_if_empty", skip_serializing_if = "Option::is_none")]
    pub env_type_id: Option<String>,
}

/// A rule of the organization.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Rule {
    /// The rule's UUID, which the service generates.
    pub id: String,
    /// Which runner it selects, and for what.
    #[serde(flatten)]
    pub key: RuleKey,
}

/// Which rules a list returns: those with each value that is set.
#[derive(Debug, Clone, Default)]
pub struct RuleFilter {
    /// The runner.
    pub runner_id: Option<String>,
    /// The project. Rules for every project are left out.
    pub project_id: Option<String>,
    /// The environment type. Rules for every environment type are left out.
    pub env_type_id: Option<String>,
}

/// The pages of the organization's rules.
pub struct RulePages<'a> {
    pages: Pages<'a, Rule>,
    filter: RuleFilter,
}

impl RulePages<'_> {
    /// Reads the next page. Returns `None` after the last one. A page can be empty.
    ///
    /// # Errors
    /// [`ApiError::OrgNotFound`], and whatever prevents the page from being read.
    pub async fn next(&mut self, budget: &CallBudget) -> Result<Option<Vec<Rule>>, ApiError> {
        let Some(mut page) = self.pages.next(budget).await? else {
            return Ok(None);
        };
        // The service also lists rules in which the project or the environment type is not set.
        let RuleFilter {
            runner_id: _,
            project_id,
            env_type_id,
        } = &self.filter;
        page.retain(|rule| {
            (project_id.is_none() || rule.key.project_id == *project_id)
                && (env_type_id.is_none() || rule.key.env_type_id == *env_type_id)
        });
        Ok(Some(page))
    }
}

/// Reads an optional text. The service returns `""` for one that is not set.
fn none_if_empty<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Ok(Option::<String>::deserialize(deserializer)?.filter(|text| !text.is_empty()))
}

impl Client {
    /// Returns the rules of the organization that match the filter, page by page.
    #[must_use]
    pub fn rules(&self, filter: RuleFilter) -> RulePages<'_> {
        let filters = [
            ("byRunnerId", filter.runner_id.as_deref()),
            ("byProjectId", filter.project_id.as_deref()),
            ("byEnvTypeId", filter.env_type_id.as_deref()),
        ];
        let list = filtered(self.org(), filters).with_query("per_page", "100");
        RulePages {
            pages: Pages::new(self, list),
            filter,
        }
    }

    /// Reads a rule. Returns `None` only for the service's own 404 to an authenticated caller;
    /// [`Client::has_seen_org`] says whether that can also mean a missing organization.
    ///
    /// # Errors
    /// Everything that leaves open whether the rule exists.
    pub async fn get_rule(&self, id: &str, budget: &CallBudget) -> Result<Option<Rule>, ApiError> {
        let read = |response| rule_in(response, 200);
        self.get(&self.get_rule_request(id), read, budget).await
    }

    /// Returns the time since a rule was created. `None` if the service does not say, or if the rule does not exist.
    async fn rule_age(&self, id: &str, budget: &CallBudget) -> Result<Option<Duration>, ApiError> {
        let read = |response: Response| Ok(response.object(200)?.age());
        let found = self.get(&self.get_rule_request(id), read, budget).await?;
        Ok(found.flatten())
    }

    fn get_rule_request(&self, id: &str) -> Request {
        Request::get(["orgs", self.org(), "runner-rules", id])
    }

    /// Creates a rule.
    ///
    /// # Errors
    /// [`ApiError::AlreadyExists`] if the organization has a rule for this project and environment type.
    /// [`ApiError::RunnerNotFound`] if the runner does not exist: the service reports a conflicting rule first
    /// (control plane, `CreateRunnerRule`), which is not the problem then.
    /// [`ApiError::EnvTypeNotFound`] if the service's message names the environment type, which no status distinguishes.
    /// [`ApiError::Uncertain`] if the rule might have been created; with every other error it was not.
    pub async fn create_rule(&self, key: &RuleKey, budget: &CallBudget) -> Result<Rule, ApiError> {
        let error = match self.create(key, budget).await {
            Ok(rule) => return Ok(rule),
            Err(error) => error,
        };
        let message = match &error {
            ApiError::AlreadyExists {
                existing: Existing::OtherRunner(_),
                message,
                ..
            }
            | ApiError::Refused {
                status: 409, message, ..
            } => message.clone(),
            // Only a conflict can hide a missing runner.
            _ => return Err(error),
        };
        match self.runner_exists(&key.runner_id, budget).await {
            Ok(false) => Err(ApiError::RunnerNotFound {
                id: key.runner_id.clone(),
                org: self.org().to_owned(),
                message,
            }),
            // The service's own error stands, also if the runner cannot be looked up.
            Ok(true) | Err(_) => Err(match (error, &key.env_type_id) {
                (
                    ApiError::Refused {
                        status: 409, message, ..
                    },
                    Some(id),
                ) if message.contains("environment type") => ApiError::EnvTypeNotFound {
                    id: id.clone(),
                    message,
                },
                (error, _) => error,
            }),
        }
    }

    /// Deletes a rule, if it exists.
    ///
    /// # Errors
    /// What the service refuses. [`ApiError::Uncertain`] if the rule might have been deleted.
    pub async fn delete_rule(&self, id: &str, budget: &CallBudget) -> Result<(), ApiError> {
        let request = Request::delete(["orgs", self.org(), "runner-rules", id]);
        let look_up = async { self.get_rule(id, &self.settling()).await };
        let what = || format!("runner rule {id:?} was deleted");
        self.delete(&request, look_up, what, budget).await
    }

    /// Returns the rule for exactly this key's project and environment type, whatever runner it selects. The
    /// service allows one such rule, and also lists rules that apply but are less specific.
    ///
    /// # Errors
    /// Everything that prevents the list from being complete.
    pub async fn find_rule(&self, key: &RuleKey, budget: &CallBudget) -> Result<Option<Rule>, ApiError> {
        let is_for = |rule: &Rule| rule.key.project_id == key.project_id && rule.key.env_type_id == key.env_type_id;
        let search = |page: Vec<Rule>| match page.into_iter().find(is_for) {
            Some(rule) => ControlFlow::Break(rule),
            None => ControlFlow::Continue(()),
        };
        self.each_page(list_request(self.org(), key), budget, search).await
    }
}

/// Returns the request for the rules that apply to this project and environment type. The service also returns
/// rules in which one of them is not set (control plane, `ListRunnerRules`), and no filter selects "not set".
fn list_request(org: &str, key: &RuleKey) -> Request {
    let filters = [
        ("byProjectId", key.project_id.as_deref()),
        ("byEnvTypeId", key.env_type_id.as_deref()),
    ];
    filtered(org, filters)
}

/// Returns the request for rules with these filters, as far as they are set.
fn filtered<const N: usize>(org: &str, filters: [(&'static str, Option<&str>); N]) -> Request {
    filters.into_iter().fold(
        Request::get(["orgs", org, "runner-rules"]),
        |request, (name, value)| match value {
            Some(value) => request.with_query(name, value),
            None => request,
        },
    )
}

impl Creation for RuleKey {
    type Created = Rule;

    fn request(&self, org: &str) -> Request {
        Request::post(["orgs", org, "runner-rules"], to_json(self))
    }

    fn read(&self, response: Response) -> Result<Rule, ApiError> {
        rule_in(response, 201)
    }

    async fn find(&self, client: &Client, budget: &CallBudget) -> Result<ExistingObject<Rule>, ApiError> {
        Ok(match client.find_rule(self, budget).await? {
            Some(created) if created.key == *self => ExistingObject::Same {
                id: created.id.clone(),
                age: client.rule_age(&created.id, budget).await?,
                created,
            },
            Some(other) => ExistingObject::Other {
                id: other.id,
                existing: Existing::OtherRunner(other.key.runner_id),
            },
            None => ExistingObject::Nothing,
        })
    }

    fn sentence(&self) -> String {
        format!("the rule for runner {:?} was created", self.runner_id)
    }

    fn in_the_way(&self, id: &str) -> String {
        format!("runner rule {id:?} exists for the same project and environment type")
    }
}

/// Reads the rule in a response.
fn rule_in(response: Response, status: u16) -> Result<Rule, ApiError> {
    response.object(status)?.decode()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_list_is_filtered_by_what_is_set() {
        let base = "https://a.example".parse().unwrap();
        let mut key = RuleKey {
            runner_id: "r".to_owned(),
            project_id: None,
            env_type_id: Some("d&v".to_owned()),
        };
        let url = |key: &RuleKey| list_request("o", key).url(&base).unwrap().to_string();
        let rules = "https://a.example/orgs/o/runner-rules";
        assert_eq!(url(&key), format!("{rules}?byEnvTypeId=d%26v"));
        key.project_id = Some("p".to_owned());
        assert_eq!(url(&key), format!("{rules}?byProjectId=p&byEnvTypeId=d%26v"));
    }
}
