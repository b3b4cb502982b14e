//! The services that go-plugin's client expects beside the provider's own.

use std::pin::Pin;

use futures_util::stream::{self, Stream, StreamExt};
use tokio_util::sync::CancellationToken;
use tonic::{Request, Response, Status, Streaming, async_trait};

use crate::plugin::wire::go_plugin::grpc_broker_server::GrpcBroker;
use crate::plugin::wire::go_plugin::grpc_controller_server::GrpcController;
use crate::plugin::wire::go_plugin::grpc_stdio_server::GrpcStdio;
use crate::plugin::wire::go_plugin::{ConnInfo, Empty, StdioData};

/// Ends the plugin when the client asks for it.
pub(super) struct Controller {
    /// Cancelled by the client's request.
    pub(super) end: CancellationToken,
}

#[async_trait]
impl GrpcController for Controller {
    async fn shutdown(&self, _request: Request<Empty>) -> Result<Response<Empty>, Status> {
        self.end.cancel();
        Ok(Response::new(Empty {}))
    }
}

/// Would carry what the plugin prints on stdout. It prints nothing there, and its log goes to
/// stderr, so the stream is just kept open until the end.
pub(super) struct Stdio {
    /// Cancelled when the plugin ends.
    pub(super) end: CancellationToken,
}

#[async_trait]
impl GrpcStdio for Stdio {
    type StreamStdioStream = Silence<StdioData>;

    async fn stream_stdio(
        &self,
        _request: Request<()>,
    ) -> Result<Response<Self::StreamStdioStream>, Status> {
        Ok(Response::new(silence(self.end.clone().cancelled_owned())))
    }
}

/// Would set up further connections. A provider has none, so what the client says is passed over.
pub(super) struct Broker {
    /// Cancelled when the plugin ends.
    pub(super) end: CancellationToken,
}

#[async_trait]
impl GrpcBroker for Broker {
    type StartStreamStream = Silence<ConnInfo>;

    async fn start_stream(
        &self,
        request: Request<Streaming<ConnInfo>>,
    ) -> Result<Response<Self::StartStreamStream>, Status> {
        let mut from_client = request.into_inner();
        let end = self.end.clone();
        Ok(Response::new(silence(async move {
            let client_is_done = async { while let Ok(Some(_)) = from_client.message().await {} };
            tokio::select! {
                () = client_is_done => {}
                () = end.cancelled() => {}
            }
        })))
    }
}

type Silence<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

/// A stream of nothing that ends with `end`.
fn silence<T>(end: impl Future<Output = ()> + Send + 'static) -> Silence<T> {
    Box::pin(stream::once(end).filter_map(|()| async { None }))
}
