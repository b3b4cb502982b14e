//! `platform-orchestrator_kubernetes_eks_runner`, the resource and the data source.

mod calls;
mod data_source;
mod model;
mod schema;
mod validate;

use std::sync::Arc;

use async_trait::async_trait;

use super::connection::Connection;
use super::eks_access;
use crate::plugin::{
    ApplyResponse, CallContext, CreateRequest, DeleteRequest, Diagnostic, ImportRequest,
    MoveRequest, Path, PlanRequest, PlanResponse, ReadRequest, ReadResponse, Resource, Schema,
    UpdateRequest, Value,
};

pub(super) use calls::existing;
pub(super) use data_source::EksRunnerData;
pub(super) use model::storage;
pub(super) use schema::configuration_attributes;
pub(super) use validate::config as validate_configuration;

/// The resource.
pub(super) struct EksRunner {
    connection: Arc<Connection>,
}

impl EksRunner {
    pub(super) fn new(connection: Arc<Connection>) -> Self {
        Self { connection }
    }
}

#[async_trait]
impl Resource for EksRunner {
    fn type_name(&self) -> &'static str {
        schema::TYPE_NAME
    }

    fn schema(&self) -> Schema {
        schema::resource()
    }

    async fn validate(&self, config: Value) -> Vec<Diagnostic> {
        validate::config(&config)
    }

    /// Nothing is computed, so the plan is the configuration, in the spelling of the state where the
    /// two say the same. The EKS access checks add diagnostics, and never change what is planned.
    async fn plan(&self, context: CallContext, request: PlanRequest) -> PlanResponse {
        let PlanRequest { prior, config, .. } = request;
        let requires_replace = if !prior.is_null() && prior.get("id") != config.get("id") {
            vec![Path::of(["id"])]
        } else {
            Vec::new()
        };
        let planned = model::keep_spelling(&config, &prior);
        let mut diagnostics = Vec::new();
        if eks_access::is_relevant(&prior, &planned)
            && let Some((access, org)) = self.connection.checks()
            && let Some(subject) = eks_access::subject(&org, &planned)
        {
            let creating = prior.is_null() || !requires_replace.is_empty();
            diagnostics = access.while_planning(&subject, creating, &context).await;
        }
        PlanResponse {
            planned,
            requires_replace,
            diagnostics,
        }
    }

    async fn create(&self, context: CallContext, request: CreateRequest) -> ApplyResponse {
        calls::create(&self.connection, context, request).await
    }

    async fn update(&self, context: CallContext, request: UpdateRequest) -> ApplyResponse {
        calls::update(&self.connection, context, request).await
    }

    async fn delete(&self, context: CallContext, request: DeleteRequest) -> Vec<Diagnostic> {
        calls::delete(&self.connection, context, request).await
    }

    async fn read(&self, context: CallContext, request: ReadRequest) -> ReadResponse {
        calls::read(&self.connection, context, request).await
    }

    async fn import(&self, context: CallContext, request: ImportRequest) -> ReadResponse {
        calls::import(&self.connection, context, request).await
    }

    /// A `moved` block from the Go provider's resource of the same name: its state is ours.
    async fn take_over(
        &self,
        request: MoveRequest,
    ) -> Option<Result<serde_json::Value, Diagnostic>> {
        super::outcome::same_type_elsewhere(&request, schema::TYPE_NAME)
    }
}
