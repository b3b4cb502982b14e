//! The signatures of all functions.

use crate::grpc::proto::get_functions::{Request, Response};
use crate::grpc::served::ServedProvider;

pub(in crate::grpc) async fn respond(provider: &ServedProvider, _: Request) -> Response {
    match provider.catalog().await {
        Ok(catalog) => Response {
            functions: catalog
                .functions
                .iter()
                .map(|(name, function)| ((*name).to_owned(), (&function.signature).into()))
                .collect(),
            ..Default::default()
        },
        Err(diagnostic) => Response {
            diagnostics: provider.diagnostics([diagnostic]),
            ..Default::default()
        },
    }
}
