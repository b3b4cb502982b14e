//! The objects of the stand-in: the runners and runner rules of one organization.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{SystemTime, UNIX_EPOCH};

use k8s_openapi::jiff::Timestamp;
use serde_json::Value;
use uuid::Uuid;

use super::environment::Environment;
use super::error::ApiError;
use super::runner::{Create, Runner, Update};
use super::runner_rule::{CreateRule, RunnerRule};

/// The objects. They are in memory, and live as long as the server.
pub(super) struct Store {
    org: String,
    runners: BTreeMap<String, Runner>,
    rules: BTreeMap<String, RunnerRule>,
    /// The environments (`project/environment`) that prevent a runner from being deleted, by the runner's id.
    environments: BTreeMap<String, BTreeSet<String>>,
    /// The environment types that exist. `None` means any.
    env_types: Option<Vec<String>>,
}

impl Store {
    pub(super) fn new(org: String, env_types: Option<Vec<String>>) -> Self {
        Self {
            org,
            runners: BTreeMap::new(),
            rules: BTreeMap::new(),
            environments: BTreeMap::new(),
            env_types,
        }
    }

    /// Returns the organization's id.
    pub(super) fn org(&self) -> &str {
        &self.org
    }

    /// Returns all runners of `org`, ordered by id: none for an organization that does not exist (control plane,
    /// `ListRunners`).
    pub(super) fn list(&self, org: &str) -> impl Iterator<Item = &Runner> {
        self.runners.values().filter(move |_| org == self.org)
    }

    /// # Errors
    /// 409 for another organization or an id that is in use.
    pub(super) fn create(&mut self, org: &str, body: Create) -> Result<Runner, ApiError> {
        self.check_org_for_create(org)?;
        if self.runners.contains_key(&body.id) {
            return Err(ApiError::conflict(format!("runner with id {} already exists", body.id)));
        }
        let now = now();
        let runner = Runner {
            org_id: self.org.clone(),
            id: body.id.clone(),
            description: body.description,
            created_at: now.clone(),
            updated_at: now,
            runner_configuration: body.runner_configuration,
            state_storage_configuration: body.state_storage_configuration,
        };
        self.runners.insert(body.id, runner.clone());
        Ok(runner)
    }

    /// # Errors
    /// 404.
    pub(super) fn get(&self, org: &str, id: &str) -> Result<&Runner, ApiError> {
        self.runners
            .get(id)
            .filter(|_| org == self.org)
            .ok_or_else(runner_not_found)
    }

    /// # Errors
    /// 404, and 400 for a `type` that is not the runner's.
    pub(super) fn update(&mut self, org: &str, id: &str, body: Update) -> Result<Runner, ApiError> {
        let runner = self
            .runners
            .get_mut(id)
            .filter(|_| org == self.org)
            .ok_or_else(runner_not_found)?;
        body.apply(runner)?;
        runner.updated_at = now();
        Ok(runner.clone())
    }

    /// # Errors
    /// 404, and 409 while environments use the runner.
    pub(super) fn delete(&mut self, org: &str, id: &str) -> Result<(), ApiError> {
        self.get(org, id)?;
        if let Some(users) = self.environments.get(id).filter(|users| !users.is_empty()) {
            // The service's message contains one page of environments.
            let users: Vec<&str> = users.iter().map(String::as_str).take(10).collect();
            return Err(ApiError::conflict(format!(
                "runner {id} is in use by the environments: {}",
                users.join(", ")
            )));
        }
        self.remove(id);
        Ok(())
    }

    /// Returns all rules of `org`, ordered by runner and id: none for an organization that does not exist.
    pub(super) fn list_rules(&self, org: &str) -> Vec<&RunnerRule> {
        let mut rules: Vec<&RunnerRule> = self.rules.values().filter(|_| org == self.org).collect();
        rules.sort_by_key(|rule| rule.key());
        rules
    }

    /// # Errors
    /// In the service's order (control plane, `CreateRunnerRule`): 409 for another organization, for a pair of project
    /// and environment type that has a rule, and for a runner or environment type that does not exist.
    pub(super) fn create_rule(&mut self, org: &str, body: CreateRule) -> Result<RunnerRule, ApiError> {
        self.check_org_for_create(org)?;
        if let Some(existing) = self
            .rules
            .values()
            .find(|rule| rule.project_id == body.project_id && rule.env_type_id == body.env_type_id)
        {
            return Err(ApiError::conflict(format!(
                "runner rule conflicts with existing rule '{}' for runner '{}'",
                existing.id, existing.runner_id
            )));
        }
        if !self.runners.contains_key(&body.runner_id) {
            return Err(not_found("runner", &body.runner_id));
        }
        let known = |types: &Vec<String>| types.contains(&body.env_type_id);
        if !body.env_type_id.is_empty() && !self.env_types.as_ref().is_none_or(known) {
            return Err(not_found("environment type", &body.env_type_id));
        }
        let rule = RunnerRule {
            org_id: self.org.clone(),
            id: Uuid::new_v4().to_string(),
            runner_id: body.runner_id,
            project_id: body.project_id,
            env_type_id: body.env_type_id,
            created_at: now(),
        };
        self.rules.insert(rule.id.clone(), rule.clone());
        Ok(rule)
    }

