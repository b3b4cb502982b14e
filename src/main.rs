//! The provider binary.

use std::process::ExitCode;
use std::sync::Arc;

use async_trait::async_trait;
use terraform_provider_platform_orchestrator::plugin::{
    ConfigureRequest, DataSource, Diagnostic, Options, Provider, Resource, Schema, Value, serve,
};

const OPTIONS: Options = Options {
    source: "platform-orchestrator/platform-orchestrator",
    version: env!("CARGO_PKG_VERSION"),
};

struct Empty;

#[async_trait]
impl Provider for Empty {
    fn schema(&self) -> Schema {
        Schema::default()
    }
    fn resources(&self) -> Vec<Arc<dyn Resource>> {
        Vec::new()
    }
    fn data_sources(&self) -> Vec<Arc<dyn DataSource>> {
        Vec::new()
    }
    async fn validate(&self, _config: Value) -> Vec<Diagnostic> {
        Vec::new()
    }
    async fn configure(&self, _request: ConfigureRequest) -> Vec<Diagnostic> {
        Vec::new()
    }
}

fn main() -> ExitCode {
    serve(OPTIONS, || Arc::new(Empty))
}
