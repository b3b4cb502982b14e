//! Serving: from the start of the process to its exit.

mod connection;
mod error;
mod exit_signal;
mod handshake;
mod invocation;
mod socket;
mod tls;

use std::io::{self, Write};
use std::process::ExitCode;
use std::sync::Arc;

use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;

use self::error::ServeError;
use self::exit_signal::ExitSignal;
use self::invocation::Invocation;
use self::tls::ServerIdentity;
use crate::provider::Provider;
use crate::redaction::{Redact, unchanged};
use crate::{diagnostic, grpc, log, panic};

/// What [`serve`] must know of a provider before it exists.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    source: &'static str,
    version: &'static str,
    log_crate: &'static str,
    report_to: &'static str,
    redact: Redact,
}

impl Options {
    /// Returns the options for a provider. `source` is its address without a registry, as in a configuration:
    /// `hashicorp/aws`.
    pub const fn new(source: &'static str, version: &'static str) -> Self {
        Self {
            source,
            version,
            log_crate: "",
            report_to: "",
            redact: unchanged,
        }
    }

    /// Returns the same options with the name of the crate whose [`tracing`] events are written to Terraform's log:
    /// `env!("CARGO_CRATE_NAME")`. Without it, the log has only the events of the server. The events of other crates are
    /// never written, because some of them contain credentials.
    #[must_use]
    pub const fn log_crate(self, log_crate: &'static str) -> Self {
        Self { log_crate, ..self }
    }

    /// Returns the same options with the address of the page where users report bugs of the provider. Diagnostics about
    /// a bug and the help name it.
    #[must_use]
    pub const fn report_to(self, report_to: &'static str) -> Self {
        Self { report_to, ..self }
    }

    /// Returns the same options with a function that removes credentials from every text: diagnostics, the log, and
    /// reports of panics.
    #[must_use]
    pub const fn redact_with(self, redact: Redact) -> Self {
        Self { redact, ..self }
    }
}

/// Serves a provider to the Terraform or OpenTofu that started this process, until it requests a shutdown. With
/// arguments, does what they say (`-debug`, `-version`, `-help`).
///
/// `provider` is called once, when the plugin already listens. The exit code of the process is returned, and errors are
/// written to stderr.
pub fn serve(options: Options, provider: impl FnOnce() -> Arc<dyn Provider>) -> ExitCode {
    match Invocation::from_process() {
        Invocation::Plugin => run(options, false, provider),
        Invocation::Debug => run(options, true, provider),
        Invocation::Version => succeed(options.version),
        Invocation::Help => succeed(&invocation::help(&options)),
        Invocation::ByHand => fail(&invocation::by_hand(&options)),
        Invocation::Unknown(argument) => {
            let help = invocation::help(&options);
            fail(&format!("The argument {argument:?} does not exist.\n\n{help}"))
        }
    }
}

/// Writes a text for a person to stdout, and returns the exit code for success.
fn succeed(text: &str) -> ExitCode {
    write_text(io::stdout(), text);
    ExitCode::SUCCESS
}

/// Writes a text for a person to stderr, and returns the exit code for a failure.
fn fail(text: &str) -> ExitCode {
    write_text(io::stderr(), text);
    ExitCode::FAILURE
}

/// Writes a text for a person. An output that is closed is not a reason to panic.
fn write_text(mut output: impl Write, text: &str) {
    let _ = writeln!(output, "{}", text.trim_end());
}

/// Serves the provider, and returns the exit code.
fn run(options: Options, debug: bool, provider: impl FnOnce() -> Arc<dyn Provider>) -> ExitCode {
    match run_server(options, debug, provider) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => fail(&format!("Could not serve the provider {}: {error}.", options.source)),
    }
}

fn run_server(options: Options, debug: bool, provider: impl FnOnce() -> Arc<dyn Provider>) -> Result<(), ServeError> {
    panic::install_hook(options.redact);
    log::install(options.log_crate, options.redact);
    diagnostic::set_report_to(options.report_to);
    // Calls mostly wait for other services, so one thread is enough, and each thread costs start-up time and memory.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(ServeError::Runtime)?;
    let served = runtime.block_on(listen(options, debug, provider));
    // This does not wait for name lookups that are still running in their own threads.
    runtime.shutdown_background();
    served
}

async fn listen(options: Options, debug: bool, provider: impl FnOnce() -> Arc<dyn Provider>) -> Result<(), ServeError> {
    let variable = |name| std::env::var_os(name).filter(|value| !value.is_empty());

    let exit_signal = ExitSignal::install(debug).map_err(ServeError::Runtime)?;
    let identity = match variable("PLUGIN_CLIENT_CERT") {
        Some(pem) if !debug => Some(ServerIdentity::new(pem.as_encoded_bytes())?),
        _ => None,
    };
    let (listener, listen_address) = socket::bind()?;
    let address = listen_address.address.as_str();

    let line = if debug {
        let hint = "Serving until Ctrl-C. Run terraform or tofu with this in its environment:";
        write_text(io::stderr(), hint);
        handshake::reattach_line(options.source, address)
    } else {
        let certificate = identity.as_ref().map(|identity| &*identity.certificate);
        let multiplex = variable("PLUGIN_MULTIPLEX_GRPC").is_some();
        handshake::line(address, certificate, multiplex)
    };
    handshake::announce(&line).map_err(ServeError::Announce)?;
    tracing::debug!(version = options.version, address, "listening");

    let (accepted, incoming) = mpsc::channel(1);
    let tls = identity.map(|identity| identity.config);
    tokio::spawn(connection::accept(listener, tls, accepted));
    let incoming = ReceiverStream::new(incoming);
    let exit_signal = exit_signal.wait();
    let served = grpc::server::serve_connections(incoming, exit_signal, provider(), options.redact);
    served.await.map_err(ServeError::Server)
}
