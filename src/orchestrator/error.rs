//! Everything that can go wrong with a call. What to do about it is in [`advice`](super::advice).

use std::error::Error as StdError;
use std::time::Duration;

use super::connect_failure::ConnectFailure;
use super::lookup::Source;
use super::request::Call;
use crate::network::causes;

/// A failed call. `Display` says what failed and why, and never repeats its source; [`Error::report`] is the
/// whole text for a person, with the causes and the next step.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// An id that has no address of its own in the API.
    #[error("{id:?} cannot be used as an id")]
    BadId {
        /// The id.
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

    /// The response is a redirect. It is not followed, so that the token goes nowhere else.
    #[error("{call} returned a redirect ({status}) to {location}")]
    Redirect {
        /// The call.
        call: Box<Call>,
        /// The HTTP status.
        status: u16,
        /// Where it points, without user, query and fragment.
        location: String,
    },

    /// One attempt timed out; the request might have been carried out.
    #[error("{call} timed out after {} s", after.as_secs_f32())]
    TimedOut {
        /// The call.
        call: Box<Call>,
        /// The limit.
        after: Duration,
    },

    /// The connection broke before the response was complete; the request might have been carried out.
    #[error("{call}: the connection broke before the response was complete")]
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
        /// Whether the request might have been sent.
        in_flight: bool,
        /// How the attempt before ended.
        #[source]
        last: Option<Box<Error>>,
    },

    /// The budget's deadline ended the call.
    #[error("{call} did not finish before the timeout")]
    OutOfTime {
        /// The call.
        call: Box<Call>,
        /// Whether the request might have been sent.
        in_flight: bool,
        /// How the attempt before ended.
        #[source]
        last: Option<Box<Error>>,
    },

    /// The service asks for a longer wait than the budget allows.
    #[error(
        "{call} returned {status} and asks to wait {} s, but only {} s are left before the timeout",
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

    /// A response that the API's contract does not know: a 5xx, a proxy's page, another success.
    #[error("{call} returned {status}{}", body(excerpt))]
    Unexpected {
        /// The call.
        call: Box<Call>,
        /// The HTTP status.
        status: u16,
        /// The beginning of the response's text, without markup; can be empty.
        excerpt: String,
        /// What `Retry-After` asks for.
        retry_after: Option<Duration>,
    },

    /// A success with an unexpected body.
    #[error("{call} succeeded ({status}), but its response cannot be read: {why}")]
    Undecodable {
        /// The call.
        call: Box<Call>,
        /// The HTTP status.
        status: u16,
        /// What is wrong with the body.
        why: String,
        /// Whether it is complete JSON, which another attempt would return again.
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

    /// An EKS runner with something that this version of the provider does not know.
    #[error("runner {id:?} cannot be read by version {} of the provider: {what}", env!("CARGO_PKG_VERSION"))]
    Unsupported {
        /// The runner's id.
        id: String,
        /// What is unknown, as a clause.
        what: String,
    },

    /// A response past the limit of 4 MiB.
    #[error("{call}: the response is larger than 4 MiB")]
    TooLarge {
        /// The call.
        call: Box<Call>,
    },

    /// The object to create exists already; nothing was created.
    #[error("{message}")]
    AlreadyExists {
        /// The id by which it can be imported.
        id: String,
        /// The service's message.
        message: String,
        /// What exists.
        existing: Existing,
    },

    /// The runner that a rule is to select does not exist; nothing was created.
    #[error(
        "runner {id:?} does not exist in organization {org:?} (the Orchestrator responded: {message})"
    )]
    RunnerNotFound {
        /// The runner's id.
        id: String,
        /// The organization's id.
        org: String,
        /// The service's message.
        message: String,
    },

    /// The runner has another type than this provider's.
    #[error("runner {id:?} has type `{found}`, not `kubernetes-eks`")]
    OtherType {
        /// The runner's id.
        id: String,
        /// Its type.
        found: String,
    },

    /// The organization does not exist.
    #[error("organization {org:?} does not exist: {call} was refused ({status}): {message}")]
    OrgNotFound {
        /// The refused call.
        call: Box<Call>,
        /// The organization's id.
        org: String,
        /// The HTTP status.
        status: u16,
        /// The service's message.
        message: String,
    },

    /// A change was sent, and it is unknown whether it was carried out.
    #[error("it is unknown whether {what}")]
    Uncertain {
        /// The change, as a sentence in the past: `runner "x" was created`.
        what: String,
        /// Why it is unknown.
        source: Box<Error>,
    },
}

/// What exists in the place of what was to be created.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Existing {
    /// What was sent, or an EKS runner with other values: it can be imported.
    Importable,
    /// A runner of this other type: this provider cannot manage it.
    OtherType(String),
    /// A runner rule that selects this other runner.
    OtherRunner(String),
}

fn body(excerpt: &str) -> String {
    if excerpt.is_empty() {
        " and an empty body".to_owned()
    } else {
        format!(": {excerpt}")
    }
}

impl Error {
    /// The API's own 404: the object does not exist.
    #[must_use]
    pub fn is_not_found(&self) -> bool {
        matches!(self, Self::Refused { status: 404, .. })
    }

    /// The API's own 409.
    #[must_use]
    pub fn is_conflict(&self) -> bool {
        matches!(self, Self::Refused { status: 409, .. })
    }

    /// The runner has another type than this provider's.
    #[must_use]
    pub fn is_other_type(&self) -> bool {
        matches!(self, Self::OtherType { .. })
    }

    /// The object to create exists already.
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

    /// The budget's time was too short.
    #[must_use]
    pub fn is_out_of_time(&self) -> bool {
        match self {
            Self::OutOfTime { .. } | Self::TooLongToWait { .. } => true,
            Self::Uncertain { source, .. } => source.is_out_of_time(),
            _ => false,
        }
    }

    /// The change might have been carried out. A created object must be kept in the state then; with every
    /// other error it is certain that nothing was created.
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
            | Self::RunnerNotFound { .. }
            | Self::OtherType { .. }
            | Self::Unsupported { .. } => None,
        }
    }

    /// Returns the whole text for a person: what failed, why, and what to do next.
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
            // Its cause repeats it.
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
                format!(
                    "{self}; the previous attempt failed: {}",
                    last.with_causes()
                )
            }
            Self::Uncertain { source, .. } => format!("{self}: {}", source.with_causes()),
            _ => self.to_string(),
        }
    }
}

/// Returns the first cause of an error, without what libraries add on the way.
fn root<'a>(error: &'a (dyn StdError + 'static)) -> &'a (dyn StdError + 'static) {
    causes(error).last().unwrap_or(error)
}
