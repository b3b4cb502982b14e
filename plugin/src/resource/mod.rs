//! Managed resources.
//!
//! [`Resource`] has what every resource must do. Everything else is a capability: a small trait of its own, and a
//! method of [`Resource`] with the same name that returns it. That method returns `None` unless a resource overrides it.

mod capability;
mod identity;
mod operation;

use async_trait::async_trait;

pub use self::capability::{
    ImportRequest, ImportState, MoveRequest, MoveState, ObserveState, UpgradeRequest, UpgradeState,
};
pub use self::identity::{IdentityAttribute, IdentitySchema, ResourceIdentity};
pub use self::operation::{
    ApplyResponse, CreateRequest, DeleteRequest, PlanRequest, PlanResponse, ReadRequest, ReadResponse, UpdateRequest,
};
use crate::context::CallContext;
use crate::diagnostic::Diagnostic;
use crate::schema::Schema;
use crate::validation::ValidateConfig;

/// A managed resource.
///
/// Requests carry values that match the schema. The server compares each response with the schema and with the rules
/// of Terraform, and reports a violation as a bug in the provider instead of losing the state. A panic becomes an
/// error diagnostic with the state that is known.
#[async_trait]
pub trait Resource: Send + Sync + 'static {
    /// Returns the name in HCL, with the provider's prefix: `example_note`.
    fn type_name(&self) -> &'static str;

    /// Returns the schema of its block and its state.
    fn schema(&self) -> Schema;

    /// Plans a create (the prior state is null) or an update. It is not called for a destroy.
    async fn plan(&self, context: CallContext, request: PlanRequest) -> PlanResponse;

    /// Creates the object.
    async fn create(&self, context: CallContext, request: CreateRequest) -> ApplyResponse;

    /// Reads the object. A null state means that the object was deleted.
    async fn read(&self, context: CallContext, request: ReadRequest) -> ReadResponse;

    /// Updates the object in place.
    async fn update(&self, context: CallContext, request: UpdateRequest) -> ApplyResponse;

    /// Deletes the object. If the diagnostics contain an error, the prior state is kept.
    async fn delete(&self, context: CallContext, request: DeleteRequest) -> Vec<Diagnostic>;

    /// Returns the validation of configurations, if there is one.
    fn validate_config(&self) -> Option<&dyn ValidateConfig> {
        None
    }

    /// Returns what imports existing objects, if they can be imported.
    fn import_state(&self) -> Option<&dyn ImportState> {
        None
    }

    /// Returns what converts the states of other resources for `moved` blocks, if there are such resources.
    fn move_state(&self) -> Option<&dyn MoveState> {
        None
    }

    /// Returns what upgrades states of earlier versions of the schema, if the attributes have changed.
    fn upgrade_state(&self) -> Option<&dyn UpgradeState> {
        None
    }

    /// Returns what identifies the objects, if they have an identity.
    fn resource_identity(&self) -> Option<&dyn ResourceIdentity> {
        None
    }

    /// Returns what observes the saved states, if anything does.
    fn observe_state(&self) -> Option<&dyn ObserveState> {
        None
    }
}
