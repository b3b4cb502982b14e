//! The errors of a cluster's API and of its client.

use std::fmt;

use crate::access::fix::Fix;
use crate::access::outcome::Outcome;
use crate::network::chain;
use crate::network::tls::TlsFailure;

/// The error of a call of a cluster's API.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum KubeError {
    /// The API responded with an error.
    #[error("the cluster's API responded with {code}: {message}")]
    Status {
        /// The HTTP status.
        code: u16,
        /// The API's own message.
        message: String,
    },
    /// The certificate of the server is not accepted, for this reason. The text is the client's own message.
    #[error("{0} ({1})")]
    Certificate(TlsFailure, String),
    /// The API did not respond, or its response is not usable.
    #[error("the cluster's API cannot be reached: {0}")]
    Unreachable(String),
}

impl KubeError {
    /// Returns whether the object does not exist.
    pub(crate) fn is_not_found(&self) -> bool {
        matches!(self, Self::Status { code: 404, .. })
    }

    /// Returns whether an object of this name exists already (`NewAlreadyExists` in apimachinery, pkg/api/errors/errors.go).
    pub(super) fn is_already_exists(&self, name: &str) -> bool {
        self.is_conflict() && self.message().ends_with(&format!("{name:?} already exists"))
    }

    /// Returns whether another change came first. The call has changed nothing, and can be repeated: the quota plugin, for
    /// example, updates the usage of a quota before an object is created.
    pub(super) fn is_conflict(&self) -> bool {
        matches!(self, Self::Status { code: 409, .. })
    }

    /// Returns whether the user has no permission for the call.
    pub(crate) fn is_forbidden(&self) -> bool {
        matches!(self, Self::Status { code: 403, .. })
    }

    /// Returns whether the API rejects the credentials.
    pub(crate) fn is_unauthorized(&self) -> bool {
        matches!(self, Self::Status { code: 401, .. })
    }

    /// Returns whether the API throttles the call, which it admits a moment later.
    pub(super) fn is_throttled(&self) -> bool {
        matches!(self, Self::Status { code: 429, .. })
    }

    /// Returns whether the API does not work at the moment, so that the call can be repeated.
    pub(super) fn is_busy(&self) -> bool {
        matches!(self, Self::Status { code: 503 | 504, .. })
    }

    /// Returns the API's own message, or the whole text of another error.
    pub(crate) fn message(&self) -> String {
        match self {
            Self::Status { message, .. } => message.clone(),
            other => other.to_string(),
        }
    }

    /// Returns the outcome of a check whose call returned this error. The error says nothing about the runner, so the
    /// outcome is never a failure.
    pub(crate) fn outcome(&self) -> Outcome {
        Outcome::incomplete(
            "no usable response from the cluster's API",
            format!("Not checked: {self}."),
        )
    }

    /// Converts the error of a connection.
    pub(super) fn from_connection(error: &kube::Error) -> Self {
        let text = chain(error);
        // The name of kube's variant says nothing.
        let text = text.strip_prefix("ServiceError: ").unwrap_or(&text);
        match TlsFailure::find(error) {
            Some(failure) if failure.is_certificate() => Self::Certificate(failure, text.to_owned()),
            Some(failure) => Self::Unreachable(format!("{failure} ({text})")),
            None => Self::Unreachable(text.to_owned()),
        }
    }
}

/// The reason why the client for a cluster cannot be set up. It says nothing about the runner.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct ConnectError {
    /// Why no check of the cluster runs, as a short clause.
    pub(crate) reason: &'static str,
    /// What is wrong, as a sentence without its full stop.
    pub(crate) message: String,
    /// How to fix it.
    pub(crate) fix: Option<Fix>,
}

impl fmt::Display for ConnectError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl ConnectError {
    /// Returns the error of a response of EKS that no client can be set up with.
    pub(crate) fn unusable(message: impl Into<String>) -> Self {
        Self {
            reason: "no usable endpoint of the cluster",
            message: message.into(),
            fix: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn predicates_tell_the_statuses_apart() {
        let status = |code| KubeError::Status {
            code,
            message: "m".to_owned(),
        };
        assert!(status(404).is_not_found() && !status(403).is_not_found());
        assert!(status(403).is_forbidden() && status(401).is_unauthorized());
        assert_eq!(status(403).message(), "m");
        let conflict = |message: &str| KubeError::Status {
            code: 409,
            message: message.to_owned(),
        };
        assert!(conflict(r#"jobs.batch "n" already exists"#).is_already_exists("n"));
        let of_quota = conflict(r#"Operation cannot be fulfilled on resourcequotas "n": the object has been modified"#);
        assert!(of_quota.is_conflict() && !of_quota.is_already_exists("n"));
        assert!(KubeError::Unreachable("x".to_owned()).message().ends_with("x"));
    }
}
