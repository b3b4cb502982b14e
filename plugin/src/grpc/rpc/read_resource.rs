//! Reading the current state of a resource. After an error, the state is the prior state.

use std::sync::Arc;

use crate::diagnostic::Diagnostic;
use crate::grpc::identity;
use crate::grpc::proto::read_resource::{Request, Response};
use crate::grpc::proto::{DynamicValue, ResourceIdentityData};
use crate::grpc::served::ServedProvider;
use crate::grpc::value;
use crate::isolation::run_isolated;
use crate::resource::ReadRequest;

pub(in crate::grpc) async fn respond(provider: &ServedProvider, request: Request) -> Response {
    let mut found = Vec::new();
    let read = read(provider, &request, &mut found).await;
    let (state, identity) = read.unwrap_or_else(|diagnostic| {
        found.push(diagnostic);
        (None, None)
    });
    Response {
        new_state: state.or(request.current_state),
        diagnostics: provider.diagnostics(found),
        // Terraform drops what the response does not have.
        private: request.private,
        new_identity: identity.or(request.current_identity),
        deferred: None,
    }
}

/// Returns the current state and identity, each `None` if the prior one is kept. Adds diagnostics to `found`.
///
/// # Errors
/// Returns the diagnostic to show if the request or the response of the provider is invalid.
async fn read(
    provider: &ServedProvider,
    request: &Request,
    found: &mut Vec<Diagnostic>,
) -> Result<(Option<DynamicValue>, Option<ResourceIdentityData>), Diagnostic> {
    let catalog = provider.catalog().await?;
    let resource = catalog.resource(&request.type_name)?;
    let state = request.current_state.as_ref();
    let state = value::decode_known(state, &resource.ty, "state")?;
    if state.is_null() {
        // There is no object to read.
        return Ok((None, None));
    }
    let name = &request.type_name;
    identity::verify(&catalog, name, request.current_identity.as_ref(), &state).await?;
    let (implementation, context) = (Arc::clone(&resource.implementation), provider.context());
    let doing = format!("reading a {name}");
    let response = run_isolated(&doing, async move {
        let request = ReadRequest { state };
        implementation.read(context, request).await
    });
    let response = response.await?;
    let failed = response.diagnostics.iter().any(Diagnostic::is_error);
    found.extend(response.diagnostics);
    if failed {
        return Ok((None, None));
    }
    let state = value::encode_known(&response.state, &resource.ty, "state")?;
    let identity = identity::known(&catalog, name, &response.state).await?;
    Ok((Some(state), identity))
}
