//! What the provider offers, by name, and what its service can do.

use crate::plugin::wire::catalog::Catalog;
use crate::plugin::wire::diagnostic::diagnostics;
use crate::plugin::wire::proto::ServerCapabilities;
use crate::plugin::wire::proto::get_metadata::{
    DataSourceMetadata, Request, ResourceMetadata, Response,
};
use crate::plugin::wire::service::ProviderService;

/// What the service can do.
pub(super) const CAPABILITIES: ServerCapabilities = ServerCapabilities {
    plan_destroy: false,
    get_provider_schema_optional: true,
    move_resource_state: true,
    generate_resource_config: false,
};

pub(in crate::plugin::wire) async fn answer(service: &ProviderService, _: Request) -> Response {
    let answer = match service.catalog().await {
        Ok(catalog) => metadata(&catalog),
        Err(diagnostic) => Response {
            diagnostics: diagnostics([diagnostic]),
            ..Default::default()
        },
    };
    Response {
        server_capabilities: Some(CAPABILITIES),
        ..answer
    }
}

fn metadata(catalog: &Catalog) -> Response {
    let resources = catalog.resources.keys().map(|name| ResourceMetadata {
        type_name: (*name).to_owned(),
    });
    let data_sources = catalog.data_sources.keys().map(|name| DataSourceMetadata {
        type_name: (*name).to_owned(),
    });
    Response {
        resources: resources.collect(),
        data_sources: data_sources.collect(),
        ..Default::default()
    }
}
