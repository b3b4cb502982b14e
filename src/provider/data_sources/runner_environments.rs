//! The data source `platform-orchestrator_runner_environments`: the environments that use a runner.

use std::sync::Arc;

use async_trait::async_trait;

use crate::orchestrator::{ApiError, DeployedEnvironment};
use crate::provider::api_diagnostics;
use crate::provider::connection::Connection;
use crate::provider::eks_runner::ENVIRONMENTS;
use crate::provider::text_rules::TextRules;
use crate::provider::timeouts;
use crate::runner::validate;
use terraform_plugin_server::{
    Attribute, CallContext, DataSource, Diagnostic, Nesting, Path, ReadResponse, Schema, ValidateConfig, Value,
};

/// The data source.
pub(in crate::provider) struct RunnerEnvironmentsData {
    connection: Arc<Connection>,
}

impl RunnerEnvironmentsData {
    pub(in crate::provider) fn new(connection: Arc<Connection>) -> Self {
        Self { connection }
    }

    async fn list(&self, context: CallContext, config: &Value) -> Result<Value, Diagnostic> {
        let client = self.connection.client_now()?;
        let budget = timeouts::default_budget(&context);
        let id = config.get("runner_id").as_str().unwrap_or_default();
        let failed = |error: ApiError| {
            let what = format!("Could not list the environments of runner {id:?}");
            api_diagnostics::failed(what, &error, &[])
        };
        let environments = client.environments_of(id, &budget).await.map_err(failed)?;
        // An empty list must not hide a mistyped ID.
        if environments.is_empty() && !client.runner_exists(id, &budget).await.map_err(failed)? {
            let detail = format!(
                "Runner {id:?} does not exist in organization {:?}.\n\nCheck the ID and the provider's org_id. \
                 `{} get runners` lists the runners.",
                client.org(),
                client.cli(),
            );
            return Err(Diagnostic::error("Runner not found", detail).at(Path::new(["runner_id"])));
        }
        Ok(Value::object([
            ("runner_id", id.into()),
            (
                "environments",
                Value::List(environments.iter().map(environment).collect()),
            ),
        ]))
    }
}

fn environment(environment: &DeployedEnvironment) -> Value {
    Value::object([
        ("project_id", environment.project_id.as_str().into()),
        ("id", environment.id.as_str().into()),
        ("env_type_id", environment.env_type_id.as_str().into()),
        ("status", environment.status.as_str().into()),
    ])
}

#[async_trait]
impl DataSource for RunnerEnvironmentsData {
    fn type_name(&self) -> &'static str {
        ENVIRONMENTS
    }

    fn schema(&self) -> Schema {
        let computed = |name, description: &'static str| Attribute::string(name, description).computed();
        Schema {
            version: 0,
            description: "The environments that use a runner, of any type and in every project. An environment gets its \
                          runner from the rules at its first deployment and keeps it until it is refreshed. A runner \
                          that environments use cannot be deleted.",
            attributes: vec![
                Attribute::string("runner_id", "The ID of the runner.").required(),
                Attribute::nested(
                    "environments",
                    "The environments.",
                    Nesting::List,
                    vec![
                        computed("project_id", "The ID of the project."),
                        computed("id", "The ID of the environment, which is unique in its project."),
                        computed("env_type_id", "The ID of the environment type."),
                        computed("status", "`active`, `deleting`, or `delete_failed`."),
                    ],
                )
                .computed(),
            ],
        }
    }

    async fn read(&self, context: CallContext, config: Value) -> ReadResponse {
        self.list(context, &config).await.into()
    }

    fn validate_config(&self) -> Option<&dyn ValidateConfig> {
        Some(&TextRules(&[(&["runner_id"], validate::runner_id)]))
    }
}
