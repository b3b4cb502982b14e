//! The data source: an existing runner.

use std::sync::Arc;

use async_trait::async_trait;

use crate::plugin::{CallContext, DataSource, Diagnostic, Path, ReadResponse, Schema, Value};
use crate::provider::connection::Connection;
use crate::provider::timeouts::Operation;

use super::{calls, model, schema};

/// The data source.
#[derive(Debug)]
pub(in crate::provider) struct EksRunnerData {
    connection: Arc<Connection>,
}

impl EksRunnerData {
    pub(in crate::provider) fn new(connection: Arc<Connection>) -> Self {
        Self { connection }
    }

    async fn find(&self, context: CallContext, config: &Value) -> Result<Value, Diagnostic> {
        let client = self.connection.client_now()?;
        let id = config.get("id").as_str().unwrap_or_default();
        let budget = calls::budget(Operation::Read, config, context);
        let runner = calls::find(&client, id, &budget)
            .await
            .map_err(|d| d.at(Path::of(["id"])))?;
        let mut state = model::state(&runner, &Value::Null);
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

    /// An id of a form that the resource does not take may well exist: others make runners too.
    async fn validate(&self, config: Value) -> Vec<Diagnostic> {
        if config.get("id").as_str() != Some("") {
            return Vec::new();
        }
        let detail = "id is an empty string. Give it the id of the runner that is to be read.";
        vec![Diagnostic::error("Invalid runner id", detail).at(Path::of(["id"]))]
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
