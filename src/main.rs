//! The provider binary, which Terraform and OpenTofu start.

use std::process::ExitCode;
use std::sync::Arc;

use terraform_plugin_server::{Options, serve};
use terraform_provider_platform_orchestrator::provider::PlatformOrchestrator;
use terraform_provider_platform_orchestrator::redact;
use terraform_provider_platform_orchestrator::repository::ISSUES;

const OPTIONS: Options = Options::new("platform-orchestrator/platform-orchestrator", env!("CARGO_PKG_VERSION"))
    .log_crate(env!("CARGO_CRATE_NAME"))
    .report_to(ISSUES)
    .redact_with(redact);

fn main() -> ExitCode {
    serve(OPTIONS, || Arc::new(PlatformOrchestrator::default()))
}
