//! Upgrading a saved state to the current version of the schema. Terraform makes this call for each state that it reads,
//! even if the version is the current one.

use std::sync::Arc;

use super::saved_state;
use crate::codec::{self, Undefined};
use crate::diagnostic::Diagnostic;
use crate::grpc::catalog::Described;
use crate::grpc::proto::DynamicValue;
use crate::grpc::proto::upgrade_resource_state::{Request, Response};
use crate::grpc::served::ServedProvider;
use crate::grpc::value;
use crate::isolation::run_isolated;
use crate::resource::{Resource, UpgradeRequest};

pub(in crate::grpc) async fn respond(provider: &ServedProvider, request: Request) -> Response {
    match upgrade(provider, request).await {
        Ok(state) => Response {
            upgraded_state: Some(state),
            diagnostics: Vec::new(),
        },
        Err(diagnostic) => Response {
            upgraded_state: None,
            diagnostics: provider.diagnostics([diagnostic]),
        },
    }
}

async fn upgrade(provider: &ServedProvider, request: Request) -> Result<DynamicValue, Diagnostic> {
    let catalog = provider.catalog().await?;
    let (type_name, version) = (&request.type_name, request.version);
    let resource = catalog.resource(type_name)?;
    let current = resource.schema.version;
    if version > current {
        return Err(saved_state::too_new("state", type_name, version, current));
    }
    let saved = saved_state::json(request.raw_state, type_name)?;
    let upgraded = if version < current {
        upgraded_json(resource, type_name, version, &saved).await?
    } else {
        None
    };
    // Other versions of the provider can have attributes that this version does not have.
    let decode = |json: &[u8]| codec::decode_json(json, &resource.ty, Undefined::Ignore);
    let state = match upgraded {
        Some(json) => decode(&json).map_err(|error| mismatched(type_name, version, error))?,
        None => decode(&saved).map_err(|error| saved_state::unreadable(type_name, error))?,
    };
    if state.is_null() {
        return Err(saved_state::unreadable(type_name, "it is null"));
    }
    let encoded = value::encode_known(&state, &resource.ty, "state")?;
    let implementation = Arc::clone(&resource.implementation);
    let doing = format!("observing the state of a {type_name}");
    run_isolated(&doing, async move {
        if let Some(observer) = implementation.observe_state() {
            observer.observe(&state);
        }
    })
    .await?;
    Ok(encoded)
}

/// Returns the JSON that the provider made of a state of an earlier version. Returns `None` if it does not upgrade
/// states.
///
/// # Errors
/// Returns the diagnostic to show if the state is not JSON or the provider cannot upgrade it.
async fn upgraded_json(
    resource: &Described<dyn Resource>,
    type_name: &str,
    version: i64,
    saved: &[u8],
) -> Result<Option<Vec<u8>>, Diagnostic> {
    if resource.implementation.upgrade_state().is_none() {
        return Ok(None);
    }
    let state = serde_json::from_slice(saved)
        .map_err(|error| saved_state::unreadable(type_name, format!("not JSON: {error}")))?;
    let request = UpgradeRequest { version, state };
    let implementation = Arc::clone(&resource.implementation);
    let doing = format!("upgrading the state of a {type_name}");
    let upgraded = run_isolated(&doing, async move {
        Some(implementation.upgrade_state()?.upgrade(request).await)
    });
    let upgraded = upgraded.await?.transpose()?;
    Ok(upgraded.map(|json| json.to_string().into_bytes()))
}

fn mismatched(type_name: &str, version: i64, error: codec::ValueError) -> Diagnostic {
    Diagnostic::bug(format!(
        "The provider upgraded the state of a {type_name} from version {version} to a state that does not match its \
         own schema: {error}"
    ))
}
