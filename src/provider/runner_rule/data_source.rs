//! The data source: an existing rule.

use std::sync::Arc;

use async_trait::async_trait;

use super::{calls, read_response, schema};
use crate::provider::connection::Connection;
use terraform_plugin_server::{CallContext, DataSource, Path, ReadResponse, Schema, Value};

/// The data source.
pub(in crate::provider) struct RunnerRuleData {
    connection: Arc<Connection>,
}

impl RunnerRuleData {
    pub(in crate::provider) fn new(connection: Arc<Connection>) -> Self {
        Self { connection }
    }
}

#[async_trait]
impl DataSource for RunnerRuleData {
    fn type_name(&self) -> &'static str {
        schema::TYPE_NAME
    }

    fn schema(&self) -> Schema {
        schema::data_source()
    }

    async fn read(&self, context: CallContext, config: Value) -> ReadResponse {
        let id = config.get("id").as_str().unwrap_or_default();
        let found = calls::find(&self.connection, context, id).await;
        read_response(
            found.map_err(|diagnostic| diagnostic.at(Path::new(["id"]))),
            Value::Null,
        )
    }
}
