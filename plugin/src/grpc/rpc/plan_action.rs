//! Planning the invocation of an action. A plan changes nothing: it can only refuse.

use std::sync::Arc;

use crate::diagnostic::Diagnostic;
use crate::grpc::proto::plan_action::{Request, Response};
use crate::grpc::served::ServedProvider;
use crate::grpc::value;
use crate::isolation::run_isolated;

pub(in crate::grpc) async fn respond(provider: &ServedProvider, request: Request) -> Response {
    let planned = plan(provider, request).await;
    let diagnostics = planned.unwrap_or_else(|diagnostic| vec![diagnostic]);
    Response {
        diagnostics: provider.diagnostics(diagnostics),
        deferred: None,
    }
}

async fn plan(provider: &ServedProvider, request: Request) -> Result<Vec<Diagnostic>, Diagnostic> {
    let catalog = provider.catalog().await?;
    let action = catalog.action(&request.action_type)?;
    let config = value::decode(request.config.as_ref(), &action.ty, "configuration")?;
    let (implementation, context) = (Arc::clone(&action.implementation), provider.context());
    let doing = format!("planning the action {}", request.action_type);
    run_isolated(&doing, async move { implementation.plan(context, config).await }).await
}