    /// # Errors
    /// 404.
    pub(super) fn get_rule(&self, org: &str, id: &str) -> Result<&RunnerRule, ApiError> {
        self.rules
            .get(id)
            .filter(|_| org == self.org)
            .ok_or_else(rule_not_found)
    }

    /// # Errors
    /// 404.
    pub(super) fn delete_rule(&mut self, org: &str, id: &str) -> Result<(), ApiError> {
        self.get_rule(org, id)?;
        self.rules.remove(id);
        Ok(())
    }

    /// Returns every stored runner, ordered by id.
    pub(super) fn runners(&self) -> Vec<Runner> {
        self.runners.values().cloned().collect()
    }

    /// Returns every stored rule, ordered by runner and id.
    pub(super) fn rules(&self) -> Vec<RunnerRule> {
        self.list_rules(&self.org).into_iter().cloned().collect()
    }

    /// Stores a runner of any type without a check. It replaces a runner with the same id.
    pub(super) fn put(
        &mut self,
        id: &str,
        description: Option<String>,
        runner_configuration: Value,
        state_storage_configuration: Value,
    ) -> Runner {
        let now = now();
        let created_at = self
            .runners
            .get(id)
            .map_or_else(|| now.clone(), |runner| runner.created_at.clone());
        let runner = Runner {
            org_id: self.org.clone(),
            id: id.to_owned(),
            description,
            created_at,
            updated_at: now,
            runner_configuration,
            state_storage_configuration,
        };
        self.runners.insert(id.to_owned(), runner.clone());
        runner
    }

    /// Changes a runner, except its id and organization. Returns `false` if it does not exist.
    pub(super) fn edit(&mut self, id: &str, change: impl FnOnce(&mut Runner)) -> bool {
        let Some(runner) = self.runners.get_mut(id) else {
            return false;
        };
        change(runner);
        id.clone_into(&mut runner.id);
        self.org.clone_into(&mut runner.org_id);
        runner.updated_at = now();
        true
    }

    /// Removes a runner and its rules, even if it is in use. Returns `false` if it does not exist.
    pub(super) fn remove(&mut self, id: &str) -> bool {
        self.rules.retain(|_, rule| rule.runner_id != id);
        self.environments.remove(id);
        self.runners.remove(id).is_some()
    }

    /// Returns all environments of `org`: none for an organization that does not exist. An environment with the runner
    /// id `""` has no runner yet.
    pub(super) fn environments(&self, org: &str) -> Vec<Environment> {
        let runners = self.environments.iter().filter(|_| org == self.org);
        let mut found: Vec<_> = runners
            .flat_map(|(id, names)| {
                let runner = (!id.is_empty()).then_some(id.as_str());
                names.iter().map(move |name| Environment::new(name, runner))
            })
            .collect();
        found.sort_by_key(Environment::key);
        found
    }

    /// Sets the environments that use the runner. Without any, it can be deleted.
    pub(super) fn set_environments(&mut self, id: &str, environments: BTreeSet<String>) {
        self.environments.insert(id.to_owned(), environments);
    }

    /// Returns the error of a create call about another organization: 409, where the other calls have 404.
    fn check_org_for_create(&self, org: &str) -> Result<(), ApiError> {
        if org == self.org {
            Ok(())
        } else {
            Err(ApiError::conflict("organization not found"))
        }
    }
}

/// Returns the time in RFC 3339 with microseconds, as databases store it.
fn now() -> String {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_micros())
        .ok()
        .and_then(|micros| Timestamp::from_microsecond(micros).ok())
        .unwrap_or(Timestamp::MAX)
        .to_string()
}

fn runner_not_found() -> ApiError {
    ApiError::not_found("runner not found")
}

fn rule_not_found() -> ApiError {
    ApiError::not_found("runner rule not found")
}

/// Returns the error about a rule that names something that does not exist.
fn not_found(what: &str, id: &str) -> ApiError {
    ApiError::conflict(format!("{what} '{id}' not found"))
}
