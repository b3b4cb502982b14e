//! `platform-orchestrator_runner_rule`, the resource and the data source: which runner executes which deployments.

mod calls;
mod data_source;
mod identity;
mod list;
mod schema;

use std::sync::Arc;

use async_trait::async_trait;

use super::connection::Connection;
use crate::orchestrator::{Rule, RuleKey};
use crate::provider::text_rules::TextRules;
use crate::runner::validate;
use terraform_plugin_server::{
    ApplyResponse, CallContext, CreateRequest, DeleteRequest, Diagnostic, ImportRequest, ImportState, MoveRequest,
    MoveState, Path, PlanRequest, PlanResponse, ReadRequest, ReadResponse, Resource, ResourceIdentity, Schema,
    UpdateRequest, ValidateConfig, Value,
};

pub(super) use data_source::RunnerRuleData;
pub(super) use list::RunnerRuleList;

/// The attributes of a rule. The API has no update: a change of any of them replaces the rule.
const MATCHED: [&str; 3] = ["runner_id", "project_id", "env_type_id"];

/// The resource.
pub(super) struct RunnerRule {
    connection: Arc<Connection>,
}

impl RunnerRule {
    pub(super) fn new(connection: Arc<Connection>) -> Self {
        Self { connection }
    }
}

#[async_trait]
impl Resource for RunnerRule {
    fn type_name(&self) -> &'static str {
        schema::TYPE_NAME
    }

    fn schema(&self) -> Schema {
        schema::resource()
    }

    async fn plan(&self, _: CallContext, request: PlanRequest) -> PlanResponse {
        let PlanRequest { prior, config, .. } = request;
        let planned_value = |name: &str| {
            let (new, old) = (config.get(name), prior.get(name));
            // The Go provider stores a value that is not set as "".
            if new.is_null() && is_unset(old) {
                old.clone()
            } else {
                new.clone()
            }
        };
        let changed: Vec<&str> = MATCHED
            .into_iter()
            .filter(|name| {
                let (new, old) = (config.get(name), prior.get(name));
                !prior.is_null() && new != old && !(is_unset(new) && is_unset(old))
            })
            .collect();
        let id = if prior.is_null() || !changed.is_empty() {
            Value::unknown()
        } else {
            prior.get("id").clone()
        };
        let [runner_id, project_id, env_type_id] = MATCHED.map(planned_value);
        PlanResponse {
            planned: Value::object([
                ("id", id),
                ("runner_id", runner_id),
                ("project_id", project_id),
                ("env_type_id", env_type_id),
            ]),
            requires_replace: changed.into_iter().map(|name| Path::new([name])).collect(),
            diagnostics: Vec::new(),
        }
    }

    async fn create(&self, context: CallContext, request: CreateRequest) -> ApplyResponse {
        self.connection.set_applying();
        calls::create(&self.connection, context, request).await
    }

    /// A change that does not replace the rule is only another spelling of a value that is not set.
    async fn update(&self, _: CallContext, request: UpdateRequest) -> ApplyResponse {
        ApplyResponse {
            state: request.planned,
            diagnostics: Vec::new(),
        }
    }

    async fn delete(&self, context: CallContext, request: DeleteRequest) -> Vec<Diagnostic> {
        self.connection.set_applying();
        calls::delete(&self.connection, context, request).await
    }

    async fn read(&self, context: CallContext, request: ReadRequest) -> ReadResponse {
        calls::read(&self.connection, context, request).await
    }

    fn validate_config(&self) -> Option<&dyn ValidateConfig> {
        Some(&TextRules(&[(&["runner_id"], validate::runner_id)]))
    }

    fn import_state(&self) -> Option<&dyn ImportState> {
        Some(self)
    }

    fn move_state(&self) -> Option<&dyn MoveState> {
        Some(self)
    }

    fn resource_identity(&self) -> Option<&dyn ResourceIdentity> {
        Some(self)
    }
}

#[async_trait]
impl ImportState for RunnerRule {
    async fn import(&self, context: CallContext, request: ImportRequest) -> ReadResponse {
        read_response(calls::find(&self.connection, context, &request.id).await, Value::Null)
    }
}

/// Accepts a `moved` block from the Go provider's resource with the same name: the states are the same.
#[async_trait]
impl MoveState for RunnerRule {
    async fn move_from(&self, request: MoveRequest) -> Option<Result<serde_json::Value, Diagnostic>> {
        super::api_diagnostics::moved_state(&request, schema::TYPE_NAME)
    }
}

/// Returns whether a value is not set. To the service, an empty text is not set.
fn is_unset(value: &Value) -> bool {
    value.is_null() || value.as_str() == Some("")
}

/// Returns the key of the rule in `object`.
fn key(object: &Value) -> RuleKey {
    let text = |name| object.get(name).as_str().unwrap_or_default().to_owned();
    let set = |name| Some(text(name)).filter(|text| !text.is_empty());
    RuleKey {
        runner_id: text("runner_id"),
        project_id: set("project_id"),
        env_type_id: set("env_type_id"),
    }
}

/// Returns Terraform's value of a rule that might exist, with the attributes of `config`.
fn state_without_id(config: &Value) -> Value {
    let [runner_id, project_id, env_type_id] = MATCHED.map(|name| config.get(name).clone());
    Value::object([
        ("id", Value::Null),
        ("runner_id", runner_id),
        ("project_id", project_id),
        ("env_type_id", env_type_id),
    ])
}

/// Returns the rule as Terraform's value. What is not set is null, or `""` if it is `""` in `prior`.
fn state(rule: &Rule, prior: &Value) -> Value {
    let unset = |name: &str| match prior.get(name).as_str() {
        Some("") => Value::from(""),
        _ => Value::Null,
    };
    let optional = |value: &Option<String>, name| value.as_deref().map_or_else(|| unset(name), Value::from);
    Value::object([
        ("id", Value::from(rule.id.as_str())),
        ("runner_id", Value::from(rule.key.runner_id.as_str())),
        ("project_id", optional(&rule.key.project_id, "project_id")),
        ("env_type_id", optional(&rule.key.env_type_id, "env_type_id")),
    ])
}

/// Returns the response with the rule, or with the error.
fn read_response(found: Result<Rule, Diagnostic>, prior: Value) -> ReadResponse {
    match found {
        Ok(rule) => ReadResponse {
            state: state(&rule, &prior),
            diagnostics: Vec::new(),
        },
        Err(diagnostic) => ReadResponse {
            state: prior,
            diagnostics: vec![diagnostic],
        },
    }
}
