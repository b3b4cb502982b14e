//! Taking over the state of a resource of another type or provider, for a `moved` block.

use std::sync::Arc;

use crate::plugin::call::isolated;
use crate::plugin::codec::{self, Undefined};
use crate::plugin::diagnostic::Diagnostic;
use crate::plugin::provider::MoveRequest;
use crate::plugin::wire::diagnostic::diagnostics;
use crate::plugin::wire::dynamic;
use crate::plugin::wire::proto::DynamicValue;
use crate::plugin::wire::proto::move_resource_state::{Request, Response};
use crate::plugin::wire::service::ProviderService;

use super::upgrade_resource_state::saved_json;

pub(in crate::plugin::wire) async fn answer(
    service: &ProviderService,
    request: Request,
) -> Response {
    match take_over(service, request).await {
        Ok(state) => Response {
            target_state: Some(state),
            ..Default::default()
        },
        Err(diagnostic) => Response {
            diagnostics: diagnostics([diagnostic]),
            ..Default::default()
        },
    }
}

async fn take_over(
    service: &ProviderService,
    request: Request,
) -> Result<DynamicValue, Diagnostic> {
    let catalog = service.catalog().await?;
    let target = request.target_type_name;
    let resource = catalog.resource(&target)?;
    let (provider, source) = (request.source_provider_address, request.source_type_name);
    let json = saved_json(request.source_state, &source)?;
    let state = serde_json::from_slice(&json)
        .map_err(|error| unmovable(&provider, &source, &target, &error.to_string()))?;
    let source_request = MoveRequest {
        source_provider: provider.clone(),
        source_type: source.clone(),
        source_version: request.source_schema_version,
        state,
    };
    let it = Arc::clone(&resource.it);
    let doing = format!("taking over the state of a {source}");
    let taken = isolated(&doing, async move { it.take_over(source_request).await }).await?;
    let taken = taken.ok_or_else(|| {
        let why = format!("a {target} does not take over the state of a {source}");
        unmovable(&provider, &source, &target, &why)
    })??;
    let state = codec::decode_json(
        taken.to_string().as_bytes(),
        &resource.ty,
        Undefined::Ignore,
    )
    .map_err(|error| {
        Diagnostic::bug(format!(
            "The provider made of the state of a {source} one that does not fit the schema of \
                 a {target}: {error}"
        ))
    })?;
    if state.is_null() {
        return Err(Diagnostic::bug(format!(
            "The provider made nothing of the state of a {source}"
        )));
    }
    dynamic::encode_known(&state, &resource.ty, "state")
}

fn unmovable(provider: &str, source: &str, target: &str, why: &str) -> Diagnostic {
    Diagnostic::error(
        format!("The state of a {source} cannot be moved to a {target}"),
        format!(
            "A moved block asks to move a {source} of the provider {provider} to a {target}: \
             {why}.\n\nNothing was changed. Remove the moved block; to go on with the same object, \
             import it as a {target} and take the old address out of the state with a removed \
             block."
        ),
    )
}
