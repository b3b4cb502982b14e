//! Actions, which do something beyond the management of objects.

use async_trait::async_trait;
use tokio::sync::mpsc;

use crate::context::CallContext;
use crate::diagnostic::Diagnostic;
use crate::schema::Schema;
use crate::validation::ValidateConfig;
use crate::value::Value;

/// An action: `terraform apply -invoke` runs it, or an `action_trigger` of a resource.
#[async_trait]
pub trait Action: Send + Sync + 'static {
    /// Returns the type name, with the provider's prefix: `example_restart`.
    fn type_name(&self) -> &'static str;

    /// Returns the schema of the block `config`.
    fn schema(&self) -> Schema;

    /// Checks a planned invocation. `config` can contain unknown values.
    async fn plan(&self, _context: CallContext, _config: Value) -> Vec<Diagnostic> {
        Vec::new()
    }

    /// Runs the action. `config` contains no unknown values.
    async fn invoke(&self, context: CallContext, config: Value, progress: Progress) -> Vec<Diagnostic>;

    /// Returns the validation of configurations, if there is one.
    fn validate_config(&self) -> Option<&dyn ValidateConfig> {
        None
    }
}

/// Where an action reports its progress.
#[derive(Debug, Clone)]
pub struct Progress {
    pub(crate) messages: mpsc::UnboundedSender<String>,
}

impl Progress {
    /// Shows a line to the user at once.
    pub fn report(&self, message: String) {
        // A client that has gone does not stop the action.
        let _ = self.messages.send(message);
    }
}
