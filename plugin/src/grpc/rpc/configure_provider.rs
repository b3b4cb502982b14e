//! Passing its configuration to the provider.

use std::sync::Arc;

use crate::diagnostic::Diagnostic;
use crate::grpc::proto::configure_provider::{Request, Response};
use crate::grpc::served::ServedProvider;
use crate::grpc::value;
use crate::isolation::run_isolated;
use crate::provider::ConfigureRequest;

pub(in crate::grpc) async fn respond(provider: &ServedProvider, request: Request) -> Response {
    let configured = configure(provider, request).await;
    let diagnostics = configured.unwrap_or_else(|diagnostic| vec![diagnostic]);
    Response {
        diagnostics: provider.diagnostics(diagnostics),
    }
}

async fn configure(provider: &ServedProvider, request: Request) -> Result<Vec<Diagnostic>, Diagnostic> {
    let catalog = provider.catalog().await?;
    let described = &catalog.provider;
    let config = request.config.as_ref();
    let configure_request = ConfigureRequest {
        config: value::decode(config, &described.ty, "provider's configuration")?,
        terraform_version: request.terraform_version,
    };
    let implementation = Arc::clone(&described.implementation);
    let configured = async move { implementation.configure(configure_request).await };
    run_isolated("storing its configuration", configured).await
}
