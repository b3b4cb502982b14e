//! Everything that can go wrong with a call. [`retry`](super::retry) says what an error means for the request,
//! [`advice`](super::advice) what to do about it.

use std::error::Error as StdError;
use std::time::Duration;

use super::call::Call;
use super::connect_failure::ConnectFailure;
use super::settings::SettingSource;

/// A failed call. `Display` says what failed and why, and never repeats its source. [`ApiError::report`] returns the
/// whole text for a person, with the causes and the next step.
#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    /// An id that has no URL of its own in the API. Nothing was sent.
    #[error("{id:?} cannot be used as an ID")]
    InvalidId {
        /// The id.
        id: String,
    },

    /// The HTTP client could not be set up. Nothing was sent.
    #[error("the HTTP client could not be set up")]
    Setup {
        /// The client's error.
        source: Box<dyn StdError + Send + Sync>,
    },

    /// The proxy in the environment cannot be used. Nothing was sent.
    #[error("the environment variable {variable} cannot be used as a proxy: {problem}")]
    Proxy {
        /// The variable.
        variable: &'static str,
        /// What is wrong with its value, without the value.
        problem: String,
    },

    /// There was no connection. Nothing was sent.
    #[error("{call}: {what}")]
    Connect {
        /// The call.
        call: Box<Call>,
        /// Why there was no connection.
        what: ConnectFailure,
        /// The client's error.
        source: reqwest::Error,
    },

    /// The response is a redirect. It is not followed, so that the token goes nowhere else.
    #[error("{call} returned a redirect ({status}) to {location}")]
    Redirect {
        /// The call.
        call: Box<Call>,
        /// The HTTP status.
        status: u16,
        /// Its target, without user, query, and fragment.
        location: String,
    },

    /// One attempt timed out. The request might have been carried out.
    #[error("{call} timed out after {} s", after.as_secs_f32())]
    AttemptTimedOut {
        /// The call.
        call: Box<Call>,
        /// The limit.
        after: Duration,
    },

    /// The connection broke before the response was complete. The request might have been carried out.
    #[error("{call}: the connection was closed before the response was complete")]
    Lost {
        /// The call.
        call: Box<Call>,
        /// The client's error.
        source: reqwest::Error,
    },

    /// The budget's `stop` ended the call.
    #[error("{call} was interrupted")]
    Stopped {
        /// The call.
        call: Box<Call>,
        /// Whether the request might have been sent.
        in_flight: bool,
        /// How the previous attempt failed.
        #[source]
        last: Option<Box<ApiError>>,
    },

    /// The budget's deadline ended the call.
    #[error("{call} did not finish before the timeout")]
    DeadlineExceeded {
        /// The call.
        call: Box<Call>,
        /// Whether the request might have been sent.
        in_flight: bool,
        /// How the previous attempt failed.
        #[source]
        last: Option<Box<ApiError>>,
    },

    /// The service requests a longer wait than the budget allows.
    #[error(
        "{call} returned {status} with Retry-After {} s, but only {} s remain before the timeout",
        wait.as_secs(), left.as_secs_f32().ceil()
    )]
    TooLongToWait {
        /// The call.
        call: Box<Call>,
        /// The HTTP status.
        status: u16,
        /// The wait that `Retry-After` requests.
        wait: Duration,
        /// The time that is left of the budget.
        left: Duration,
    },

    /// The service could not authenticate the caller (401).
    #[error("{call} was not authenticated (401): {message}")]
    Unauthorized {
        /// The call.
        call: Box<Call>,
        /// The service's message.
        message: String,
        /// Where the token came from, if there was one.
        token_from: Option<SettingSource>,
    },

    /// The service refused the request, with its own error (4xx except 401).
    #[error("{call} was refused ({status}): {message}")]
    Refused {
        /// The call.
        call: Box<Call>,
        /// The HTTP status.
        status: u16,
        /// The service's message.
        message: String,
        /// The wait that `Retry-After` requests.
        retry_after: Option<Duration>,
    },

    /// A response that is not part of the API's contract: a 5xx, a proxy's page, another success.
    #[error("{call} returned {status}{}", body(excerpt))]
    Unexpected {
        /// The call.
        call: Box<Call>,
        /// The HTTP status.
        status: u16,
        /// The beginning of the response's text, without markup. It can be empty.
        excerpt: String,
        /// The wait that `Retry-After` requests.
        retry_after: Option<Duration>,
    },

    /// A success with an unexpected body.
    #[error("{call} returned {status}, but the response cannot be parsed: {why}")]
    Undecodable {
        /// The call.
        call: Box<Call>,
        /// The HTTP status.
        status: u16,
        /// What is wrong with the body.
        why: String,
        /// Whether it is complete JSON, so that another attempt would return the same.
        is_json: bool,
    },

    /// The response's body cannot be decompressed.
    #[error("{call}: the response ({status}) {problem}")]
    Encoding {
        /// The call.
        call: Box<Call>,
        /// The HTTP status.
        status: u16,
        /// What is wrong, as a predicate.
        problem: String,
    },

    /// An EKS runner with a value that this version of the provider does not know.
    #[error("runner {id:?} cannot be read by version {}: {what}", env!("CARGO_PKG_VERSION"))]
    Unsupported {
        /// The runner's id.
        id: String,
        /// What is unknown, as a clause.
        what: String,
    },

    /// A response that is larger than 4 MiB.
    #[error("{call}: the response is larger than 4 MiB")]
    TooLarge {
        /// The call.
        call: Box<Call>,
    },

    /// The object to create already exists. Nothing was created.
    #[error("{message}")]
    AlreadyExists {
        /// The id by which it can be imported.
        id: String,
        /// The service's message.
        message: String,
        /// What exists.
        existing: Existing,
    },

    /// The runner that a new rule selects does not exist. Nothing was created.
    #[error("runner {id:?} does not exist in organization {org:?} (the Orchestrator responded: {message})")]
    RunnerNotFound {
        /// The runner's id.
        id: String,
        /// The organization's id.
        org: String,
        /// The service's message.
        message: String,
    },

    /// The environment type of a new rule does not exist. Nothing was created.
    #[error("environment type {id:?} does not exist (the Orchestrator responded: {message})")]
    EnvTypeNotFound {
        /// The environment type's id.
        id: String,
        /// The service's message.
        message: String,
    },

    /// The runner does not have the type that this provider manages.
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
        source: Box<ApiError>,
    },
}

