//! Reading a data source. With an error, there is no state.

use std::sync::Arc;

use crate::plugin::call::isolated;
use crate::plugin::diagnostic::Diagnostic;
use crate::plugin::wire::diagnostic::diagnostics;
use crate::plugin::wire::dynamic;
use crate::plugin::wire::proto::DynamicValue;
use crate::plugin::wire::proto::read_data_source::{Request, Response};
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
        state,
        diagnostics: diagnostics(found),
        deferred: None,
    }
}

/// The state. `None` where there is an error among the diagnostics in `found`.
async fn read(
    service: &ProviderService,
    request: &Request,
    found: &mut Vec<Diagnostic>,
) -> Result<Option<DynamicValue>, Diagnostic> {
    let catalog = service.catalog().await?;
    let source = catalog.data_source(&request.type_name)?;
    let config = request.config.as_ref();
    let config = dynamic::decode_known(config, &source.ty, "configuration")?;
    let (it, context) = (Arc::clone(&source.it), service.context());
    let doing = format!("reading a {}", request.type_name);
    let answer = isolated(&doing, async move { it.read(context, config).await }).await?;
    let failed = answer.diagnostics.iter().any(Diagnostic::is_error);
    found.extend(answer.diagnostics);
    if failed {
        return Ok(None);
    }
    if answer.state.is_null() {
        return Err(Diagnostic::bug(
            "The provider read a data source and answered nothing",
        ));
    }
    dynamic::encode_known(&answer.state, &source.ty, "state").map(Some)
}
