//! The services that the client of go-plugin expects beside the provider's own.

use std::pin::Pin;

use futures_util::stream::{self, Stream, StreamExt};
use tokio_util::sync::CancellationToken;
use tonic::service::Routes;
use tonic::{Request, Response, Status, Streaming, async_trait};

use self::proto::grpc_broker_server::{GrpcBroker, GrpcBrokerServer};
use self::proto::grpc_controller_server::{GrpcController, GrpcControllerServer};
use self::proto::grpc_stdio_server::{GrpcStdio, GrpcStdioServer};
use self::proto::{ConnInfo, Empty, StdioData};

/// The messages of these services.
#[allow(missing_docs, unreachable_pub, clippy::all, reason = "generated code")]
pub mod proto {
    tonic::include_proto!("plugin");
}

/// Adds these services to `routes`. The client's request for a shutdown cancels `shutdown`, and its cancellation ends the
/// streams.
pub(super) fn add_services(routes: Routes, shutdown: &CancellationToken) -> Routes {
    let shutdown = || shutdown.clone();
    routes
        .add_service(GrpcControllerServer::new(Controller { shutdown: shutdown() }))
        .add_service(GrpcStdioServer::new(Stdio { shutdown: shutdown() }))
        .add_service(GrpcBrokerServer::new(Broker { shutdown: shutdown() }))
}

/// Shuts the plugin down when the client requests it.
struct Controller {
    /// Canceled by the client's request.
    shutdown: CancellationToken,
}

#[async_trait]
impl GrpcController for Controller {
    async fn shutdown(&self, _request: Request<Empty>) -> Result<Response<Empty>, Status> {
        self.shutdown.cancel();
        Ok(Response::new(Empty {}))
    }
}

/// Carries what the plugin prints on stdout. It prints nothing there, and its log goes to stderr, so the stream only
/// stays open until the shutdown.
struct Stdio {
    /// Cancelled when the plugin shuts down.
    shutdown: CancellationToken,
}

#[async_trait]
impl GrpcStdio for Stdio {
    type StreamStdioStream = EmptyStream<StdioData>;

    async fn stream_stdio(&self, _request: Request<()>) -> Result<Response<Self::StreamStdioStream>, Status> {
        Ok(Response::new(empty_stream(self.shutdown.clone().cancelled_owned())))
    }
}

/// Negotiates further connections. A provider has none, so the client's messages are ignored.
struct Broker {
    /// Cancelled when the plugin shuts down.
    shutdown: CancellationToken,
}

#[async_trait]
impl GrpcBroker for Broker {
    type StartStreamStream = EmptyStream<ConnInfo>;

    async fn start_stream(
        &self,
        request: Request<Streaming<ConnInfo>>,
    ) -> Result<Response<Self::StartStreamStream>, Status> {
        let mut from_client = request.into_inner();
        let shutdown = self.shutdown.clone();
        Ok(Response::new(empty_stream(async move {
            let client_has_ended = async { while let Ok(Some(_)) = from_client.message().await {} };
            tokio::select! {
                () = client_has_ended => {}
                () = shutdown.cancelled() => {}
            }
        })))
    }
}

type EmptyStream<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

/// Returns a stream without messages that ends with `end`.
fn empty_stream<T>(end: impl Future<Output = ()> + Send + 'static) -> EmptyStream<T> {
    Box::pin(stream::once(end).filter_map(|()| async { None }))
}
