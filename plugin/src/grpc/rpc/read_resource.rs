//! Reading the current state of a resource. After an error, the state is the prior state.

use std::sync::Arc;

use crate::diagnostic::Diagnostic;
use crate::grpc::proto::DynamicValue;
use crate::grpc::proto::read_resource::{Request, Response};
use crate::grpc::served::ServedProvider;
use crate::grpc::value;
use crate::isolation::run_isolated;
use crate::resource::ReadRequest;

pub(in crate::grpc) async fn respond(provider: &ServedProvider, request: Request) -> Response {
    let mut found = Vec::new();
    let state = read(provider, &request, &mut found).await;
    let state = state.unwrap_or_else(|diagnostic| {
        found.push(diagnostic);
        None
    });
    Response {
        new_state: state.or(request.current_state),
        diagnostics: provider.diagnostics(found),
        // Terraform drops what the response does not have.
        private: request.private,
        new_identity: request.current_identity,
        deferred: None,
    }
}

/// Returns the current state, or `None` if the prior state is kept. Adds diagnostics to `found`.
///
/// # Errors
/// Returns the diagnostic to show if the request or the response of the provider is invalid.
async fn read(
    provider: &ServedProvider,
    request: &Request,
    found: &mut Vec<Diagnostic>,
) -> Result<Option<DynamicValue>, Diagnostic> {
    let catalog = provider.catalog().await?;
    let resource = catalog.resource(&request.type_name)?;
    let state = request.current_state.as_ref();
    let state = value::decode_known(state, &resource.ty, "state")?;
    if state.is_null() {
        // There is no object to read.
        return Ok(None);
    }
    let (implementation, context) = (Arc::clone(&resource.implementation), provider.context());
    let doing = format!("reading a {}", request.type_name);
    let response = run_isolated(&doing, async move {
        let request = ReadRequest { state };
        implementation.read(context, request).await
    });
    let response = response.await?;
    let failed = response.diagnostics.iter().any(Diagnostic::is_error);
    found.extend(response.diagnostics);
    if failed {
        return Ok(None);
    }
    value::encode_known(&response.state, &resource.ty, "state").map(Some)
}
