//! Handing the provider its configuration.

use std::sync::Arc;

use crate::plugin::call::isolated;
use crate::plugin::diagnostic::Diagnostic;
use crate::plugin::provider::ConfigureRequest;
use crate::plugin::wire::diagnostic::diagnostics;
use crate::plugin::wire::dynamic;
use crate::plugin::wire::proto::configure_provider::{Request, Response};
use crate::plugin::wire::service::ProviderService;

pub(in crate::plugin::wire) async fn answer(
    service: &ProviderService,
    request: Request,
) -> Response {
    let configured = configure(service, request).await;
    Response {
        diagnostics: diagnostics(configured.unwrap_or_else(|diagnostic| vec![diagnostic])),
    }
}

async fn configure(
    service: &ProviderService,
    request: Request,
) -> Result<Vec<Diagnostic>, Diagnostic> {
    let catalog = service.catalog().await?;
    let provider = &catalog.provider;
    let config = request.config.as_ref();
    let request = ConfigureRequest {
        config: dynamic::decode(config, &provider.ty, "provider's configuration")?,
        terraform_version: request.terraform_version,
    };
    let it = Arc::clone(&provider.it);
    let doing = "taking its configuration";
    isolated(doing, async move { it.configure(request).await }).await
}
