//! Why a check ended before it could judge anything.

use super::aws::AwsError;
use super::kubernetes::KubeError;
use super::outcome::Outcome;

/// The reason why a check ended early. It becomes the check's outcome.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum CheckError {
    /// A call of AWS failed.
    Aws(AwsError),
    /// A call of the cluster's API failed.
    Kube(KubeError),
    /// The outcome is certain already, for example because a value is unknown until apply.
    Decided(Outcome),
}

impl CheckError {
    /// Returns whether the object that the check looked up does not exist.
    pub(crate) fn is_not_found(&self) -> bool {
        match self {
            Self::Aws(error) => matches!(error, AwsError::NotFound { .. }),
            Self::Kube(error) => error.is_not_found(),
            Self::Decided(_) => false,
        }
    }

    /// Returns whether the cluster's API forbids the call.
    pub(crate) fn is_forbidden(&self) -> bool {
        matches!(self, Self::Kube(error) if error.is_forbidden())
    }
}

impl From<AwsError> for CheckError {
    fn from(error: AwsError) -> Self {
        Self::Aws(error)
    }
}

impl From<KubeError> for CheckError {
    fn from(error: KubeError) -> Self {
        Self::Kube(error)
    }
}

impl From<Outcome> for CheckError {
    fn from(outcome: Outcome) -> Self {
        Self::Decided(outcome)
    }
}

impl From<CheckError> for Outcome {
    fn from(error: CheckError) -> Self {
        match error {
            CheckError::Aws(error) => error.outcome(),
            CheckError::Kube(error) => error.outcome(),
            CheckError::Decided(outcome) => outcome,
        }
    }
}
