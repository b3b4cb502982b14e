//! Stopping the calls in flight, because the user interrupted Terraform.

use crate::grpc::proto::stop_provider::{Request, Response};
use crate::grpc::served::ServedProvider;

pub(in crate::grpc) async fn respond(provider: &ServedProvider, _: Request) -> Response {
    provider.stop_calls();
    Response::default()
}
