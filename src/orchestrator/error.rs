//! Everything that can go wrong with a call, and what to do about it.

use std::error::Error as StdError;
use std::time::Duration;

use super::connect_failure::ConnectFailure;
use super::lookup::Source;
use super::request::Call;
use crate::network::causes;

/// A call that failed. `Display` says what happened, to what and why, and never repeats its
/// source; [`Error::report`] is the whole text for a person, with the causes and the next step.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// An id that has no address of its own in the API.
    #[error("`{id}` cannot be an id")]
    BadId {
        /// The id as given.
        id: String,
    },

    /// The HTTP client could not be set up; nothing was sent.
    #[error("the HTTP client could not be set up")]
    Setup {
        /// What the client says.
        source: Box<dyn StdError + Send + Sync>,
    },

    /// The environment's proxy cannot be used; nothing was sent.
    #[error("the environment variable {variable} cannot be used as a proxy: {problem}")]
    Proxy {
        /// The variable.
        variable: &'static str,
        /// What is wrong with its value, without the value.
        problem: String,
    },

    /// There was no connection; nothing was sent.
    #[error("{call}: {what}")]
    Connect {
        /// The call.
        call: Box<Call>,
        /// What the attempt to connect met.
        what: ConnectFailure,
        /// What the client says.
        source: reqwest::Error,
    },

    /// The answer points elsewhere. It is not followed, so that the token goes nowhere else.
    #[error("{call} was answered with a redirect ({status}) to {location}")]
    Redirect {
        /// The call.
        call: Box<Call>,
        /// The HTTP status.
        status: u16,
        /// Where it points, without user, query and fragment.
        location: String,
    },

    /// One attempt took too long; the request may have been carried out.
    #[error("{call} had no answer within {} s", after.as_secs_f32())]
    TimedOut {
        /// The call.
        call: Box<Call>,
        /// The limit.
        after: Duration,
    },

    /// The connection broke before the answer was whole; the request may have been carried out.
    #[error("{call}: the connection broke before the answer was complete")]
    Lost {
        /// The call.
        call: Box<Call>,
        /// What the client says.
        source: reqwest::Error,
    },

    /// The budget's `stop` ended the call.
    #[error("{call} was interrupted")]
    Stopped {
        /// The call.
        call: Box<Call>,
        /// Whether the request may have been sent.
        in_flight: bool,
        /// How the attempt before ended.
        #[source]
        last: Option<Box<Error>>,
    },

    /// The budget's deadline ended the call.
    #[error("{call} was not done in the time given")]
    OutOfTime {
        /// The call.
        call: Box<Call>,
        /// Whether the request may have been sent.
        in_flight: bool,
        /// How the attempt before ended.
        #[source]
        last: Option<Box<Error>>,
    },

    /// The service asks for a longer wait than the budget allows.
    #[error(
        "{call} was answered with {status}, which asks to wait {} s, and {} s are left of the time given",
        wait.as_secs(), left.as_secs_f32().ceil()
    )]
    TooLongToWait {
        /// The call.
        call: Box<Call>,
        /// The HTTP status.
        status: u16,
        /// What `Retry-After` asks for.
        wait: Duration,
        /// What is left of the budget.
        left: Duration,
    },

    /// The service does not know the caller (401).
    #[error("{call} was not authenticated (401): {message}")]
    Unauthorized {
        /// The call.
        call: Box<Call>,
        /// The service's message.
        message: String,
        /// Where the token came from; `None` without a token.
        token_from: Option<Source>,
    },

    /// The service refuses the request, with its own error (4xx but 401).
    #[error("{call} was refused ({status}): {message}")]
    Refused {
        /// The call.
        call: Box<Call>,
        /// The HTTP status.
        status: u16,
        /// The service's message.
        message: String,
        /// What `Retry-After` asks for.
        retry_after: Option<Duration>,
    },

    /// An answer that the API's contract does not know: a 5xx, a proxy's page, another success.
    #[error("{call} was answered with {status}{}", but_says(excerpt))]
    Unexpected {
        /// The call.
        call: Box<Call>,
        /// The HTTP status.
        status: u16,
        /// The beginning of the answer's text, without markup; may be empty.
        excerpt: String,
        /// What `Retry-After` asks for.
        retry_after: Option<Duration>,
    },

    /// A success whose body is not what it should be.
    #[error("{call} succeeded ({status}), but its answer cannot be read: {why}")]
    Undecodable {
        /// The call.
        call: Box<Call>,
        /// The HTTP status.
        status: u16,
        /// What is wrong with the body.
        why: String,
        /// Whether it is whole JSON, which another attempt would bring again.
        is_json: bool,
    },

    /// The response's body cannot be decoded, whatever it says.
    #[error("{call}: the response ({status}) {problem}")]
    Encoding {
        /// The call.
        call: Box<Call>,
        /// The HTTP status.
        status: u16,
        /// What is wrong, as a predicate.
        problem: String,
    },

    /// An EKS runner that is not what this version of the provider knows.
    #[error("runner `{id}` cannot be read by version {} of the provider: {what}", env!("CARGO_PKG_VERSION"))]
    Unsupported {
        /// The runner's id.
        id: String,
        /// What is not known, as a clause.
        what: String,
    },

    /// An answer past the limit of 4 MiB.
    #[error("{call}: the answer is larger than 4 MiB")]
    TooLarge {
        /// The call.
        call: Box<Call>,
    },

    /// What was to be created is there already; nothing was created.
    #[error("{message}")]
    AlreadyExists {
        /// The id by which it can be imported.
        id: String,
        /// The service's message.
        message: String,
        /// The type of the runner that is there, if that is another one: it cannot be imported.
        other_type: Option<String>,
    },

    /// The runner is of another type than this provider's.
    #[error("runner `{id}` is of type `{found}`, not `kubernetes-eks`")]
    OtherType {
        /// The runner's id.
        id: String,
        /// Its type.
        found: String,
    },

    /// The organization itself is not found.
    #[error("organization `{org}` was not found: {call} was refused (404): {message}")]
    OrgNotFound {
        /// The call that asked for it.
        call: Box<Call>,
        /// The organization's id.
        org: String,
        /// The service's message.
        message: String,
    },

    /// A change was sent, and it could not be found out whether it was carried out.
    #[error("it is not known whether {what}")]
    Uncertain {
        /// The change, as a sentence in the past: ``runner `x` was created``.
        what: String,
        /// Why it is not known.
        source: Box<Error>,
    },
}

