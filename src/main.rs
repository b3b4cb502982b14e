//! The provider binary, which Terraform and OpenTofu start.

use std::process::ExitCode;
use std::sync::Arc;

use terraform_provider_platform_orchestrator::plugin::{Options, serve};
use terraform_provider_platform_orchestrator::provider::PlatformOrchestrator;

const OPTIONS: Options = Options {
    source: "platform-orchestrator/platform-orchestrator",
    version: env!("CARGO_PKG_VERSION"),
};

fn main() -> ExitCode {
    serve(OPTIONS, || Arc::new(PlatformOrchestrator::default()))
}
