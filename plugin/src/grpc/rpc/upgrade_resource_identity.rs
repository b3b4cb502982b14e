//! Upgrading a saved identity to the current version of its schema. Terraform makes this call only for identities of
//! earlier versions.

use std::sync::Arc;

use super::saved_state;
use crate::codec::{self, Undefined};
use crate::diagnostic::Diagnostic;
use crate::grpc::identity;
use crate::grpc::proto::ResourceIdentityData;
use crate::grpc::proto::upgrade_resource_identity::{Request, Response};
use crate::grpc::served::ServedProvider;
use crate::isolation::run_isolated;

pub(in crate::grpc) async fn respond(provider: &ServedProvider, request: Request) -> Response {
    match upgrade(provider, request).await {
        Ok(identity) => Response {
            upgraded_identity: Some(identity),
            diagnostics: Vec::new(),
        },
        Err(diagnostic) => Response {
            upgraded_identity: None,
            diagnostics: provider.diagnostics([diagnostic]),
        },
    }
}

async fn upgrade(provider: &ServedProvider, request: Request) -> Result<ResourceIdentityData, Diagnostic> {
    let catalog = provider.catalog().await?;
    let (type_name, version) = (&request.type_name, request.version);
    let resource = catalog.resource(type_name)?;
    let described = catalog.identities.get(type_name.as_str());
    let described = described.ok_or_else(|| without_identity(type_name))?;
    if version > described.schema.version {
        return Err(saved_state::too_new(
            "identity",
            type_name,
            version,
            described.schema.version,
        ));
    }
    let saved = saved_state::json(request.raw_identity, type_name)?;
    let saved = serde_json::from_slice(&saved)
        .map_err(|error| saved_state::unreadable(type_name, format!("not JSON: {error}")))?;
    let implementation = Arc::clone(&resource.implementation);
    let doing = format!("upgrading the identity of a {type_name}");
    let upgraded = run_isolated(&doing, async move {
        let identity = implementation.resource_identity()?;
        Some(identity.upgrade_identity(version, saved).await)
    });
    let upgraded = upgraded.await?.ok_or_else(|| without_identity(type_name))??;
    let json = upgraded.to_string();
    let value = codec::decode_json(json.as_bytes(), &described.ty, Undefined::Ignore)
        .map_err(|error| saved_state::unreadable(type_name, error))?;
    identity::encode(&value, &described.ty)
}

fn without_identity(type_name: &str) -> Diagnostic {
    Diagnostic::error(
        format!("A {type_name} has no identity"),
        "The state contains an identity of this resource, but this version of the provider does not support identities for \
         it.\n\nTo fix it: install the version of the provider that saved it, or a later one.",
    )
}
