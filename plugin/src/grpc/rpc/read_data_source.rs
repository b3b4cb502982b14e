//! Reading a data source. After an error, there is no state.

use std::sync::Arc;

use crate::diagnostic::Diagnostic;
use crate::grpc::proto::DynamicValue;
use crate::grpc::proto::read_data_source::{Request, Response};
use crate::grpc::served::ServedProvider;
use crate::grpc::value;
use crate::isolation::run_isolated;

pub(in crate::grpc) async fn respond(provider: &ServedProvider, request: Request) -> Response {
    let mut found = Vec::new();
    let state = read(provider, &request, &mut found).await;
    let state = state.unwrap_or_else(|diagnostic| {
        found.push(diagnostic);
        None
    });
    Response {
        state,
        diagnostics: provider.diagnostics(found),
        deferred: None,
    }
}

/// Returns the state, or `None` after an error. Adds diagnostics to `found`.
///
/// # Errors
/// Returns the diagnostic to show if the request or the response of the provider is invalid.
async fn read(
    provider: &ServedProvider,
    request: &Request,
    found: &mut Vec<Diagnostic>,
) -> Result<Option<DynamicValue>, Diagnostic> {
    let catalog = provider.catalog().await?;
    let source = catalog.data_source(&request.type_name)?;
    let config = request.config.as_ref();
    let config = value::decode_known(config, &source.ty, "configuration")?;
    let (implementation, context) = (Arc::clone(&source.implementation), provider.context());
    let doing = format!("reading a {}", request.type_name);
    let response = run_isolated(&doing, async move { implementation.read(context, config).await });
    let response = response.await?;
    let failed = response.diagnostics.iter().any(Diagnostic::is_error);
    found.extend(response.diagnostics);
    if failed {
        return Ok(None);
    }
    if response.state.is_null() {
        return Err(Diagnostic::bug(
            "The provider read a data source and returned no state and no error",
        ));
    }
    value::encode_known(&response.state, &source.ty, "state").map(Some)
}
