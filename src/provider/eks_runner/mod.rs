//! `platform-orchestrator_kubernetes_eks_runner`, the resource and the data source.

mod calls;
mod data_source;
mod identity;
mod ids_in_use;
mod list;
mod model;
mod schema;
mod subject;
mod validate;

use std::sync::Arc;

use async_trait::async_trait;

use super::connection::Connection;
use ids_in_use::IdsInUse;
use terraform_plugin_server::{
    ApplyResponse, CallContext, CreateRequest, DeleteRequest, Diagnostic, ImportRequest, ImportState, MoveRequest,
    MoveState, ObserveState, Path, PlanRequest, PlanResponse, ReadRequest, ReadResponse, Resource, ResourceIdentity,
    Schema, UpdateRequest, ValidateConfig, Value,
};

pub(super) use calls::existing;
pub(super) use data_source::EksRunnerData;
pub(super) use list::EksRunnerList;
pub(super) use schema::configuration_attributes;
pub(super) use subject::subject_now;
pub(super) use validate::config as validate_configuration;

/// The data source that lists the environments of a runner. A refused delete names it.
pub(super) const ENVIRONMENTS: &str = "platform-orchestrator_runner_environments";

/// The resource.
pub(super) struct EksRunner {
    connection: Arc<Connection>,
    ids: IdsInUse,
}

impl EksRunner {
    pub(super) fn new(connection: Arc<Connection>) -> Self {
        Self {
            connection,
            ids: IdsInUse::default(),
        }
    }

    /// Notes that the state has this runner.
    fn see_in_state(&self, runner: &Value) {
        if let Some(id) = runner.get("id").as_str() {
            self.ids.see_in_state(id);
        }
    }

    /// Checks whether the id of a runner that is planned for creation is in use, if the id is known.
    async fn check_id(&self, planned: &Value, context: &CallContext) -> Option<Diagnostic> {
        let id = planned.get("id").as_str()?;
        // Terraform plans again while it applies, and the first plan has reported the id.
        let client = self.connection.client().ok()??;
        if self.connection.is_applying() {
            return None;
        }
        self.ids.check(&client, id, context).await
    }

    /// Runs the EKS access checks of a planned change, as far as its values are known.
    async fn check_access(
        &self,
        prior: &Value,
        planned: &Value,
        creating: bool,
        context: &CallContext,
    ) -> Vec<Diagnostic> {
        // Terraform plans once more while it applies. The apply itself reports, and an error of this plan would come
        // after a replacement has deleted the runner.
        if !self.connection.is_applying()
            && subject::is_changed(prior, planned)
            && let Some((access, org)) = self.connection.checks()
            && let Some(subject) = subject::subject(&org, planned)
        {
            return access.while_planning(&subject, creating, context).await;
        }
        Vec::new()
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

    /// Nothing is computed, so the plan is the configuration, with the spelling of the state where the two have the same
    /// meaning. The checks add diagnostics, and never change the plan.
    async fn plan(&self, context: CallContext, request: PlanRequest) -> PlanResponse {
        let PlanRequest { prior, config, .. } = request;
        self.see_in_state(&prior);
        let requires_replace = if !prior.is_null() && prior.get("id") != config.get("id") {
            vec![Path::new(["id"])]
        } else {
            Vec::new()
        };
        let planned = model::keep_spelling(&config, &prior);
        let creating = prior.is_null() || !requires_replace.is_empty();
        let access = self.check_access(&prior, &planned, creating, &context);
        // If the id changes, Terraform plans once more without the prior state, and drops the warnings of that plan.
        let (mut diagnostics, id) = if creating {
            tokio::join!(access, self.check_id(&planned, &context))
        } else {
            (access.await, None)
        };
        diagnostics.extend(id);
        PlanResponse {
            planned,
            requires_replace,
            diagnostics,
        }
    }

    async fn create(&self, context: CallContext, request: CreateRequest) -> ApplyResponse {
        self.connection.set_applying();
        calls::create(&self.connection, &self.ids, context, request).await
    }

    async fn update(&self, context: CallContext, request: UpdateRequest) -> ApplyResponse {
        self.connection.set_applying();
        calls::update(&self.connection, context, request).await
    }

    async fn delete(&self, context: CallContext, request: DeleteRequest) -> Vec<Diagnostic> {
        self.connection.set_applying();
        calls::delete(&self.connection, context, request).await
    }

    async fn read(&self, context: CallContext, request: ReadRequest) -> ReadResponse {
        self.see_in_state(&request.state);
        calls::read(&self.connection, context, request).await
    }

    fn validate_config(&self) -> Option<&dyn ValidateConfig> {
        Some(self)
    }

    fn import_state(&self) -> Option<&dyn ImportState> {
        Some(self)
    }

    fn move_state(&self) -> Option<&dyn MoveState> {
        Some(self)
    }

    fn resource_identity(&self) -> Option<&dyn ResourceIdentity> {
        Some(self)
    }

    fn observe_state(&self) -> Option<&dyn ObserveState> {
        Some(self)
    }
}

#[async_trait]
impl ValidateConfig for EksRunner {
    async fn validate(&self, config: Value) -> Vec<Diagnostic> {
        validate::config(&config)
    }
}

#[async_trait]
impl ImportState for EksRunner {
    async fn import(&self, context: CallContext, request: ImportRequest) -> ReadResponse {
        self.ids.see_in_state(&request.id);
        calls::import(&self.connection, context, request).await
    }
}

/// Accepts a `moved` block from the Go provider's resource with the same name: the states are the same.
#[async_trait]
impl MoveState for EksRunner {
    async fn move_from(&self, request: MoveRequest) -> Option<Result<serde_json::Value, Diagnostic>> {
        super::api_diagnostics::moved_state(&request, schema::TYPE_NAME)
    }
}

impl ObserveState for EksRunner {
    fn observe(&self, state: &Value) {
        self.see_in_state(state);
    }
}
