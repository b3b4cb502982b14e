//! The list resource: the runner rules of the organization, by runner, project, and environment type.

use std::sync::Arc;

use async_trait::async_trait;

use super::{identity, is_unset, schema, state};
use crate::orchestrator::{Rule, RuleFilter};
use crate::provider::api_diagnostics;
use crate::provider::connection::Connection;
use crate::provider::text_rules::TextRules;
use crate::provider::timeouts;
use crate::runner::validate;
use terraform_plugin_server::{
    Attribute, CallContext, Diagnostic, FoundObject, FoundObjects, ListRequest, ListResource, Schema, ValidateConfig,
    Value,
};

/// The list resource.
pub(in crate::provider) struct RunnerRuleList {
    connection: Arc<Connection>,
}

impl RunnerRuleList {
    pub(in crate::provider) fn new(connection: Arc<Connection>) -> Self {
        Self { connection }
    }
}

/// Returns what the rule does, for people.
fn name(rule: &Rule) -> String {
    let part = |kind: &str, value: &Option<String>| match value {
        Some(value) => format!("{kind} {value}"),
        None => format!("every {kind}"),
    };
    format!(
        "{} for {}, {}",
        rule.key.runner_id,
        part("project", &rule.key.project_id),
        part("environment type", &rule.key.env_type_id)
    )
}

#[async_trait]
impl ListResource for RunnerRuleList {
    fn type_name(&self) -> &'static str {
        schema::TYPE_NAME
    }

    fn schema(&self) -> Schema {
        Schema {
            version: 0,
            description: "Finds the runner rules of the organization, ordered by runner.",
            attributes: vec![
                Attribute::string("runner_id", "Only rules that select this runner.").optional(),
                Attribute::string(
                    "project_id",
                    "Only rules for this project. Rules for every project are left out.",
                )
                .optional(),
                Attribute::string(
                    "env_type_id",
                    "Only rules for this environment type. Rules for every environment type are left out.",
                )
                .optional(),
            ],
        }
    }

    async fn list(&self, context: CallContext, request: ListRequest, found: FoundObjects) -> Result<(), Diagnostic> {
        let client = self.connection.client_now()?;
        let set = |name| Some(request.config.get(name)).filter(|value| !is_unset(value));
        let text = |name| set(name).and_then(Value::as_str).map(str::to_owned);
        let mut pages = client.rules(RuleFilter {
            runner_id: text("runner_id"),
            project_id: text("project_id"),
            env_type_id: text("env_type_id"),
        });
        let not_listed = |error| api_diagnostics::not_listed(&client, "runner rules", &error);
        loop {
            let budget = timeouts::default_budget(&context);
            let Some(page) = pages.next(&budget).await.map_err(not_listed)? else {
                return Ok(());
            };
            for rule in page {
                let object = FoundObject {
                    identity: identity::identity(rule.id.as_str().into()),
                    display_name: name(&rule),
                    resource: request.include_resource.then(|| state(&rule, &Value::Null)),
                    diagnostics: Vec::new(),
                };
                if !found.send(object).await {
                    return Ok(());
                }
            }
        }
    }

    fn validate_config(&self) -> Option<&dyn ValidateConfig> {
        Some(&TextRules(&[(&["runner_id"], validate::runner_id)]))
    }
}
