//! The data source: an existing runner.

use std::sync::Arc;

use async_trait::async_trait;

use crate::provider::connection::Connection;
use crate::provider::runner_user::RunnerUser;
use crate::provider::text_rules::TextRules;
use crate::runner::validate;
use terraform_plugin_server::{CallContext, DataSource, Diagnostic, ReadResponse, Schema, ValidateConfig, Value};

use super::{calls, schema};

/// The data source.
pub(in crate::provider) struct EksRunnerData {
    connection: Arc<Connection>,
}

impl EksRunnerData {
    pub(in crate::provider) fn new(connection: Arc<Connection>) -> Self {
        Self { connection }
    }

    async fn find(&self, context: CallContext, config: &Value) -> Result<Value, Diagnostic> {
        let client = self.connection.client_now()?;
        let mut state = calls::existing(&client, config, &context, RunnerUser::DataSource).await?;
        if let Value::Map(attributes) = &mut state {
            attributes.remove("timeouts");
        }
        Ok(state)
    }
}

#[async_trait]
impl DataSource for EksRunnerData {
    fn type_name(&self) -> &'static str {
        schema::TYPE_NAME
    }

    fn schema(&self) -> Schema {
        schema::data_source()
    }

    async fn read(&self, context: CallContext, config: Value) -> ReadResponse {
        self.find(context, &config).await.into()
    }

    fn validate_config(&self) -> Option<&dyn ValidateConfig> {
        Some(&TextRules(&[(&["id"], validate::runner_id)]))
    }
}
