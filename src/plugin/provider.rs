//! What a provider implements to be served.
//!
//! Requests carry values of the schema's type; the layer has decoded and checked them. A method
//! answers values of that type and diagnostics; the layer checks that Terraform will take them.
//! A panic in a method becomes an error diagnostic with the state known so far.

use std::sync::Arc;

use async_trait::async_trait;
use tokio_util::sync::CancellationToken;

use super::diagnostic::{Diagnostic, Path};
use super::schema::Schema;
use super::value::Value;

/// What every call carries.
#[derive(Debug, Clone, Default)]
pub struct CallContext {
    /// Cancelled when Terraform asks the provider to stop what is in flight.
    pub stop: CancellationToken,
}

/// A provider: its configuration, and what it offers.
#[async_trait]
pub trait Provider: Send + Sync + 'static {
    /// The schema of the provider block.
    fn schema(&self) -> Schema;

    /// The resources, each with a type name of its own.
    fn resources(&self) -> Vec<Arc<dyn Resource>>;

    /// The data sources, each with a type name of its own.
    fn data_sources(&self) -> Vec<Arc<dyn DataSource>>;

    /// Checks a provider block, which may hold unknown values.
    async fn validate(&self, config: Value) -> Vec<Diagnostic>;

    /// Takes the configuration that later calls use. It may hold unknown values while planning.
    async fn configure(&self, request: ConfigureRequest) -> Vec<Diagnostic>;
}

/// See [`Provider::configure`].
#[derive(Debug)]
pub struct ConfigureRequest {
    /// The provider block.
    pub config: Value,
    /// The version of Terraform or OpenTofu.
    pub terraform_version: String,
}

/// A managed resource.
#[async_trait]
pub trait Resource: Send + Sync + 'static {
    /// The name in HCL, with the provider's prefix.
    fn type_name(&self) -> &'static str;

    /// The schema of its block and of its state.
    fn schema(&self) -> Schema;

    /// Checks a configuration, which may hold unknown values. May run before the provider is
    /// configured.
    async fn validate(&self, config: Value) -> Vec<Diagnostic>;

    /// Notes the state of an object. Terraform shows it before it does anything with the object, in every
    /// command and also with `-refresh=false` or for a tainted object, which it plans like a new one.
    fn see_state(&self, state: &Value) {
        let _ = state;
    }

    /// Plans a create (`prior` is null) or an update. Not called for a destroy.
    async fn plan(&self, context: CallContext, request: PlanRequest) -> PlanResponse;

    /// Creates the object.
    async fn create(&self, context: CallContext, request: CreateRequest) -> ApplyResponse;

    /// Changes the object in place.
    async fn update(&self, context: CallContext, request: UpdateRequest) -> ApplyResponse;

    /// Deletes the object. With an error among the diagnostics, the prior state is kept.
    async fn delete(&self, context: CallContext, request: DeleteRequest) -> Vec<Diagnostic>;

    /// Reads what the object is now. A null state means that it is gone.
    async fn read(&self, context: CallContext, request: ReadRequest) -> ReadResponse;

    /// Finds an existing object by its import id. With no error the state is not null; Terraform
    /// reads it right after.
    async fn import(&self, context: CallContext, request: ImportRequest) -> ReadResponse;

    /// Takes over the state of a resource of another type or another provider (`moved`), given as
    /// the JSON that Terraform saved. `None`: this resource does not take that source.
    async fn take_over(
        &self,
        request: MoveRequest,
    ) -> Option<Result<serde_json::Value, Diagnostic>> {
        let _ = request;
        None
    }
}

/// See [`Resource::plan`].
#[derive(Debug)]
pub struct PlanRequest {
    /// The state before, null for a create.
    pub prior: Value,
    /// The configuration.
    pub config: Value,
    /// The configuration with the prior values of what is computed.
    pub proposed: Value,
}

/// See [`Resource::plan`].
#[derive(Debug, Default)]
pub struct PlanResponse {
    /// The planned state.
    pub planned: Value,
    /// The attributes whose change needs a new object.
    pub requires_replace: Vec<Path>,
    /// Errors and warnings.
    pub diagnostics: Vec<Diagnostic>,
}

/// See [`Resource::create`].
#[derive(Debug)]
pub struct CreateRequest {
    /// What was planned; still unknown values are those that the provider computes.
    pub planned: Value,
    /// The configuration, wholly known.
    pub config: Value,
}

/// See [`Resource::update`].
#[derive(Debug)]
pub struct UpdateRequest {
    /// The state before.
    pub prior: Value,
    /// What was planned; still unknown values are those that the provider computes.
    pub planned: Value,
    /// The configuration, wholly known.
    pub config: Value,
}

/// See [`Resource::create`] and [`Resource::update`].
///
/// A null state beside an error means that nothing exists. A state beside an error is saved: after
/// a create it is tainted, after an update it must hold the prior values of what was not changed.
#[derive(Debug, Default)]
pub struct ApplyResponse {
    /// The new state, wholly known.
    pub state: Value,
    /// Errors and warnings.
    pub diagnostics: Vec<Diagnostic>,
}

/// See [`Resource::delete`].
#[derive(Debug)]
pub struct DeleteRequest {
    /// The state before.
    pub prior: Value,
}

/// See [`Resource::read`].
#[derive(Debug)]
pub struct ReadRequest {
    /// The state that is known; after an import maybe just an id.
    pub state: Value,
}

/// See [`Resource::read`] and [`Resource::import`].
#[derive(Debug, Default)]
pub struct ReadResponse {
    /// The state now. Ignored where there is an error.
    pub state: Value,
    /// Errors and warnings.
    pub diagnostics: Vec<Diagnostic>,
}

/// See [`Resource::import`].
#[derive(Debug)]
pub struct ImportRequest {
    /// What the user gave.
    pub id: String,
}

/// See [`Resource::take_over`].
#[derive(Debug)]
pub struct MoveRequest {
    /// The address of the provider that the state was written by:
    /// `registry.terraform.io/hashicorp/random`.
    pub source_provider: String,
    /// The type name of the source.
    pub source_type: String,
    /// The schema version of the source.
    pub source_version: i64,
    /// The state as JSON.
    pub state: serde_json::Value,
}

/// A data source.
#[async_trait]
pub trait DataSource: Send + Sync + 'static {
    /// The name in HCL, with the provider's prefix.
    fn type_name(&self) -> &'static str;

    /// The schema of its block and of its state.
    fn schema(&self) -> Schema;

    /// Checks a configuration, which may hold unknown values.
    async fn validate(&self, config: Value) -> Vec<Diagnostic>;

    /// Reads it. `config` is wholly known; the answer is the whole state.
    async fn read(&self, context: CallContext, config: Value) -> ReadResponse;
}
