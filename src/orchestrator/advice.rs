//! What a person can do about a failed call.

use super::connect_failure::ConnectFailure;
use super::error::{ApiError, Existing};
use super::settings::SettingSource;
use crate::frontend::Frontend;
use crate::product::names;

const TRY_AGAIN_LATER: &str = "Try again later.";

impl ApiError {
    /// Returns what a person who uses this program can do next. `None` if only the caller of the client knows.
    #[must_use]
    pub fn next_step(&self, frontend: Frontend) -> Option<String> {
        let api_url = frontend.words("api_url", "--api-url");
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
            Self::Connect { what, call, .. } => {
                return Some(what.next_step(call.url.scheme(), frontend));
            }
            Self::Redirect { location, .. } => {
                return Some(format!(
                    "Redirects are not followed. If {location} is the Orchestrator's API, set {api_url} to \
                     that installation's base URL."
                ));
            }
            Self::AttemptTimedOut { .. } | Self::Lost { .. } => {
                "Check the network and the status of the Orchestrator, then try again."
            }
            Self::DeadlineExceeded { last: Some(last), .. } => return last.next_step(frontend),
            Self::DeadlineExceeded { last: None, .. } | Self::TooLongToWait { .. } => TRY_AGAIN_LATER,
            Self::Unauthorized { token_from, .. } => {
                return Some(after_unauthorized(token_from.as_ref(), frontend));
            }
            Self::Refused { status, .. } => return after_refusal(*status, frontend),
            Self::Unexpected { status: 407, call, .. } => {
                return Some(ConnectFailure::Proxy.next_step(call.url.scheme(), frontend));
            }
            Self::Unexpected { status, .. } => return Some(after_unexpected(*status, frontend)),
            Self::Encoding { .. } => {
                "The server, or a proxy in front of it, must send its responses uncompressed or with gzip. The request \
                 accepts no other encoding."
            }
            Self::Undecodable { .. } | Self::TooLarge { .. } => return Some(not_the_api(frontend)),
            Self::OrgNotFound { .. } => {
                return Some(format!(
                    "Check {}, and that {api_url} is the base URL of the installation that has this organization, without \
                     the API's own paths (`/orgs/…`).",
                    frontend.words("org_id", "--org")
                ));
            }
            Self::AlreadyExists {
                existing: Existing::OtherType(found),
                ..
            } => {
                return Some(format!(
                    "The existing runner has type `{found}`, which this provider cannot manage. Use another ID."
                ));
            }
            Self::Uncertain { source, .. } => return source.next_step(frontend),
            Self::Unsupported { .. } => frontend.words(
                "A newer version of the provider might have created it. Upgrade the provider.",
                "A newer client might have created it. Upgrade eks-runner.",
            ),
            Self::InvalidId { .. } => "A URL path cannot contain an empty ID, \".\", or \"..\". Correct the ID.",
            Self::AlreadyExists {
                existing: Existing::Importable | Existing::OtherRunner(_),
                ..
            }
            | Self::OtherType { .. }
            | Self::Stopped { .. }
            | Self::RunnerNotFound { .. }
            | Self::EnvTypeNotFound { .. } => return None,
        };
        Some(step.to_owned())
    }
}

/// Returns what to do about a limit on the rate of requests.
fn too_many_requests(frontend: Frontend) -> String {
    let more = frontend.words(", or with a lower -parallelism", "");
    format!("The Orchestrator limits the rate of requests. Try again later{more}.")
}

fn not_the_api(frontend: Frontend) -> String {
    format!(
        "This is not a response of the Orchestrator's API. Check that {} is the API's base URL, and that no proxy responds \
         in its place.",
        frontend.words("api_url", "--api-url")
    )
}

/// Returns what to do after the service's own refusal with this status.
fn after_refusal(status: u16, frontend: Frontend) -> Option<String> {
    match status {
        400 => Some(
            "The Orchestrator rejected the request. Correct the values that the message names, then try again."
                .to_owned(),
        ),
        403 => Some(format!(
            "The token is valid, but its user has no permission for this call in the organization. The Orchestrator \
             responds the same way if the organization does not exist. Check {}, ask an administrator of the \
             organization for the permission, or use another token.",
            frontend.words("org_id", "--org")
        )),
        429 => Some(too_many_requests(frontend)),
        _ => None,
    }
}

/// Returns what to do after a response with this status that is not the API's own.
fn after_unexpected(status: u16, frontend: Frontend) -> String {
    match status {
        429 => too_many_requests(frontend),
        500.. => {
            "The Orchestrator, or a proxy in front of it, failed to handle the request. Try again later.".to_owned()
        }
        _ => not_the_api(frontend),
    }
}

fn after_unauthorized(token_from: Option<&SettingSource>, frontend: Frontend) -> String {
    let api_url = frontend.words("api_url", "--api-url");
    match token_from {
        Some(source) => format!(
            "The token comes from {source}. It might have expired or been revoked, or it might belong to \
             a different installation than the one in {api_url}. Get a new token and set it there."
        ),
        None => {
            format!(
                "No token was sent, because {api_url} is on localhost. Set {}the environment variable {}.",
                frontend.words("auth_token, or ", ""),
                names(|product| product.auth_token_variable)
            )
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_has_no_attributes_and_no_parallelism() {
        let command = Frontend::Command;
        let refusals = [400, 403, 429].map(|status| after_refusal(status, command));
        let unexpected = [404, 429, 500].map(|status| after_unexpected(status, command));
        let failures = [
            ConnectFailure::Dns,
            ConnectFailure::Refused,
            ConnectFailure::TimedOut,
            ConnectFailure::Proxy,
            ConnectFailure::Other,
        ];
        let connections = failures.map(|failure| failure.next_step("https", command));
        let unauthorized = [
            after_unauthorized(None, command),
            after_unauthorized(Some(&SettingSource::BuiltIn), command),
        ];
        let texts = refusals.into_iter().flatten().chain(unexpected);
        for text in texts.chain(connections).chain(unauthorized) {
            for word in ["api_url", "org_id", "auth_token", "parallelism", "provider"] {
                assert!(!text.contains(word), "{text}");
            }
        }
    }
}
