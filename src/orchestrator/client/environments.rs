//! The calls about environments.

use std::ops::ControlFlow;

use serde::Deserialize;

use super::Client;
use crate::orchestrator::budget::CallBudget;
use crate::orchestrator::error::ApiError;
use crate::orchestrator::request::Request;

/// An environment of the organization.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct DeployedEnvironment {
    /// Its ID, which is unique in its project.
    pub id: String,
    /// The ID of its project.
    pub project_id: String,
    /// The ID of its environment type.
    pub env_type_id: String,
    /// `active`, `deleting`, or `delete_failed`.
    pub status: String,
    /// The runner that it keeps until it is refreshed. `None` before its first deployment.
    #[serde(default)]
    runner_id: Option<String>,
}

impl Client {
    /// Returns the environments that use a runner, in every project. The list call of the organization's environments
    /// (control plane, `listEnvironmentsInOrg`) has no filter for the runner.
    ///
    /// # Errors
    /// Everything that prevents the list from being complete.
    pub async fn environments_of(
        &self,
        runner_id: &str,
        budget: &CallBudget,
    ) -> Result<Vec<DeployedEnvironment>, ApiError> {
        let list = Request::get(["orgs", self.org(), "envs"]).with_query("per_page", "100");
        let mut found = Vec::new();
        let add = |page: Vec<DeployedEnvironment>| {
            let uses = |environment: &DeployedEnvironment| environment.runner_id.as_deref() == Some(runner_id);
            found.extend(page.into_iter().filter(uses));
            ControlFlow::<()>::Continue(())
        };
        self.each_page(list, budget, add).await?;
        Ok(found)
    }
}
