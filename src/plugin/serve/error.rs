//! Why a provider could not be served.

use std::io;
#[cfg(unix)]
use std::path::PathBuf;

/// Why a provider could not be served. Shown on stderr; the process then exits with 1.
#[derive(Debug, thiserror::Error)]
pub(super) enum ServeError {
    /// The system refused the event loop or the signal handlers.
    #[error("cannot start the event loop: {0}")]
    Runtime(#[source] io::Error),
    /// No folder for the socket.
    #[error(
        "cannot create a folder for the socket in {}: {source}. Point PLUGIN_UNIX_SOCKET_DIR or \
         TMPDIR to a folder that can be written to",
        .within.display()
    )]
    #[cfg(unix)]
    Folder {
        /// Where it was to be made.
        within: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The socket could not be bound, or not be given to its group.
    #[error("cannot listen at {address}: {source}{}", .hint.unwrap_or_default())]
    Listen {
        /// A path, or an address with a range of ports.
        address: String,
        /// What the system said.
        source: io::Error,
        /// What to do, where that is known.
        hint: Option<&'static str>,
    },
    /// The group of `PLUGIN_UNIX_SOCKET_GROUP` is not known.
    #[error("PLUGIN_UNIX_SOCKET_GROUP names the group {name:?}, which this machine does not have")]
    #[cfg(unix)]
    NoSuchGroup {
        /// As the variable has it.
        name: String,
    },
    /// A variable that ought to hold a port does not.
    #[error("{variable} holds {value:?}, which is not a port")]
    #[cfg(any(windows, test))]
    Port {
        /// The variable.
        variable: &'static str,
        /// What it holds.
        value: String,
    },
    /// The certificate of the one client to be let in cannot be read.
    #[error(
        "PLUGIN_CLIENT_CERT does not hold a certificate in PEM form ({reason}). Terraform and \
         OpenTofu set this variable; unset it where something else did"
    )]
    ClientCertificate {
        /// What is wrong with it.
        reason: String,
    },
    /// The server's own certificate could not be made.
    #[error("cannot create a certificate for the connection with Terraform: {0}")]
    Certificate(#[from] rcgen::Error),
    /// The parts of the TLS configuration do not fit together.
    #[error("cannot set up TLS for the connection with Terraform: {0}")]
    Tls(#[from] rustls::Error),
    /// The handshake line could not be written: whoever started the plugin does not read it.
    #[error("cannot write to stdout where the plugin listens: {0}")]
    Announce(#[source] io::Error),
    /// The server failed.
    #[error("the gRPC server failed: {0}")]
    Server(#[from] tonic::transport::Error),
}
