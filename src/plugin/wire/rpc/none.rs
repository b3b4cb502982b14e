//! What Terraform asks for and this layer has none of.

use crate::plugin::wire::proto::{get_functions, get_resource_identity_schemas};
use crate::plugin::wire::service::ProviderService;

pub(in crate::plugin::wire) async fn functions(
    _: &ProviderService,
    _: get_functions::Request,
) -> get_functions::Response {
    get_functions::Response::default()
}

pub(in crate::plugin::wire) async fn identity_schemas(
    _: &ProviderService,
    _: get_resource_identity_schemas::Request,
) -> get_resource_identity_schemas::Response {
    get_resource_identity_schemas::Response::default()
}
