//! The data source: an existing runner.

use std::sync::Arc;

use async_trait::async_trait;

use crate::plugin::{CallContext, DataSource, Diagnostic, Path, ReadResponse, Schema, Value};
use crate::provider::connection::Connection;
use crate::provider::outcome;
use crate::runner::validate;

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
        let mut state = calls::existing(&client, config, &context).await?;
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

    async fn validate(&self, config: Value) -> Vec<Diagnostic> {
        let wrong = config
            .get("id")
            .as_str()
            .and_then(|id| validate::runner_id(id).err());
        wrong
            .iter()
            .map(|invalid| outcome::invalid(invalid, Path::of(["id"])))
            .collect()
    }

    async fn read(&self, context: CallContext, config: Value) -> ReadResponse {
        match self.find(context, &config).await {
            Ok(state) => ReadResponse {
                state,
                diagnostics: Vec::new(),
            },
            Err(diagnostic) => ReadResponse {
                state: Value::Null,
                diagnostics: vec![diagnostic],
            },
        }
    }
}
