//! What a person can do about a failed call.

use super::connect_failure::ConnectFailure;
use super::error::{ApiError, Existing};
use super::settings::SettingSource;
use crate::product::names;

const TRY_AGAIN_LATER: &str = "Try again later.";

impl ApiError {
    /// Returns what a person can do next. `None` if only the caller of the client knows.
    #[must_use]
    pub fn next_step(&self) -> Option<String> {
        let step = match self {
            Self::Setup { .. } => {
                "If SSL_CERT_FILE or SSL_CERT_DIR is set, check that it names readable certificates in PEM \
                 format. Otherwise install the system's CA certificates (the package is often called \
                 ca-certificates)."
            }
            Self::Proxy { variable, .. } => {
                return Some(format!(
                    "Set {variable} to a URL such as http://proxy.example.com:3128, or unset it to connect directly."
                ));
            }
            Self::Connect { what, call, .. } => return Some(what.next_step(call.url.scheme())),
            Self::Redirect { location, .. } => {
                return Some(format!(
                    "Redirects are not followed. If {location} is the Orchestrator's API, set api_url to \
                     that installation's base URL."
                ));
            }
            Self::AttemptTimedOut { .. } | Self::Lost { .. } => {
                "Check the network and the status of the Orchestrator, then try again."
            }
            Self::DeadlineExceeded {
                last: Some(last), ..
            } => return last.next_step(),
            Self::DeadlineExceeded { last: None, .. } | Self::TooLongToWait { .. } => {
                TRY_AGAIN_LATER
            }
            Self::Unauthorized { token_from, .. } => {
                return Some(after_unauthorized(token_from.as_ref()));
            }
            Self::Refused { status, .. } => after_refusal(*status)?,
            Self::Unexpected {
                status: 407, call, ..
            } => return Some(ConnectFailure::Proxy.next_step(call.url.scheme())),
            Self::Unexpected { status, .. } => after_unexpected(*status),
            Self::Encoding { .. } => {
                "The server, or a proxy in front of it, must send its responses uncompressed or with gzip, \
                 which is all that the request accepts."
            }
            Self::Undecodable { .. } | Self::TooLarge { .. } => NOT_THE_API,
            Self::OrgNotFound { .. } => {
                "Check org_id, and that api_url is the base URL of the installation that has this organization, \
                 without the API's own paths (`/orgs/…`)."
            }
            Self::AlreadyExists {
                existing: Existing::OtherType(found),
                ..
            } => {
                return Some(format!(
                    "The existing runner has type `{found}`, which this provider cannot manage. Use another ID."
                ));
            }
            Self::Uncertain { source, .. } => return source.next_step(),
            Self::Unsupported { .. } => {
                "A newer version of the provider might have created it. Upgrade the provider."
            }
            Self::InvalidId { .. } => {
                "The ID would change the path of the request. Correct the ID."
            }
            Self::AlreadyExists {
                existing: Existing::Importable | Existing::OtherRunner(_),
                ..
            }
            | Self::OtherType { .. }
            | Self::Stopped { .. }
            | Self::RunnerNotFound { .. } => return None,
        };
        Some(step.to_owned())
    }
}

const TOO_MANY_REQUESTS: &str =
    "The Orchestrator limits the rate of requests. Try again later, or with a lower -parallelism.";

const NOT_THE_API: &str = "This is not a response of the Orchestrator's API. Check that api_url is the API's base \
                           URL, and that no proxy responds in its place.";

/// Returns what to do after the service's own refusal with this status.
fn after_refusal(status: u16) -> Option<&'static str> {
    match status {
        400 => Some("The Orchestrator does not accept the values. Correct them, then try again."),
        403 => Some(
            "The token is valid, but its user has no permission for this call in the organization. The Orchestrator \
             responds the same way if the organization does not exist. Check org_id, ask an administrator of the \
             organization for the permission, or use another token.",
        ),
        429 => Some(TOO_MANY_REQUESTS),
        _ => None,
    }
}

/// Returns what to do after a response with this status that is not the API's own.
fn after_unexpected(status: u16) -> &'static str {
    match status {
        429 => TOO_MANY_REQUESTS,
        500.. => {
            "The Orchestrator, or a proxy in front of it, failed to handle the request. Try again later."
        }
        _ => NOT_THE_API,
    }
}

fn after_unauthorized(token_from: Option<&SettingSource>) -> String {
    match token_from {
        Some(source) => format!(
            "The token comes from {source}. It might have expired or been revoked, or it might belong to \
             a different installation than the one in api_url. Get a new token and set it there."
        ),
        None => {
            format!(
                "No token was sent, because api_url is on localhost. Set auth_token, or the environment variable {}.",
                names(|product| product.auth_token_variable)
            )
        }
    }
}