fn but_says(excerpt: &str) -> String {
    if excerpt.is_empty() {
        " and no text".to_owned()
    } else {
        format!(": {excerpt}")
    }
}

impl Error {
    /// The API's own 404: what was asked for does not exist.
    #[must_use]
    pub fn is_not_found(&self) -> bool {
        matches!(self, Self::Refused { status: 404, .. })
    }

    /// The API's own 409.
    #[must_use]
    pub fn is_conflict(&self) -> bool {
        matches!(self, Self::Refused { status: 409, .. })
    }

    /// The runner is of another type than this provider's.
    #[must_use]
    pub fn is_other_type(&self) -> bool {
        matches!(self, Self::OtherType { .. })
    }

    /// What was to be created is there already.
    #[must_use]
    pub fn is_already_exists(&self) -> bool {
        matches!(self, Self::AlreadyExists { .. })
    }

    /// The caller ended the call (by `stop`, not by the deadline).
    #[must_use]
    pub fn is_stopped(&self) -> bool {
        match self {
            Self::Stopped { .. } => true,
            Self::Uncertain { source, .. } => source.is_stopped(),
            _ => false,
        }
    }

    /// The time that the budget gave was too short.
    #[must_use]
    pub fn is_out_of_time(&self) -> bool {
        match self {
            Self::OutOfTime { .. } | Self::TooLongToWait { .. } => true,
            Self::Uncertain { source, .. } => source.is_out_of_time(),
            _ => false,
        }
    }

    /// The change may have been carried out. Whoever creates something keeps it in the state; with
    /// every other error it is certain that nothing was created.
    #[must_use]
    pub fn is_uncertain(&self) -> bool {
        matches!(self, Self::Uncertain { .. })
    }

    /// The call that failed, where the error is about one.
    #[must_use]
    pub fn call(&self) -> Option<&Call> {
        match self {
            Self::Connect { call, .. }
            | Self::Redirect { call, .. }
            | Self::TimedOut { call, .. }
            | Self::Lost { call, .. }
            | Self::Stopped { call, .. }
            | Self::OutOfTime { call, .. }
            | Self::TooLongToWait { call, .. }
            | Self::Unauthorized { call, .. }
            | Self::Refused { call, .. }
            | Self::Unexpected { call, .. }
            | Self::Undecodable { call, .. }
            | Self::Encoding { call, .. }
            | Self::TooLarge { call }
            | Self::OrgNotFound { call, .. } => Some(call),
            Self::Uncertain { source, .. } => source.call(),
            Self::BadId { .. }
            | Self::Setup { .. }
            | Self::Proxy { .. }
            | Self::AlreadyExists { .. }
            | Self::OtherType { .. }
            | Self::Unsupported { .. } => None,
        }
    }

