//! Data sources.

use async_trait::async_trait;

use crate::context::CallContext;
use crate::resource::ReadResponse;
use crate::schema::Schema;
use crate::validation::ValidateConfig;
use crate::value::Value;

/// A data source.
#[async_trait]
pub trait DataSource: Send + Sync + 'static {
    /// Returns the name in HCL, with the provider's prefix: `example_lookup`.
    fn type_name(&self) -> &'static str;

    /// Returns the schema of its block and its state.
    fn schema(&self) -> Schema;

    /// Reads it. `config` contains no unknown values. The response is the whole state, and is not null unless there is
    /// an error.
    async fn read(&self, context: CallContext, config: Value) -> ReadResponse;

    /// Returns the validation of configurations, if there is one.
    fn validate_config(&self) -> Option<&dyn ValidateConfig> {
        None
    }
}
