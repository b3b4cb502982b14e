//! The provider itself: its configuration, and what it offers.

use std::sync::Arc;

use async_trait::async_trait;

use crate::action::Action;
use crate::data_source::DataSource;
use crate::diagnostic::Diagnostic;
use crate::function::Function;
use crate::list::ListResource;
use crate::resource::Resource;
use crate::schema::Schema;
use crate::validation::ValidateConfig;
use crate::value::Value;

/// A provider: its configuration, and what it offers.
#[async_trait]
pub trait Provider: Send + Sync + 'static {
    /// Returns the schema of the provider block.
    fn schema(&self) -> Schema;

    /// Stores the configuration for later calls. It can contain unknown values during a plan.
    async fn configure(&self, request: ConfigureRequest) -> Vec<Diagnostic>;

    /// Returns the resources, each with a type name of its own.
    fn resources(&self) -> Vec<Arc<dyn Resource>> {
        Vec::new()
    }

    /// Returns the data sources, each with a type name of its own.
    fn data_sources(&self) -> Vec<Arc<dyn DataSource>> {
        Vec::new()
    }

    /// Returns the functions, each with a name of its own.
    fn functions(&self) -> Vec<Arc<dyn Function>> {
        Vec::new()
    }

    /// Returns the list resources, each with the type name of a resource that has an identity.
    fn list_resources(&self) -> Vec<Arc<dyn ListResource>> {
        Vec::new()
    }

    /// Returns the actions, each with a type name of its own.
    fn actions(&self) -> Vec<Arc<dyn Action>> {
        Vec::new()
    }

    /// Returns the validation of the provider block, if there is one.
    fn validate_config(&self) -> Option<&dyn ValidateConfig> {
        None
    }
}

/// The request of [`Provider::configure`].
#[derive(Debug)]
pub struct ConfigureRequest {
    /// The provider block.
    pub config: Value,
    /// The version of Terraform or OpenTofu.
    pub terraform_version: String,
}
