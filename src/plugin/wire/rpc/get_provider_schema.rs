//! The schemas of everything.

use crate::plugin::wire::catalog::Catalog;
use crate::plugin::wire::diagnostic::diagnostics;
use crate::plugin::wire::proto::get_provider_schema::{Request, Response};
use crate::plugin::wire::service::ProviderService;

use super::get_metadata::CAPABILITIES;

pub(in crate::plugin::wire) async fn answer(service: &ProviderService, _: Request) -> Response {
    let answer = match service.catalog().await {
        Ok(catalog) => schemas(&catalog),
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

fn schemas(catalog: &Catalog) -> Response {
    let resources = catalog.resources.iter();
    let data_sources = catalog.data_sources.iter();
    Response {
        provider: Some((&catalog.provider.schema).into()),
        resource_schemas: resources
            .map(|(name, resource)| ((*name).to_owned(), (&resource.schema).into()))
            .collect(),
        data_source_schemas: data_sources
            .map(|(name, source)| ((*name).to_owned(), (&source.schema).into()))
            .collect(),
        ..Default::default()
    }
}
