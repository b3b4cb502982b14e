//! The names of what the provider offers, and the capabilities of its server.

use crate::grpc::catalog::Catalog;
use crate::grpc::proto::ServerCapabilities;
use crate::grpc::proto::get_metadata::{
    ActionMetadata, DataSourceMetadata, FunctionMetadata, ListResourceMetadata, Request, ResourceMetadata, Response,
};
use crate::grpc::served::ServedProvider;

/// The capabilities of the server.
pub(super) const CAPABILITIES: ServerCapabilities = ServerCapabilities {
    // The plan of a destroy verifies the identity.
    plan_destroy: true,
    get_provider_schema_optional: true,
    move_resource_state: true,
    generate_resource_config: false,
};

pub(in crate::grpc) async fn respond(provider: &ServedProvider, _: Request) -> Response {
    let response = match provider.catalog().await {
        Ok(catalog) => metadata(&catalog),
        Err(diagnostic) => Response {
            diagnostics: provider.diagnostics([diagnostic]),
            ..Default::default()
        },
    };
    Response {
        server_capabilities: Some(CAPABILITIES),
        ..response
    }
}

fn metadata(catalog: &Catalog) -> Response {
    let resources = catalog.resources.keys().map(|name| ResourceMetadata {
        type_name: (*name).to_owned(),
    });
    let data_sources = catalog.data_sources.keys().map(|name| DataSourceMetadata {
        type_name: (*name).to_owned(),
    });
    let functions = catalog.functions.keys().map(|name| FunctionMetadata {
        name: (*name).to_owned(),
    });
    let list_resources = catalog.list_resources.keys().map(|name| ListResourceMetadata {
        type_name: (*name).to_owned(),
    });
    let actions = catalog.actions.keys().map(|name| ActionMetadata {
        type_name: (*name).to_owned(),
    });
    Response {
        resources: resources.collect(),
        data_sources: data_sources.collect(),
        functions: functions.collect(),
        list_resources: list_resources.collect(),
        actions: actions.collect(),
        ..Default::default()
    }
}
