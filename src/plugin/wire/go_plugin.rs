//! The services that go-plugin's client expects beside the provider's own.

use std::pin::Pin;

use futures_util::stream::{self, Stream, StreamExt};
use tokio_util::sync::CancellationToken;
use tonic::service::Routes;
use tonic::{Request, Response, Status, Streaming, async_trait};

use self::proto::grpc_broker_server::{GrpcBroker, GrpcBrokerServer};
use self::proto::grpc_controller_server::{GrpcController, GrpcControllerServer};
use self::proto::grpc_stdio_server::{GrpcStdio, GrpcStdioServer};
use self::proto::{ConnInfo, Empty, StdioData};

/// Their messages.
#[allow(missing_docs, unreachable_pub, clippy::all, reason = "generated code")]
pub mod proto {
    tonic::include_proto!("plugin");
}

/// `routes` and those of these services. `end` is cancelled when the client asks for the end, and
/// ends the streams when it has come otherwise.
pub(super) fn add_to(routes: Routes, end: &CancellationToken) -> Routes {
    let end = || end.clone();
    routes
        .add_service(GrpcControllerServer::new(Controller { end: end() }))
        .add_service(GrpcStdioServer::new(Stdio { end: end() }))
        .add_service(GrpcBrokerServer::new(Broker { end: end() }))
}

/// Ends the plugin when the client asks for it.
struct Controller {
    /// Cancelled by the client's request.
    end: CancellationToken,
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
struct Stdio {
    /// Cancelled when the plugin ends.
    end: CancellationToken,
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
struct Broker {
    /// Cancelled when the plugin ends.
    end: CancellationToken,
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
