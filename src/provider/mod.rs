//! The Terraform provider: the provider block, the resources and the data sources.
//!
//! Each resource has a folder with its schema, its model (the conversion of Terraform's values), its plan, its calls, and
//! the list and the data source of the same name. The other data sources are in `data_sources`. The results of the other
//! modules become diagnostics here.

mod api_diagnostics;
mod check_eks_access;
mod configuration;
mod connection;
mod data_sources;
mod eks_access;
mod eks_runner;
mod functions;
mod runner_rule;
mod runner_user;
mod text_rules;
mod timeouts;

use std::sync::Arc;

use async_trait::async_trait;

use connection::Connection;
use terraform_plugin_server::{
    Action, ConfigureRequest, DataSource, Diagnostic, Function, ListResource, Provider, Resource, Schema,
    ValidateConfig, Value,
};

/// The provider `platform-orchestrator`.
#[derive(Default)]
pub struct PlatformOrchestrator {
    connection: Arc<Connection>,
}

#[async_trait]
impl Provider for PlatformOrchestrator {
    fn schema(&self) -> Schema {
        configuration::schema()
    }

    fn resources(&self) -> Vec<Arc<dyn Resource>> {
        vec![
            Arc::new(eks_runner::EksRunner::new(Arc::clone(&self.connection))),
            Arc::new(runner_rule::RunnerRule::new(Arc::clone(&self.connection))),
        ]
    }

    fn data_sources(&self) -> Vec<Arc<dyn DataSource>> {
        vec![
            Arc::new(eks_runner::EksRunnerData::new(Arc::clone(&self.connection))),
            Arc::new(data_sources::EksAccessData::new(Arc::clone(&self.connection))),
            Arc::new(data_sources::EksRunnersData::new(Arc::clone(&self.connection))),
            Arc::new(data_sources::RunnerEnvironmentsData::new(Arc::clone(&self.connection))),
            Arc::new(runner_rule::RunnerRuleData::new(Arc::clone(&self.connection))),
        ]
    }

    fn functions(&self) -> Vec<Arc<dyn Function>> {
        functions::all()
    }

    fn list_resources(&self) -> Vec<Arc<dyn ListResource>> {
        vec![
            Arc::new(eks_runner::EksRunnerList::new(Arc::clone(&self.connection))),
            Arc::new(runner_rule::RunnerRuleList::new(Arc::clone(&self.connection))),
        ]
    }

    fn actions(&self) -> Vec<Arc<dyn Action>> {
        vec![Arc::new(check_eks_access::CheckEksAccess::new(Arc::clone(
            &self.connection,
        )))]
    }

    async fn configure(&self, request: ConfigureRequest) -> Vec<Diagnostic> {
        self.connection.configure(&request)
    }

    fn validate_config(&self) -> Option<&dyn ValidateConfig> {
        Some(self)
    }
}

#[async_trait]
impl ValidateConfig for PlatformOrchestrator {
    async fn validate(&self, config: Value) -> Vec<Diagnostic> {
        configuration::validate(&config)
    }
}
