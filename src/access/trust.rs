//! Trust policies of roles: whether they admit a web identity or EKS Pod Identity, and the policies that do.

mod amend;
mod pod_identity;
mod restrict;
mod web_identity;

use serde_json::Value;

pub use amend::Member;
pub(crate) use amend::{amended, unknown_denials};
pub(crate) use pod_identity::{AssumeRoleDecision, ChainedSession, PodIdentitySession, TaggedPod};
pub(crate) use restrict::restricted;
use restrict::trusts_any_subject;
pub(crate) use web_identity::WebIdentity;

use super::policy::{self, DenialReason, has_variables, statements};

/// IAM's decision about a web identity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum TrustDecision {
    /// The role can be assumed.
    Allowed {
        /// Runners of organizations that the policy does not name can assume it as well.
        any_subject: bool,
    },
    /// The role cannot be assumed, for these reasons; each alone is enough.
    Refused(Vec<DenialReason>),
    /// The decision depends on this, which is unknown.
    Unknown(String),
}

/// Evaluates a trust policy for a web identity.
pub(crate) fn evaluate(document: &Value, who: &WebIdentity<'_>) -> TrustDecision {
    match policy::evaluate(document, who) {
        policy::PolicyDecision::Allowed => TrustDecision::Allowed {
            any_subject: trusts_any_subject(&statements(document), who, has_variables(document)),
        },
        policy::PolicyDecision::Denied { reason, .. } => TrustDecision::Refused(vec![reason]),
        policy::PolicyDecision::NotAllowed(reasons) => TrustDecision::Refused(reasons),
        policy::PolicyDecision::Unknown(what) => TrustDecision::Unknown(what),
    }
}

#[cfg(test)]
mod tests;
