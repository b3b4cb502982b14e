//! Reading what a resource is now. With an error, the state stays what it was.

use std::sync::Arc;

use crate::plugin::call::isolated;
use crate::plugin::diagnostic::Diagnostic;
use crate::plugin::provider::ReadRequest;
use crate::plugin::wire::diagnostic::diagnostics;
use crate::plugin::wire::dynamic;
use crate::plugin::wire::proto::DynamicValue;
use crate::plugin::wire::proto::read_resource::{Request, Response};
use crate::plugin::wire::service::ProviderService;

pub(in crate::plugin::wire) async fn answer(
    service: &ProviderService,
    request: Request,
) -> Response {
    let mut found = Vec::new();
    let state = read(service, &request, &mut found).await;
    let state = state.unwrap_or_else(|diagnostic| {
        found.push(diagnostic);
        None
    });
    Response {
        new_state: state.or(request.current_state),
        diagnostics: diagnostics(found),
        // What is not answered is lost.
        private: request.private,
        new_identity: request.current_identity,
        deferred: None,
    }
}

/// The state now. `None` where it stays what it was, because there is an error among the
/// diagnostics in `found`.
async fn read(
    service: &ProviderService,
    request: &Request,
    found: &mut Vec<Diagnostic>,
) -> Result<Option<DynamicValue>, Diagnostic> {
    let catalog = service.catalog().await?;
    let resource = catalog.resource(&request.type_name)?;
    let state = request.current_state.as_ref();
    let state = dynamic::decode_known(state, &resource.ty, "state")?;
    if state.is_null() {
        // There is nothing to read.
        return Ok(None);
    }
    let (it, context) = (Arc::clone(&resource.it), service.context());
    let doing = format!("reading a {}", request.type_name);
    let answer = isolated(&doing, async move {
        it.read(context, ReadRequest { state }).await
    });
    let answer = answer.await?;
    let failed = answer.diagnostics.iter().any(Diagnostic::is_error);
    found.extend(answer.diagnostics);
    if failed {
        return Ok(None);
    }
    dynamic::encode_known(&answer.state, &resource.ty, "state").map(Some)
}
