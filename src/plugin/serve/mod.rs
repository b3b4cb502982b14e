//! Serving: from the start of the process to its end.

mod connection;
mod end;
mod error;
mod handshake;
mod invocation;
mod socket;
mod tls;

use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::Arc;

use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

use self::end::End;
use self::error::ServeError;
use self::invocation::Invocation;
use self::tls::Identity;
use super::provider::Provider;
use super::wire;
use super::{log, panic};

/// What a provider is called.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// Its address without a registry, as `source` has it in a configuration: `hashicorp/aws`.
    pub source: &'static str,
    /// Its version.
    pub version: &'static str,
}

/// Serves a provider to the Terraform or OpenTofu that started this process, until it is asked to
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
    let incoming = ReceiverStream::new(incoming);
    let served = wire::server::answer(incoming, end.reached(), provider()).await;
    served.map_err(ServeError::Server)
}
