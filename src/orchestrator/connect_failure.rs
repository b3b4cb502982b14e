//! Why there was no connection, and what to do about it.

use std::fmt;

use crate::frontend::Frontend;
use crate::network::proxy;
pub use crate::network::tls::TlsFailure;

/// Why there was no connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConnectFailure {
    /// The host name could not be resolved.
    Dns,
    /// The connection was refused.
    Refused,
    /// The attempt to connect timed out.
    TimedOut,
    /// A proxy did not let the connection through.
    Proxy,
    /// There was a connection, but TLS failed on it.
    Tls(TlsFailure),
    /// Anything else.
    Other,
}

impl fmt::Display for ConnectFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Tls(failure) => return failure.fmt(f),
            Self::Dns => "the host name could not be resolved",
            Self::Refused => "the connection was refused",
            Self::TimedOut => "the connection timed out",
            Self::Proxy => "the proxy did not open a connection",
            Self::Other => "the connection failed",
        })
    }
}

impl ConnectFailure {
    /// Returns what a person who uses this program can do next. The scheme of the URL decides which variable names the
    /// proxy.
    pub(super) fn next_step(self, scheme: &str, frontend: Frontend) -> String {
        let variable = proxy::variable(scheme);
        let api_url = frontend.words("api_url", "--api-url");
        match self {
            Self::Dns => format!(
                "Check the host name in {api_url} and this machine's name resolution. Behind a proxy, set \
                 {variable}."
            ),
            Self::Refused => format!(
                "Check the host and the port in {api_url} (and those of the proxy, if {variable} or ALL_PROXY \
                 is set), and that the Orchestrator is running there."
            ),
            Self::TimedOut | Self::Other => format!(
                "Check {api_url}, and that this machine can reach it: a firewall might block it, or a proxy \
                 might be required ({variable})."
            ),
            Self::Proxy => proxy::next_step(scheme),
            Self::Tls(failure) => failure.next_step(
                "set SSL_CERT_FILE to a PEM file with that CA's certificate (and the public ones, if \
                 they are needed too)",
            ),
        }
    }
}
