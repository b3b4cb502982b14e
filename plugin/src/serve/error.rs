//! Why a provider could not be served.

use std::io;
#[cfg(unix)]
use std::path::PathBuf;

/// Why a provider could not be served. It is written to stderr, and the process exits with 1.
#[derive(Debug, thiserror::Error)]
pub(super) enum ServeError {
    /// The system refused the event loop or the signal handlers.
    #[error("cannot start the event loop: {0}")]
    Runtime(#[source] io::Error),
    /// The folder for the socket could not be created.
    #[error(
        "cannot create a folder for the socket in {}: {source}. Set PLUGIN_UNIX_SOCKET_DIR or \
         TMPDIR to a writable folder",
        .within.display()
    )]
    #[cfg(unix)]
    Folder {
        /// The folder above.
        within: PathBuf,
        /// The error of the system.
        source: io::Error,
    },
    /// The socket could not be bound, or its group could not be set.
    #[error("cannot listen at {address}: {source}{}", .hint.unwrap_or_default())]
    Listen {
        /// A path, or an address with a range of ports.
        address: String,
        /// The error of the system.
        source: io::Error,
        /// How to fix it, if that is known.
        hint: Option<&'static str>,
    },
    /// The group in `PLUGIN_UNIX_SOCKET_GROUP` does not exist.
    #[error("PLUGIN_UNIX_SOCKET_GROUP names the group {name:?}, which does not exist on this machine")]
    #[cfg(unix)]
    NoSuchGroup {
        /// The value of the variable.
        name: String,
    },
    /// A variable does not contain a port.
    #[error("{variable} is {value:?}, which is not a port")]
    #[cfg(any(windows, test))]
    Port {
        /// The variable.
        variable: &'static str,
        /// Its value.
        value: String,
    },
    /// The certificate of the client cannot be read.
    #[error(
        "PLUGIN_CLIENT_CERT does not contain a certificate in PEM format ({reason}). Terraform and \
         OpenTofu set this variable. Unset it if another program has set it"
    )]
    ClientCertificate {
        /// What is wrong with it.
        reason: String,
    },
    /// The server's own certificate could not be created.
    #[error("cannot create a certificate for the connection with Terraform: {0}")]
    Certificate(#[from] rcgen::Error),
    /// The TLS configuration is invalid.
    #[error("cannot set up TLS for the connection with Terraform: {0}")]
    Tls(#[from] rustls::Error),
    /// The handshake line could not be written, because nothing reads stdout.
    #[error("cannot write the handshake line to stdout: {0}")]
    Announce(#[source] io::Error),
    /// The server failed.
    #[error("the gRPC server failed: {0}")]
    Server(#[from] tonic::transport::Error),
}
