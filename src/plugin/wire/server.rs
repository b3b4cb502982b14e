//! The gRPC server: all services, from the first connection to the end.

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

use crate::plugin::provider::Provider;

use super::go_plugin;
use super::proto::provider_server::ProviderServer;
use super::service::ProviderService;

/// How large a message may be. Terraform sends whole states; tonic's own limit is 4 MiB.
const MAX_MESSAGE: usize = 256 << 20;
/// How long calls in flight may go on when the end has come. Terraform kills the process 2 s after
/// it asked for the end.
const GRACE: Duration = Duration::from_millis(1_900);

/// Answers calls until the client asks for the end, or `end` answers why it has come; and then those
/// that are in flight, if they do not take too long.
///
/// # Errors
/// If the server fails.
pub(in crate::plugin) async fn answer<C>(
    incoming: impl Stream<Item = io::Result<C>>,
    end: impl Future<Output = &'static str>,
    provider: Arc<dyn Provider>,
) -> Result<(), tonic::transport::Error>
where
    C: AsyncRead + AsyncWrite + Connected + Unpin + Send + 'static,
{
    let provider = ProviderServer::new(ProviderService::new(provider))
        .max_decoding_message_size(MAX_MESSAGE)
        .max_encoding_message_size(MAX_MESSAGE);
    let ended = CancellationToken::new();
    let (health, health_service) = tonic_health::server::health_reporter();
    health
        .set_service_status("plugin", ServingStatus::Serving)
        .await;
    let routes = Routes::new(provider).add_service(health_service);
    let server = Server::builder()
        .add_routes(go_plugin::add_to(routes, &ended))
        .serve_with_incoming_shutdown(incoming, ended.clone().cancelled_owned());

    let too_long = async {
        tokio::select! {
            cause = end => {
                tracing::debug!(cause, "ending");
                ended.cancel();
            }
            () = ended.cancelled() => tracing::debug!("ending, as Terraform asked"),
        }
        tokio::time::sleep(GRACE).await;
    };
    tokio::select! {
        served = server => served?,
        () = too_long => tracing::warn!("ended before all calls were answered"),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use hyper_util::rt::TokioIo;
    use tokio_stream::StreamExt;
    use tonic::transport::Endpoint;

    use super::*;
    use crate::plugin::diagnostic::Diagnostic;
    use crate::plugin::provider::{ConfigureRequest, DataSource, Resource};
    use crate::plugin::schema::Schema;
    use crate::plugin::value::Value;
    use crate::plugin::wire::go_plugin::proto::Empty;
    use crate::plugin::wire::go_plugin::proto::grpc_controller_client::GrpcControllerClient;
    use crate::plugin::wire::proto::provider_client::ProviderClient;
    use crate::plugin::wire::proto::{DynamicValue, validate_provider_config};

    /// Takes its time to answer.
    struct Slow;

    #[tonic::async_trait]
    impl Provider for Slow {
        fn schema(&self) -> Schema {
            Schema::default()
        }
        fn resources(&self) -> Vec<Arc<dyn Resource>> {
            Vec::new()
        }
        fn data_sources(&self) -> Vec<Arc<dyn DataSource>> {
            Vec::new()
        }
        async fn validate(&self, _config: Value) -> Vec<Diagnostic> {
            tokio::time::sleep(Duration::from_millis(300)).await;
            vec![Diagnostic::warning("Answered", "")]
        }
        async fn configure(&self, _request: ConfigureRequest) -> Vec<Diagnostic> {
            Vec::new()
        }
    }

    #[tokio::test]
    async fn a_call_in_flight_is_answered_after_the_end_was_asked_for() {
        let (client, server) = tokio::io::duplex(1 << 16);
        let incoming = tokio_stream::iter([Ok(server)]).chain(tokio_stream::pending());
        let no_end = std::future::pending();
        let serving = tokio::spawn(answer(incoming, no_end, Arc::new(Slow)));

        let mut client = Some(TokioIo::new(client));
        let connector = tower::service_fn(move |_| {
            let client = client.take();
            async { client.ok_or_else(|| io::Error::other("connected already")) }
        });
        let channel = Endpoint::from_static("http://localhost")
            .connect_with_connector(connector)
            .await
            .unwrap();
        let validated = tokio::spawn({
            let mut provider = ProviderClient::new(channel.clone());
            let empty_object = vec![0x80];
            let config = Some(DynamicValue {
                msgpack: empty_object,
                json: Vec::new(),
            });
            async move {
                let request = validate_provider_config::Request { config };
                provider.validate_provider_config(request).await
            }
        });
        // The call is on its way.
        tokio::time::sleep(Duration::from_millis(100)).await;
        let mut controller = GrpcControllerClient::new(channel);
        controller.shutdown(Empty {}).await.unwrap();
        assert!(!validated.is_finished());

        let answer = validated.await.unwrap().unwrap().into_inner();
        assert_eq!(answer.diagnostics[0].summary, "Answered");
        drop(controller);
        serving.await.unwrap().unwrap();
    }
}
