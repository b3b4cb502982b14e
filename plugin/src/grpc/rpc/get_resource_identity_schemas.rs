//! The schemas of the identities of all resources that have one.

use crate::grpc::proto::get_resource_identity_schemas::{Request, Response};
use crate::grpc::served::ServedProvider;

pub(in crate::grpc) async fn respond(provider: &ServedProvider, _: Request) -> Response {
    match provider.catalog().await {
        Ok(catalog) => Response {
            identity_schemas: catalog
                .identities
                .iter()
                .map(|(name, identity)| ((*name).to_owned(), (&identity.schema).into()))
                .collect(),
            ..Default::default()
        },
        Err(diagnostic) => Response {
            diagnostics: provider.diagnostics([diagnostic]),
            ..Default::default()
        },
    }
}
