//! The schemas of the provider block, the resources, the data sources, the list resources, and the actions, and the
//! signatures of the functions.

use super::get_metadata::CAPABILITIES;
use crate::grpc::catalog::Catalog;
use crate::grpc::proto::ActionSchema;
use crate::grpc::proto::get_provider_schema::{Request, Response};
use crate::grpc::served::ServedProvider;

pub(in crate::grpc) async fn respond(provider: &ServedProvider, _: Request) -> Response {
    let response = match provider.catalog().await {
        Ok(catalog) => schemas(&catalog),
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

fn schemas(catalog: &Catalog) -> Response {
    let resources = catalog.resources.iter();
    let data_sources = catalog.data_sources.iter();
    let functions = catalog.functions.iter();
    let list_resources = catalog.list_resources.iter();
    let actions = catalog.actions.iter();
    Response {
        provider: Some((&catalog.provider.schema).into()),
        resource_schemas: resources
            .map(|(name, resource)| ((*name).to_owned(), (&resource.schema).into()))
            .collect(),
        data_source_schemas: data_sources
            .map(|(name, source)| ((*name).to_owned(), (&source.schema).into()))
            .collect(),
        functions: functions
            .map(|(name, function)| ((*name).to_owned(), (&function.signature).into()))
            .collect(),
        list_resource_schemas: list_resources
            .map(|(name, list)| ((*name).to_owned(), (&list.schema).into()))
            .collect(),
        action_schemas: actions
            .map(|(name, action)| {
                let schema = Some((&action.schema).into());
                ((*name).to_owned(), ActionSchema { schema })
            })
            .collect(),
        ..Default::default()
    }
}