    /// The whole text for a person: what happened, what caused it, what to do next.
    #[must_use]
    pub fn report(&self) -> String {
        let mut text = self.with_causes();
        if let Some(first) = text.get_mut(..1) {
            first.make_ascii_uppercase();
        }
        if !text.ends_with(['.', '!', '?', '…']) {
            text.push('.');
        }
        if let Some(step) = self.next_step() {
            text.push_str("\n\n");
            text.push_str(&step);
        }
        text
    }

    fn with_causes(&self) -> String {
        match self {
            // Its cause says the same once more.
            Self::Connect {
                what: ConnectFailure::Refused,
                ..
            } => self.to_string(),
            Self::Connect { source, .. } | Self::Lost { source, .. } => {
                format!("{self} ({})", root(source))
            }
            Self::Setup { source } => format!("{self} ({})", root(source.as_ref())),
            Self::Stopped {
                last: Some(last), ..
            }
            | Self::OutOfTime {
                last: Some(last), ..
            } => {
                format!("{self}; the attempt before failed: {}", last.with_causes())
            }
            Self::Uncertain { source, .. } => format!("{self}: {}", source.with_causes()),
            _ => self.to_string(),
        }
    }
}

/// What an error comes from in the end; what libraries say on the way there is for them.
fn root<'a>(error: &'a (dyn StdError + 'static)) -> &'a (dyn StdError + 'static) {
    causes(error).last().unwrap_or(error)
}

impl Error {
    /// What a person can do next, if there is something to say.
    #[must_use]
    pub fn next_step(&self) -> Option<String> {
        let step = match self {
            Self::Setup { .. } => {
                "If SSL_CERT_FILE or SSL_CERT_DIR is set, check that it names readable certificates in PEM \
                 form; if not, install the system's CA certificates (the package is often called \
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
            Self::TimedOut { .. } | Self::Lost { .. } => {
                "Check the network and the state of the Orchestrator, then try again."
            }
            Self::OutOfTime {
                last: Some(last), ..
            } => return last.next_step(),
            Self::OutOfTime { .. } | Self::TooLongToWait { .. } => "Try again later.",
            Self::Unauthorized { token_from, .. } => {
                return Some(after_unauthorized(token_from.as_ref()));
            }
            Self::Refused { status: 403, .. } => {
                "The token is valid, but its user lacks the permission for this in the organization. Ask an \
                 administrator of the organization, or use another token."
            }
            Self::Unexpected {
                status: 407, call, ..
            } => {
                return Some(ConnectFailure::Proxy.next_step(call.url.scheme()));
            }
            Self::Encoding { .. } => {
                "The server, or a proxy in front of it, must send its responses uncompressed or with gzip, \
                 which is all that the request accepts."
            }
            Self::Refused { status: 429, .. } | Self::Unexpected { status: 429, .. } => {
                "The Orchestrator limits the rate of requests. Try again later, or with a lower -parallelism."
            }
            Self::Unexpected { status, .. } if *status >= 500 => {
                "The Orchestrator, or a proxy before it, has a problem. Try again later."
            }
            Self::Unexpected { .. } | Self::Undecodable { .. } | Self::TooLarge { .. } => {
                "That is not how the Orchestrator's API answers. Check that api_url is the API's base URL and \
                 that no proxy answers in its place."
            }
            Self::OrgNotFound { .. } => {
                "Check org_id, and that api_url is the base URL of the installation that this organization lives in, \
                 with nothing of the API's own paths (`/orgs/…`) in it."
            }
            Self::AlreadyExists {
                other_type: Some(found),
                ..
            } => {
                return Some(format!(
                    "The one that exists is a runner of type `{found}`, which this provider cannot manage. Use \
                     another id."
                ));
            }
            Self::Uncertain { source, .. } => return source.next_step(),
            Self::Refused { status: 400, .. } => {
                "That is what the Orchestrator says of the values that were sent. Correct them, and try again."
            }
            Self::Unsupported { .. } => {
                "It may have been made with something that is newer than this version: upgrade the provider."
            }
            // It depends on what the runner was wanted for.
            Self::OtherType { .. }
            | Self::Stopped { .. }
            | Self::Refused { .. }
            | Self::AlreadyExists { .. } => return None,
            Self::BadId { .. } => {
                "It would name something else in the API's address. Correct the id."
            }
        };
        Some(step.to_owned())
    }
}

fn after_unauthorized(token_from: Option<&Source>) -> String {
    match token_from {
        Some(source) => format!(
            "The token comes from {source}. It may have expired, may have been revoked, or may belong to \
             another installation than api_url names: get a new one and set it there."
        ),
        None => {
            "No token was sent, as api_url is on localhost. Set auth_token or HUMANITEC_AUTH_TOKEN."
                .to_owned()
        }
    }
}
