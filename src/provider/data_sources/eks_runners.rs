//! The data source `platform-orchestrator_kubernetes_eks_runners`: the list of the organization's EKS runners.

use std::sync::Arc;

use async_trait::async_trait;

use crate::orchestrator::ListedRunner;
use crate::provider::api_diagnostics;
use crate::provider::connection::Connection;
use crate::provider::text_rules::TextRules;
use crate::provider::timeouts;
use crate::runner::{StorageType, validate};
use terraform_plugin_server::{
    Attribute, CallContext, DataSource, Diagnostic, Nesting, ReadResponse, Schema, ValidateConfig, Value,
};

/// The data source.
pub(in crate::provider) struct EksRunnersData {
    connection: Arc<Connection>,
}

impl EksRunnersData {
    pub(in crate::provider) fn new(connection: Arc<Connection>) -> Self {
        Self { connection }
    }

    async fn list(&self, context: CallContext, config: &Value) -> Result<Value, Diagnostic> {
        let client = self.connection.client_now()?;
        let budget = timeouts::default_budget(&context);
        let mut pages = client.eks_runners(config.get("id_prefix").as_str().unwrap_or_default());
        let mut runners = Vec::new();
        let not_listed = |error| api_diagnostics::not_listed(&client, "runners", &error);
        while let Some(page) = pages.next(&budget).await.map_err(not_listed)? {
            runners.extend(page.iter().map(runner));
        }
        Ok(Value::object([
            ("id_prefix", config.get("id_prefix").clone()),
            ("runners", Value::List(runners)),
        ]))
    }
}

fn runner(runner: &ListedRunner) -> Value {
    Value::object([
        ("id", runner.id.as_str().into()),
        ("description", Value::optional_string(runner.description.as_deref())),
        ("state_storage_type", runner.state_storage_type.as_str().into()),
    ])
}

#[async_trait]
impl DataSource for EksRunnersData {
    fn type_name(&self) -> &'static str {
        "platform-orchestrator_kubernetes_eks_runners"
    }

    fn schema(&self) -> Schema {
        Schema {
            version: 0,
            description: "The runners of type `kubernetes-eks` in the organization, ordered by ID. This makes one request \
                          for each hundred runners of any type. The data source \
                          `platform-orchestrator_kubernetes_eks_runner` reads the configuration of one runner.",
            attributes: vec![
                Attribute::string("id_prefix", "Only runners whose IDs begin with this string.").optional(),
                Attribute::nested(
                    "runners",
                    "The runners.",
                    Nesting::List,
                    vec![
                        Attribute::string("id", "The ID of the runner.").computed(),
                        Attribute::string("description", "What the runner is for.").computed(),
                        Attribute::string(
                            "state_storage_type",
                            format!(
                                "The type of its state storage: {}.",
                                StorageType::any(|ty| format!("`{ty}`"))
                            ),
                        )
                        .computed(),
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
        Some(&TextRules(&[(&["id_prefix"], validate::runner_id_prefix)]))
    }
}
