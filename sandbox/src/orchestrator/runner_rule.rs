//! Runner rules: which runner serves a project, an environment type, or both.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::error::ApiError;
use super::strict::{decode_lenient, not_null};

/// A rule as the API returns it and as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunnerRule {
    /// The organization of the rule.
    pub org_id: String,
    /// Its UUID, which the service generates.
    pub id: String,
    /// The runner that it selects.
    pub runner_id: String,
    /// Its project, or `""` for every project.
    pub project_id: String,
    /// Its environment type, or `""` for every environment type.
    pub env_type_id: String,
    /// When it was created (RFC 3339).
    pub created_at: String,
}

impl RunnerRule {
    /// Returns the key that rules are ordered by: the runner, then the id. A space sorts before every character of an id.
    pub(super) fn key(&self) -> String {
        format!("{} {}", self.runner_id, self.id)
    }
}

/// The body of a create call. A value that is not set is `""`.
pub(super) struct CreateRule {
    pub(super) runner_id: String,
    pub(super) project_id: String,
    pub(super) env_type_id: String,
}

impl CreateRule {
    /// Decodes and checks a body.
    ///
    /// # Errors
    /// A 400.
    pub(super) fn from_body(body: &Value) -> Result<Self, ApiError> {
        #[derive(Deserialize)]
        struct Body {
            runner_id: String,
            #[serde(default, deserialize_with = "not_null")]
            project_id: Option<String>,
            #[serde(default, deserialize_with = "not_null")]
            env_type_id: Option<String>,
        }
        let body: Body = decode_lenient(body, "")?;
        if body.runner_id.is_empty() {
            return Err(ApiError::bad_request("runner_id is mandatory to create a runner rule"));
        }
        Ok(Self {
            runner_id: body.runner_id,
            project_id: body.project_id.unwrap_or_default(),
            env_type_id: body.env_type_id.unwrap_or_default(),
        })
    }
}

/// The filters of the list call. An absent filter admits every rule. A rule without a project or an
/// environment type is for all of them, so those filters admit it, too (control plane, `ListRunnerRules`).
#[derive(Deserialize)]
pub(super) struct RuleFilter {
    #[serde(rename = "byRunnerId")]
    runner_id: Option<String>,
    #[serde(rename = "byProjectId")]
    project_id: Option<String>,
    #[serde(rename = "byEnvTypeId")]
    env_type_id: Option<String>,
}

impl RuleFilter {
    pub(super) fn admits(&self, rule: &RunnerRule) -> bool {
        let applies = |wanted: &Option<String>, value: &str| {
            value.is_empty() || wanted.as_deref().is_none_or(|wanted| wanted == value)
        };
        self.runner_id.as_deref().is_none_or(|wanted| wanted == rule.runner_id)
            && applies(&self.project_id, &rule.project_id)
            && applies(&self.env_type_id, &rule.env_type_id)
    }
}
