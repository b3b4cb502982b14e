//! A runner rule: which runner serves a project, an environment type, or both.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::error::ApiError;
use super::strict::decode;

/// A rule as the API returns it and as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunnerRule {
    /// The organization it belongs to.
    pub org_id: String,
    /// Its UUID, made by the service.
    pub id: String,
    /// The runner it leads to.
    pub runner_id: String,
    /// The project it is for, or `""`.
    pub project_id: String,
    /// The environment type it is for, or `""`.
    pub env_type_id: String,
    /// When it was created (RFC 3339).
    pub created_at: String,
}

/// The body of a create call; what was unset is `""`.
pub(super) struct CreateRule {
    pub(super) runner_id: String,
    pub(super) project_id: String,
    pub(super) env_type_id: String,
}

impl CreateRule {
    /// The error is a 400.
    pub(super) fn from_body(body: &Value) -> Result<Self, ApiError> {
        #[derive(Deserialize)]
        struct Body {
            runner_id: String,
            project_id: Option<String>,
            env_type_id: Option<String>,
        }
        let body: Body = decode(body, "")?;
        Ok(Self {
            runner_id: body.runner_id,
            project_id: body.project_id.unwrap_or_default(),
            env_type_id: body.env_type_id.unwrap_or_default(),
        })
    }
}

/// The filters of the list call; one that is absent or empty lets every rule through.
#[derive(Deserialize)]
pub(super) struct RuleFilter {
    #[serde(rename = "byRunnerId", default)]
    runner_id: String,
    #[serde(rename = "byProjectId", default)]
    project_id: String,
    #[serde(rename = "byEnvTypeId", default)]
    env_type_id: String,
}

impl RuleFilter {
    pub(super) fn admits(&self, rule: &RunnerRule) -> bool {
        let admits = |wanted: &str, value: &str| wanted.is_empty() || wanted == value;
        admits(&self.runner_id, &rule.runner_id)
            && admits(&self.project_id, &rule.project_id)
            && admits(&self.env_type_id, &rule.env_type_id)
    }
}
