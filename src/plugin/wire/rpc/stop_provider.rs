//! Stopping what is in flight: the user pressed Ctrl-C.

use crate::plugin::wire::proto::stop_provider::{Request, Response};
use crate::plugin::wire::service::ProviderService;

pub(in crate::plugin::wire) async fn answer(service: &ProviderService, _: Request) -> Response {
    service.stop();
    Response::default()
}