/// What exists in the place of an object that was to be created.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Existing {
    /// The object that was sent, or an EKS runner with other values. It can be imported.
    Importable,
    /// A runner of this other type, which this provider cannot manage.
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

impl ApiError {
    /// Returns whether this is the API's own 404: the object does not exist.
    #[must_use]
    pub fn is_not_found(&self) -> bool {
        matches!(self, Self::Refused { status: 404, .. })
    }

    /// Returns whether this is the API's own 409.
    #[must_use]
    pub fn is_conflict(&self) -> bool {
        matches!(self, Self::Refused { status: 409, .. })
    }

    /// Returns whether the runner does not have the type that this provider manages.
    #[must_use]
    pub fn is_other_type(&self) -> bool {
        matches!(self, Self::OtherType { .. })
    }

    /// Returns whether the object to create already exists.
    #[must_use]
    pub fn is_already_exists(&self) -> bool {
        matches!(self, Self::AlreadyExists { .. })
    }

    /// Returns why it is unknown whether a change was carried out, and every other error itself.
    fn underlying(&self) -> &Self {
        if let Self::Uncertain { source, .. } = self {
            return source.underlying();
        }
        self
    }

    /// Returns whether the budget's `stop` ended the call.
    #[must_use]
    pub fn is_stopped(&self) -> bool {
        matches!(self.underlying(), Self::Stopped { .. })
    }

    /// Returns whether the budget's deadline ended the call.
    #[must_use]
    pub fn is_deadline_exceeded(&self) -> bool {
        matches!(
            self.underlying(),
            Self::DeadlineExceeded { .. } | Self::TooLongToWait { .. }
        )
    }

    /// Returns whether the change might have been carried out. Then a created object must be kept in the state. With
    /// every other error it is certain that nothing was created.
    #[must_use]
    pub fn is_uncertain(&self) -> bool {
        matches!(self, Self::Uncertain { .. })
    }

    /// Returns the call that failed, if the error is about one.
    #[must_use]
    pub fn call(&self) -> Option<&Call> {
        match self {
            Self::Connect { call, .. }
            | Self::Redirect { call, .. }
            | Self::AttemptTimedOut { call, .. }
            | Self::Lost { call, .. }
            | Self::Stopped { call, .. }
            | Self::DeadlineExceeded { call, .. }
            | Self::TooLongToWait { call, .. }
            | Self::Unauthorized { call, .. }
            | Self::Refused { call, .. }
            | Self::Unexpected { call, .. }
            | Self::Undecodable { call, .. }
            | Self::Encoding { call, .. }
            | Self::TooLarge { call }
            | Self::OrgNotFound { call, .. } => Some(call),
            Self::Uncertain { source, .. } => source.call(),
            Self::InvalidId { .. }
            | Self::Setup { .. }
            | Self::Proxy { .. }
            | Self::AlreadyExists { .. }
            | Self::RunnerNotFound { .. }
            | Self::EnvTypeNotFound { .. }
            | Self::OtherType { .. }
            | Self::Unsupported { .. } => None,
        }
    }

    /// Returns the status of the response and the wait that its `Retry-After` requests, if there is one.
    pub(super) fn retry_after(&self) -> Option<(u16, Duration)> {
        let (Self::Refused {
            status, retry_after, ..
        }
        | Self::Unexpected {
            status, retry_after, ..
        }) = self
        else {
            return None;
        };
        Some((*status, (*retry_after)?))
    }
}
