//! The gRPC server: all services, from the first connection to the shutdown.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite};
use tokio_stream::Stream;
use tokio_util::sync::CancellationToken;
use tonic::service::Routes;
use tonic::transport::Server;
use tonic::transport::server::Connected;
use tonic_health::ServingStatus;

use crate::provider::Provider;
use crate::redaction::Redact;

use super::go_plugin;
use super::proto::provider_server::ProviderServer;
use super::service::ProviderService;

/// The greatest size of a message. Terraform sends whole states, and the default limit of tonic is 4 MiB.
const MAX_MESSAGE: usize = 256 << 20;
/// How long calls in flight can take after the shutdown began. Terraform kills the process 2 s after it requested the
/// shutdown.
const GRACE: Duration = Duration::from_millis(1_900);

/// Serves the provider until the client requests a shutdown, or until `exit_signal` returns the reason for one. Calls in
/// flight can then finish, if they do not take too long.
///
/// # Errors
/// Returns an error if the server fails.
pub(crate) async fn serve_connections<C>(
    incoming: impl Stream<Item = io::Result<C>>,
    exit_signal: impl Future<Output = &'static str>,
    provider: Arc<dyn Provider>,
    redact: Redact,
) -> Result<(), tonic::transport::Error>
where
    C: AsyncRead + AsyncWrite + Connected + Unpin + Send + 'static,
{
    let provider = ProviderServer::new(ProviderService::with_redaction(provider, redact))
        .max_decoding_message_size(MAX_MESSAGE)
        .max_encoding_message_size(MAX_MESSAGE);
    let shutdown = CancellationToken::new();
    let (health, health_service) = tonic_health::server::health_reporter();
    health.set_service_status("plugin", ServingStatus::Serving).await;
    let routes = Routes::new(provider).add_service(health_service);
    let server = Server::builder()
        .add_routes(go_plugin::add_services(routes, &shutdown))
        .serve_with_incoming_shutdown(incoming, shutdown.clone().cancelled_owned());

    let timeout = async {
        tokio::select! {
            cause = exit_signal => {
                tracing::debug!(cause, "shutting down");
                shutdown.cancel();
            }
            () = shutdown.cancelled() => tracing::debug!("shutting down, as Terraform requested"),
        }
        tokio::time::sleep(GRACE).await;
    };
    tokio::select! {
        served = server => served?,
        () = timeout => tracing::warn!("shut down before all calls had finished"),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use hyper_util::rt::TokioIo;
    use tokio_stream::StreamExt;
    use tonic::transport::Endpoint;

    use super::*;
    use crate::diagnostic::Diagnostic;
    use crate::grpc::go_plugin::proto::Empty;
    use crate::grpc::go_plugin::proto::grpc_controller_client::GrpcControllerClient;
    use crate::grpc::proto::provider_client::ProviderClient;
    use crate::grpc::proto::{DynamicValue, configure_provider};
    use crate::provider::ConfigureRequest;
    use crate::redaction::unchanged;
    use crate::schema::Schema;

    /// A provider whose configuration takes 300 ms.
    struct Slow;

    #[tonic::async_trait]
    impl Provider for Slow {
        fn schema(&self) -> Schema {
            Schema::default()
        }
        async fn configure(&self, _request: ConfigureRequest) -> Vec<Diagnostic> {
            tokio::time::sleep(Duration::from_millis(300)).await;
            vec![Diagnostic::warning("Finished", "")]
        }
    }

    #[tokio::test]
    async fn a_call_in_flight_finishes_after_a_shutdown_was_requested() {
        let (client, server) = tokio::io::duplex(1 << 16);
        let incoming = tokio_stream::iter([Ok(server)]).chain(tokio_stream::pending());
        let never = std::future::pending();
        let serving = tokio::spawn(serve_connections(incoming, never, Arc::new(Slow), unchanged));

        let mut client = Some(TokioIo::new(client));
        let connector = tower::service_fn(move |_| {
            let client = client.take();
            async { client.ok_or_else(|| io::Error::other("connected already")) }
        });
        let channel = Endpoint::from_static("http://localhost")
            .connect_with_connector(connector)
            .await
            .unwrap();
        let configured = tokio::spawn({
            let mut provider = ProviderClient::new(channel.clone());
            let empty_object = vec![0x80];
            let config = Some(DynamicValue {
                msgpack: empty_object,
                json: Vec::new(),
            });
            async move {
                let request = configure_provider::Request {
                    config,
                    ..Default::default()
                };
                provider.configure_provider(request).await
            }
        });
        // Wait until the call has begun.
        tokio::time::sleep(Duration::from_millis(100)).await;
        let mut controller = GrpcControllerClient::new(channel);
        controller.shutdown(Empty {}).await.unwrap();
        assert!(!configured.is_finished());

        let response = configured.await.unwrap().unwrap().into_inner();
        assert_eq!(response.diagnostics[0].summary, "Finished");
        drop(controller);
        serving.await.unwrap().unwrap();
    }
}
