//! What a resource can do beyond what every resource does.

use async_trait::async_trait;

use super::operation::ReadResponse;
use crate::context::CallContext;
use crate::diagnostic::Diagnostic;
use crate::value::Value;

/// The import of existing objects, with an `import` block or the command `import`.
///
/// Without it, an import is an error.
#[async_trait]
pub trait ImportState: Send + Sync {
    /// Looks up an existing object. The state is not null unless there is an error; Terraform reads it right after.
    async fn import(&self, context: CallContext, request: ImportRequest) -> ReadResponse;
}

/// The request of [`ImportState::import`].
#[derive(Debug)]
pub struct ImportRequest {
    /// The import ID, as the user wrote it. It is not empty.
    pub id: String,
}

/// The conversion of the states of other resources, of this provider or another one, for `moved` blocks.
///
/// Without it, such a `moved` block is an error.
#[async_trait]
pub trait MoveState: Send + Sync {
    /// Returns the JSON of a state of this resource, made of the state of another one. Returns `None` if that resource
    /// is not one that it can convert.
    ///
    /// Attributes that the result does not have become null, and attributes that the schema does not have are dropped.
    async fn move_from(&self, request: MoveRequest) -> Option<Result<serde_json::Value, Diagnostic>>;
}

/// The request of [`MoveState::move_from`].
#[derive(Debug)]
pub struct MoveRequest {
    /// The address of the provider that wrote the state: `registry.terraform.io/hashicorp/random`.
    pub source_provider: String,
    /// The type name of the source.
    pub source_type: String,
    /// The schema version of the source.
    pub source_version: i64,
    /// The state as JSON. Numbers that neither an integer nor a float can hold are rounded.
    pub state: serde_json::Value,
}

/// The upgrade of states that an earlier version of the provider saved.
///
/// Increase [`Schema::version`](crate::Schema::version) when attributes are renamed or change their type, and convert
/// the states of all earlier versions here. Without it, a state of an earlier version is read as one of the current
/// version: new attributes are null, and attributes that the schema no longer has are dropped.
#[async_trait]
pub trait UpgradeState: Send + Sync {
    /// Returns the JSON of a state of the current version of the schema.
    ///
    /// It is called only for states of earlier versions. Attributes that the result does not have become null, and
    /// attributes that the schema does not have are dropped.
    ///
    /// # Errors
    /// Returns why the state cannot be upgraded. Terraform then keeps it as it is.
    async fn upgrade(&self, request: UpgradeRequest) -> Result<serde_json::Value, Diagnostic>;
}

/// The request of [`UpgradeState::upgrade`].
#[derive(Debug)]
pub struct UpgradeRequest {
    /// The version of the schema that the state was saved with, less than the current one.
    pub version: i64,
    /// The state as JSON. Numbers that neither an integer nor a float can hold are rounded.
    pub state: serde_json::Value,
}

/// The observation of saved states.
///
/// Terraform sends the state of each object before it does anything else with the object: in every command, with
/// `-refresh=false`, and for a tainted object, which it otherwise plans like a new one.
pub trait ObserveState: Send + Sync {
    /// Takes note of a saved state of the current version of the schema.
    fn observe(&self, state: &Value);
}
