//! Bringing a saved state to the schema of today. Terraform asks for this whenever it reads a
//! state, also where nothing has changed.

use crate::plugin::codec::{self, Undefined};
use crate::plugin::diagnostic::Diagnostic;
use crate::plugin::wire::diagnostic::diagnostics;
use crate::plugin::wire::dynamic;
use crate::plugin::wire::proto::upgrade_resource_state::{Request, Response};
use crate::plugin::wire::proto::{DynamicValue, RawState};
use crate::plugin::wire::service::ProviderService;

pub(in crate::plugin::wire) async fn answer(
    service: &ProviderService,
    request: Request,
) -> Response {
    match upgrade(service, request).await {
        Ok(state) => Response {
            upgraded_state: Some(state),
            diagnostics: Vec::new(),
        },
        Err(diagnostic) => Response {
            upgraded_state: None,
            diagnostics: diagnostics([diagnostic]),
        },
    }
}

async fn upgrade(service: &ProviderService, request: Request) -> Result<DynamicValue, Diagnostic> {
    let catalog = service.catalog().await?;
    let resource = catalog.resource(&request.type_name)?;
    let current = resource.schema.version;
    if request.version > current {
        return Err(Diagnostic::error(
            format!("The state of a {} is too new", request.type_name),
            format!(
                "It was saved in version {} of its schema, and this version of the provider knows \
                 the versions up to {current}. Install the version of the provider that saved it, \
                 or a later one.",
                request.version
            ),
        ));
    }
    let json = saved_json(request.raw_state, &request.type_name)?;
    // Other versions of the provider may have attributes that this one has not.
    let state = codec::decode_json(&json, &resource.ty, Undefined::Ignore)
        .map_err(|error| unusable(&request.type_name, error))?;
    if state.is_null() {
        return Err(unusable(&request.type_name, "it is null"));
    }
    resource.it.see_state(&state);
    dynamic::encode_known(&state, &resource.ty, "state")
}

/// The JSON of a saved state.
///
/// # Errors
/// Where the state was saved otherwise: Terraform before 0.12 wrote a flat map.
pub(super) fn saved_json(state: Option<RawState>, type_name: &str) -> Result<Vec<u8>, Diagnostic> {
    match state {
        Some(state) if !state.json.is_empty() => Ok(state.json),
        Some(state) if !state.flatmap.is_empty() => Err(unusable(
            type_name,
            "it is in the form that Terraform used before version 0.12",
        )),
        _ => Err(unusable(type_name, "it is missing")),
    }
}

fn unusable(type_name: &str, why: impl std::fmt::Display) -> Diagnostic {
    Diagnostic::error(
        format!("The saved state of a {type_name} cannot be read"),
        format!(
            "The state does not fit the provider's schema: {why}.\n\nNothing was changed. If the \
             state was edited by hand or saved by something else, restore it from a backup. \
             Otherwise remove the resource from the state with \"state rm\" and import it again; \
             what it manages stays as it is."
        ),
    )
}
