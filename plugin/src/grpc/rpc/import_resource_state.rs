//! Importing an existing object. After an error, nothing is imported.

use std::sync::Arc;

use crate::diagnostic::Diagnostic;
use crate::grpc::catalog::Described;
use crate::grpc::identity;
use crate::grpc::proto::import_resource_state::{ImportedResource, Request, Response};
use crate::grpc::served::ServedProvider;
use crate::grpc::value;
use crate::isolation::run_isolated;
use crate::resource::{ImportRequest, Resource};
use crate::value::Value;

pub(in crate::grpc) async fn respond(provider: &ServedProvider, request: Request) -> Response {
    let mut found = Vec::new();
    let imported = import(provider, request, &mut found).await;
    let imported = imported.unwrap_or_else(|diagnostic| {
        found.push(diagnostic);
        None
    });
    Response {
        imported_resources: imported.into_iter().collect(),
        diagnostics: provider.diagnostics(found),
        deferred: None,
    }
}

/// Returns the object, or `None` after an error. Adds diagnostics to `found`.
///
/// # Errors
/// Returns the diagnostic to show if the request or the response of the provider is invalid.
async fn import(
    provider: &ServedProvider,
    request: Request,
    found: &mut Vec<Diagnostic>,
) -> Result<Option<ImportedResource>, Diagnostic> {
    let catalog = provider.catalog().await?;
    let type_name = request.type_name;
    let resource = catalog.resource(&type_name)?;
    let id = match (&request.identity, catalog.identities.get(type_name.as_str())) {
        (Some(data), Some(identity)) if request.id.is_empty() => {
            let identity = identity::decode(Some(data), &identity.ty)?;
            id_of(resource, &type_name, identity).await?
        }
        _ if request.id.is_empty() => return Err(without_id(&type_name)),
        _ => request.id,
    };
    let (implementation, context) = (Arc::clone(&resource.implementation), provider.context());
    let doing = format!("importing a {type_name}");
    let response = run_isolated(&doing, async move {
        let request = ImportRequest { id };
        Some(implementation.import_state()?.import(context, request).await)
    });
    let response = response.await?.ok_or_else(|| not_importable(&type_name))?;
    let failed = response.diagnostics.iter().any(Diagnostic::is_error);
    found.extend(response.diagnostics);
    if failed {
        return Ok(None);
    }
    if response.state.is_null() {
        return Err(Diagnostic::bug(format!(
            "The provider imported a {type_name} and returned no state and no error"
        )));
    }
    let identity = identity::known(&catalog, &type_name, &response.state).await?;
    Ok(Some(ImportedResource {
        state: Some(value::encode_known(&response.state, &resource.ty, "state")?),
        type_name,
        private: Vec::new(),
        identity,
    }))
}

/// Returns the import ID of the object with this identity.
///
/// # Errors
/// Returns the diagnostic to show if no object of the provider has the identity.
async fn id_of(resource: &Described<dyn Resource>, type_name: &str, identity: Value) -> Result<String, Diagnostic> {
    let implementation = Arc::clone(&resource.implementation);
    let doing = format!("reading the identity of a {type_name}");
    let id = run_isolated(&doing, async move {
        Some(implementation.resource_identity()?.import_id(&identity))
    });
    id.await?.ok_or_else(|| without_id(type_name))?
}

fn without_id(type_name: &str) -> Diagnostic {
    Diagnostic::error(
        "The import has no ID",
        format!(
            "To fix it: set \"id\" in the import block, or pass the ID as the last argument of the command. This version \
             of the provider does not support \"identity\" for a {type_name}."
        ),
    )
}

fn not_importable(type_name: &str) -> Diagnostic {
    Diagnostic::error(
        format!("A {type_name} cannot be imported"),
        "This version of the provider does not support the import of this resource.\n\nTo fix it: remove the import \
         block, or install a version of the provider that supports it.",
    )
}
