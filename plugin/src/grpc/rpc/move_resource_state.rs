//! Converting the state of a resource of another type or another provider, for a `moved` block.

use std::sync::Arc;

use super::saved_state;
use crate::codec::{self, Undefined};
use crate::diagnostic::Diagnostic;
use crate::grpc::identity;
use crate::grpc::proto::move_resource_state::{Request, Response};
use crate::grpc::proto::{DynamicValue, ResourceIdentityData};
use crate::grpc::served::ServedProvider;
use crate::grpc::value;
use crate::isolation::run_isolated;
use crate::resource::MoveRequest;

pub(in crate::grpc) async fn respond(provider: &ServedProvider, request: Request) -> Response {
    match move_state(provider, request).await {
        Ok((state, identity)) => Response {
            target_state: Some(state),
            target_identity: identity,
            ..Default::default()
        },
        Err(diagnostic) => Response {
            diagnostics: provider.diagnostics([diagnostic]),
            ..Default::default()
        },
    }
}

async fn move_state(
    provider: &ServedProvider,
    request: Request,
) -> Result<(DynamicValue, Option<ResourceIdentityData>), Diagnostic> {
    let catalog = provider.catalog().await?;
    let target = request.target_type_name;
    let resource = catalog.resource(&target)?;
    let (source_provider, source) = (request.source_provider_address, request.source_type_name);
    let not_moved = |why: String| not_moved(&source_provider, &source, &target, &why);

    let json = saved_state::json(request.source_state, &source)?;
    let move_request = MoveRequest {
        source_provider: source_provider.clone(),
        source_type: source.clone(),
        source_version: request.source_schema_version,
        state: serde_json::from_slice(&json).map_err(|error| not_moved(error.to_string()))?,
    };
    let implementation = Arc::clone(&resource.implementation);
    let doing = format!("converting the state of a {source}");
    let moved = run_isolated(&doing, async move {
        implementation.move_state()?.move_from(move_request).await
    });
    let moved = moved
        .await?
        .ok_or_else(|| not_moved(format!("a {target} does not support the state of a {source}")))??;
    let json = moved.to_string();
    let state = codec::decode_json(json.as_bytes(), &resource.ty, Undefined::Ignore);
    let state = state.map_err(|error| {
        Diagnostic::bug(format!(
            "The provider converted the state of a {source} to a state that does not match the schema of a {target}: \
             {error}"
        ))
    })?;
    if state.is_null() {
        return Err(Diagnostic::bug(format!(
            "The provider converted the state of a {source} to null"
        )));
    }
    let identity = identity::known(&catalog, &target, &state).await?;
    Ok((value::encode_known(&state, &resource.ty, "state")?, identity))
}

fn not_moved(provider: &str, source: &str, target: &str, why: &str) -> Diagnostic {
    Diagnostic::error(
        format!("The state of a {source} cannot be moved to a {target}"),
        format!(
            "A moved block moves a {source} of the provider {provider} to a {target}: {why}.\n\nNothing was changed. To \
             fix it: remove the moved block. To manage the same object with the new resource, import it as a {target}, \
             and remove the old address from the state with a removed block."
        ),
    )
}
