//! Finding an existing object for `import`. With an error, nothing is imported.

use std::sync::Arc;

use crate::plugin::call::isolated;
use crate::plugin::diagnostic::Diagnostic;
use crate::plugin::provider::ImportRequest;
use crate::plugin::wire::diagnostic::diagnostics;
use crate::plugin::wire::dynamic;
use crate::plugin::wire::proto::import_resource_state::{ImportedResource, Request, Response};
use crate::plugin::wire::service::ProviderService;

pub(in crate::plugin::wire) async fn answer(
    service: &ProviderService,
    request: Request,
) -> Response {
    let mut found = Vec::new();
    let imported = import(service, request, &mut found).await;
    let imported = imported.unwrap_or_else(|diagnostic| {
        found.push(diagnostic);
        None
    });
    Response {
        imported_resources: imported.into_iter().collect(),
        diagnostics: diagnostics(found),
        deferred: None,
    }
}

/// The object. `None` where there is an error among the diagnostics in `found`.
async fn import(
    service: &ProviderService,
    request: Request,
    found: &mut Vec<Diagnostic>,
) -> Result<Option<ImportedResource>, Diagnostic> {
    let catalog = service.catalog().await?;
    let resource = catalog.resource(&request.type_name)?;
    if request.id.is_empty() {
        return Err(without_id(&request.type_name));
    }
    let (it, context) = (Arc::clone(&resource.it), service.context());
    let doing = format!("importing a {}", request.type_name);
    let answer = isolated(&doing, async move {
        it.import(context, ImportRequest { id: request.id }).await
    });
    let answer = answer.await?;
    let failed = answer.diagnostics.iter().any(Diagnostic::is_error);
    found.extend(answer.diagnostics);
    if failed {
        return Ok(None);
    }
    if answer.state.is_null() {
        return Err(Diagnostic::bug(format!(
            "The provider imported a {} and answered nothing",
            request.type_name
        )));
    }
    Ok(Some(ImportedResource {
        state: Some(dynamic::encode_known(&answer.state, &resource.ty, "state")?),
        type_name: request.type_name,
        private: Vec::new(),
        identity: None,
    }))
}

fn without_id(type_name: &str) -> Diagnostic {
    Diagnostic::error(
        "The import has no id",
        format!(
            "A {type_name} is imported by its id, and none was given. Set \"id\" in the import \
             block (not \"identity\", which this version of the provider does not have), or give \
             the id as the last argument of the command."
        ),
    )
}
