//! List resources, which `terraform query` uses to find existing objects.

use async_trait::async_trait;
use tokio::sync::mpsc;

use crate::context::CallContext;
use crate::diagnostic::Diagnostic;
use crate::schema::Schema;
use crate::validation::ValidateConfig;
use crate::value::Value;

/// A list resource: it finds existing objects of a resource that has an identity.
#[async_trait]
pub trait ListResource: Send + Sync + 'static {
    /// Returns the type name, which is that of the resource.
    fn type_name(&self) -> &'static str;

    /// Returns the schema of the block `config`.
    fn schema(&self) -> Schema;

    /// Sends the objects that match the configuration to `found`, each as soon as it is known. Warnings belong to an
    /// object, because Terraform refuses an event without one (1.14, `internal/plugin6/grpc_provider.go`).
    ///
    /// # Errors
    /// Returns the error to show after the objects that were sent.
    async fn list(&self, context: CallContext, request: ListRequest, found: FoundObjects) -> Result<(), Diagnostic>;

    /// Returns the validation of configurations, if there is one.
    fn validate_config(&self) -> Option<&dyn ValidateConfig> {
        None
    }
}

/// The request of [`ListResource::list`].
#[derive(Debug)]
pub struct ListRequest {
    /// The block `config`, without unknown values.
    pub config: Value,
    /// Whether the objects are needed, beyond their identities.
    pub include_resource: bool,
}

/// An object that a list resource found.
#[derive(Debug)]
pub struct FoundObject {
    /// Its identity.
    pub identity: Value,
    /// Its name, for people.
    pub display_name: String,
    /// Its state, if the request contains `include_resource`.
    pub resource: Option<Value>,
    /// Warnings about the object. An error ends the list.
    pub diagnostics: Vec<Diagnostic>,
}

/// Where a list resource sends what it finds.
#[derive(Debug)]
pub struct FoundObjects {
    pub(crate) objects: mpsc::Sender<FoundObject>,
}

impl FoundObjects {
    /// Sends an object. Returns `false` if no more are needed, because the limit is reached or the user interrupted the
    /// query: the list should then return.
    pub async fn send(&self, object: FoundObject) -> bool {
        self.objects.send(object).await.is_ok()
    }
}
