//! The identity of a rule: its UUID.

use async_trait::async_trait;

use super::RunnerRule;
use terraform_plugin_server::{Diagnostic, IdentityAttribute, IdentitySchema, ResourceIdentity, Value};

#[async_trait]
impl ResourceIdentity for RunnerRule {
    fn identity_schema(&self) -> IdentitySchema {
        IdentitySchema {
            version: 0,
            attributes: vec![IdentityAttribute::required(
                "id",
                "The UUID of the rule, which the Orchestrator generates.",
            )],
        }
    }

    /// A rule whose create has an uncertain outcome has no ID.
    fn identity(&self, state: &Value) -> Option<Value> {
        let id = state.get("id");
        (!id.is_null()).then(|| identity(id.clone()))
    }

    fn import_id(&self, identity: &Value) -> Result<String, Diagnostic> {
        Ok(identity.get("id").as_str().unwrap_or_default().to_owned())
    }
}

/// Returns the identity of the rule with this ID.
pub(super) fn identity(id: Value) -> Value {
    Value::object([("id", id)])
}
