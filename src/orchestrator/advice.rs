//! What a person can do about a failed call.

use super::error::{ConnectFailure, Error, Existing};
use super::lookup::Source;

impl Error {
    /// Returns what a person can do next, if there is something to say.
    #[must_use]
    pub fn next_step(&self) -> Option<String> {
        let step = match self {
            Self::Setup { .. } => {
                "If SSL_CERT_FILE or SSL_CERT_DIR is set, check that it names readable certificates in PEM \
                 format. Otherwise install the system's CA certificates (the package is often called \
                 ca-certificates)."
            }
            Self::Connect { what, .. } => what.next_step(),
            Self::Redirect { location, .. } => {
                return Some(format!(
                    "Redirects are not followed. If {location} is the Orchestrator's API, set api_url to \
                     that installation's base URL."
                ));
            }
            Self::TimedOut { .. } | Self::Lost { .. } => {
                "Check the network and the status of the Orchestrator, then try again."
            }
            Self::OutOfTime {
                last: Some(last), ..
            } => return last.next_step(),
            Self::OutOfTime { .. } | Self::TooLongToWait { .. } => "Try again later.",
            Self::Unauthorized { token_from, .. } => {
                return Some(after_unauthorized(token_from.as_ref()));
            }
            Self::Refused { status: 403, .. } => {
                "The token is valid, but its user lacks the permission for this in the organization. The Orchestrator \
                 responds the same way if the organization does not exist. Check org_id, ask an administrator of the \
                 organization for the permission, or use another token."
            }
            Self::Unexpected { status: 407, .. } => ConnectFailure::Proxy.next_step(),
            Self::Refused { status: 429, .. } | Self::Unexpected { status: 429, .. } => {
                "The Orchestrator limits the rate of requests. Try again later, or with a lower -parallelism."
            }
            Self::Unexpected { status, .. } if *status >= 500 => {
                "The Orchestrator, or a proxy in front of it, has a problem. Try again later."
            }
            Self::Unexpected { .. } | Self::Undecodable { .. } | Self::TooLarge { .. } => {
                "The Orchestrator's API does not respond like this. Check that api_url is the API's base URL, and \
                 that no proxy responds in its place."
            }
            Self::OrgNotFound { .. } => {
                "Check org_id, and that api_url is the base URL of the installation that has this organization, \
                 without the API's own paths (`/orgs/…`)."
            }
            Self::AlreadyExists {
                existing: Existing::OtherType(found),
                ..
            } => {
                return Some(format!(
                    "The existing runner has type `{found}`, which this provider cannot manage. Use another id."
                ));
            }
            Self::Uncertain { source, .. } => return source.next_step(),
            Self::Refused { status: 400, .. } => {
                "The Orchestrator does not accept the values. Correct them, then try again."
            }
            Self::Unsupported { .. } => {
                "A newer version of the provider might have created it: upgrade the provider."
            }
            // The caller of the client knows more.
            Self::OtherType { .. }
            | Self::Stopped { .. }
            | Self::Refused { .. }
            | Self::RunnerNotFound { .. }
            | Self::AlreadyExists { .. } => return None,
            Self::BadId { .. } => "It would change the API's address. Correct the id.",
        };
        Some(step.to_owned())
    }
}

impl ConnectFailure {
    fn next_step(self) -> &'static str {
        match self {
            Self::Dns => {
                "Check the host name in api_url and this machine's name resolution. Behind a proxy, set \
                 HTTPS_PROXY."
            }
            Self::Refused => {
                "Check the host and the port in api_url (and those of the proxy, if HTTP_PROXY or HTTPS_PROXY \
                 is set), and that the Orchestrator is running there."
            }
            Self::TimedOut | Self::Other => {
                "Check api_url, and that this machine can reach it: a firewall might block the connection, or a \
                 proxy might be needed (HTTPS_PROXY)."
            }
            Self::Proxy => {
                "Check the proxy in HTTPS_PROXY (or HTTP_PROXY, ALL_PROXY), or name the host in NO_PROXY to \
                 reach it directly."
            }
            Self::NoTls => {
                "api_url starts with https://, but the server at that host and port speaks plain HTTP or another \
                 protocol. Correct the port, or start api_url with http:// if that is intended."
            }
            Self::Tls => {
                "If the Orchestrator, or a proxy that inspects TLS, has a certificate of a private CA, set \
                 SSL_CERT_FILE to a PEM file with that CA's certificate (and the public ones, if they are \
                 needed too). Check also that the certificate is valid for the host name in api_url."
            }
        }
    }
}

fn after_unauthorized(token_from: Option<&Source>) -> String {
    match token_from {
        Some(source) => format!(
            "The token comes from {source}. It might have expired, might have been revoked, or might belong to \
             another installation than the one in api_url. Get a new token and set it there."
        ),
        None => {
            "No token was sent, because api_url is on localhost. Set auth_token or HUMANITEC_AUTH_TOKEN."
                .to_owned()
        }
    }
}
