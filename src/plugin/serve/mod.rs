//! Serving: from the start of the process to its end.

mod connection;
mod end;
mod error;
mod go_plugin;
mod handshake;
mod invocation;
mod socket;
mod tls;

use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tokio_util::sync::CancellationToken;
use tonic::transport::Server;
use tonic_health::ServingStatus;

use self::connection::Connection;
use self::end::End;
use self::error::ServeError;
use self::go_plugin::{Broker, Controller, Stdio};
use self::invocation::Invocation;
use self::tls::Identity;
use super::provider::Provider;
use super::wire::go_plugin::grpc_broker_server::GrpcBrokerServer;
use super::wire::go_plugin::grpc_controller_server::GrpcControllerServer;
use super::wire::go_plugin::grpc_stdio_server::GrpcStdioServer;
use super::wire::service::{ProviderServer, ProviderService};
use super::{log, panic};

/// How large a message may be. Terraform sends whole states; tonic's own limit is 4 MiB.
const MAX_MESSAGE: usize = 256 << 20;
/// How long calls in flight may go on when the end has come. Terraform kills the process 2 s after
/// it asked for the end.
const GRACE: Duration = Duration::from_millis(1_900);

/// What a provider is called.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// Its address without a registry, as `source` has it in a configuration: `hashicorp/aws`.
    pub source: &'static str,
    /// Its version.
    pub version: &'static str,
}

/// Serves a provider to the Terraform or OpenTofu that started this process, until it is told to
/// end; or does what the arguments say. `provider` is called once, when the plugin already listens.
///
/// Answers what the process is to exit with. Failures are explained on stderr.
pub fn serve(options: Options, provider: impl FnOnce() -> Arc<dyn Provider>) -> ExitCode {
    let debug = match Invocation::of_this_process() {
        Invocation::Plugin => false,
        Invocation::Debug => true,
        Invocation::Version => return say(io::stdout(), options.version, ExitCode::SUCCESS),
        Invocation::Help => {
            return say(io::stdout(), &invocation::help(&options), ExitCode::SUCCESS);
        }
        Invocation::ByHand => {
            return say(
                io::stderr(),
                &invocation::by_hand(&options),
                ExitCode::FAILURE,
            );
        }
        Invocation::Unknown(argument) => {
            let help = invocation::help(&options);
            let text = format!("There is no argument {argument:?}.\n\n{help}");
            return say(io::stderr(), &text, ExitCode::FAILURE);
        }
    };
    match run(options, debug, provider) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => say(
            io::stderr(),
            &format!("The provider {} cannot be served: {error}.", options.source),
            ExitCode::FAILURE,
        ),
    }
}

/// Writes `text` for a person. One who does not listen misses it; that is no reason to panic.
fn say(mut to: impl Write, text: &str, code: ExitCode) -> ExitCode {
    let _ = writeln!(to, "{}", text.trim_end());
    code
}

fn run(
    options: Options,
    debug: bool,
    provider: impl FnOnce() -> Arc<dyn Provider>,
) -> Result<(), ServeError> {
    panic::install_hook();
    log::install();
    // One thread: what calls do is to wait for others, and each thread costs start-up and memory.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(ServeError::Runtime)?;
    let served = runtime.block_on(listen(options, debug, provider));
    // Does not wait for name lookups that still run on threads of their own.
    runtime.shutdown_background();
    served
}

async fn listen(
    options: Options,
    debug: bool,
    provider: impl FnOnce() -> Arc<dyn Provider>,
) -> Result<(), ServeError> {
    let set = |name| std::env::var_os(name).filter(|value| !value.is_empty());

    let end = End::watch(debug).map_err(ServeError::Runtime)?;
    let identity = match set("PLUGIN_CLIENT_CERT") {
        Some(pem) if !debug => Some(Identity::new(pem.as_encoded_bytes())?),
        _ => None,
    };
    let (listener, place) = socket::bind()?;

    let line = if debug {
        handshake::reattach_line(options.source, &place.address)
    } else {
        let certificate = identity.as_ref().map(|identity| &*identity.certificate);
        let multiplex = set("PLUGIN_MULTIPLEX_GRPC").is_some();
        handshake::line(&place.address, certificate, multiplex)
    };
    if debug {
        let hint = "Serving until Ctrl-C. Run terraform or tofu with this in its environment:";
        let _ = writeln!(io::stderr(), "{hint}");
    }
    handshake::announce(&line).map_err(ServeError::Announce)?;
    tracing::debug!(
        version = options.version,
        address = place.address,
        "listening"
    );

    let (accepted, incoming) = mpsc::channel(1);
    tokio::spawn(connection::accept(
        listener,
        identity.map(|identity| identity.config),
        accepted,
    ));
    answer(ReceiverStream::new(incoming), end.reached(), provider()).await
}

/// Answers calls until the client asks for the end, or `end` answers why it has come; and then those
/// that are in flight, if they do not take too long.
async fn answer(
    incoming: ReceiverStream<io::Result<Connection>>,
    end: impl Future<Output = &'static str>,
    provider: Arc<dyn Provider>,
) -> Result<(), ServeError> {
    let provider = ProviderServer::new(ProviderService::new(provider))
        .max_decoding_message_size(MAX_MESSAGE)
        .max_encoding_message_size(MAX_MESSAGE);
    let ended = CancellationToken::new();
    let (health, health_service) = tonic_health::server::health_reporter();
    health
        .set_service_status("plugin", ServingStatus::Serving)
        .await;
    let server = Server::builder()
        .add_service(provider)
        .add_service(health_service)
        .add_service(GrpcControllerServer::new(Controller { end: ended.clone() }))
        .add_service(GrpcStdioServer::new(Stdio { end: ended.clone() }))
        .add_service(GrpcBrokerServer::new(Broker { end: ended.clone() }))
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
#[cfg(unix)]
mod tests {
    use hyper_util::rt::TokioIo;
    use tokio_util::either::Either;
    use tonic::transport::Endpoint;

    use super::*;
    use crate::plugin::diagnostic::Diagnostic;
    use crate::plugin::provider::{ConfigureRequest, DataSource, Resource};
    use crate::plugin::schema::Schema;
    use crate::plugin::value::Value;
    use crate::plugin::wire::go_plugin::Empty;
    use crate::plugin::wire::go_plugin::grpc_controller_client::GrpcControllerClient;
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
        let (client, server) = tokio::net::UnixStream::pair().unwrap();
        let (accepted, incoming) = mpsc::channel(1);
        let connection = Connection(Either::Left(server));
        accepted.send(Ok(connection)).await.unwrap();
        let incoming = ReceiverStream::new(incoming);
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
