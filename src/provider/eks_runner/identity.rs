//! The identity of a runner: its organization and its ID.

use async_trait::async_trait;

use super::EksRunner;
use crate::provider::connection::Connection;
use terraform_plugin_server::{Diagnostic, IdentityAttribute, IdentitySchema, Path, ResourceIdentity, Value};

#[async_trait]
impl ResourceIdentity for EksRunner {
    fn identity_schema(&self) -> IdentitySchema {
        IdentitySchema {
            version: 0,
            attributes: vec![
                IdentityAttribute::optional(
                    "org_id",
                    "The organization's ID. Default: the organization of the provider.",
                ),
                IdentityAttribute::required("id", "The ID of the runner."),
            ],
        }
    }

    fn identity(&self, state: &Value) -> Option<Value> {
        Some(identity(&self.connection, state.get("id").clone()))
    }

    fn import_id(&self, identity: &Value) -> Result<String, Diagnostic> {
        let client = self.connection.client_now()?;
        let id = identity.get("id").as_str().unwrap_or_default();
        match identity.get("org_id").as_str() {
            Some(org) if org != client.org() => Err(Diagnostic::error(
                "Runner of another organization",
                format!(
                    "The identity is that of runner {id:?} in organization {org:?}, but the provider's organization is \
                     {:?}.\n\nTo fix it, set org_id in the provider block to {org:?}, or use a provider configuration for \
                     that organization.",
                    client.org()
                ),
            )
            .at(Path::new(["org_id"]))),
            _ => Ok(id.to_owned()),
        }
    }
}

/// Returns the identity of the runner with this ID. The organization is unknown while the provider block has unknown
/// values.
pub(super) fn identity(connection: &Connection, id: Value) -> Value {
    let org = match connection.client() {
        Ok(Some(client)) => Value::from(client.org()),
        _ => Value::unknown(),
    };
    Value::object([("org_id", org), ("id", id)])
}
