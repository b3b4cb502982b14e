//! The validation of configurations.

use async_trait::async_trait;

use crate::diagnostic::Diagnostic;
use crate::value::Value;

/// The validation of a configuration: an optional capability of providers, resources, and data sources.
///
/// Without it, a configuration is only compared with the schema: its types, missing required arguments, and read-only
/// attributes that are set.
#[async_trait]
pub trait ValidateConfig: Send + Sync {
    /// Returns what is wrong with a configuration, which can contain unknown values.
    ///
    /// Terraform can call it before it configures the provider.
    async fn validate(&self, config: Value) -> Vec<Diagnostic>;
}
