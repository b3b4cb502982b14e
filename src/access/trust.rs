//! Trust policies of roles: whether they admit a web identity or EKS Pod Identity, and the policies that do.

mod amend;
mod member;
mod pod_identity;
mod restrict;
mod web_identity;

use serde_json::{Value, json};

pub(crate) use amend::{amended, remaining_denials};
pub(crate) use member::Member;
pub(crate) use pod_identity::{AssumeRoleDecision, ChainedSession, PodIdentitySession, TaggedPod};
pub(crate) use restrict::restricted;
use restrict::trusts_any_subject;
#[cfg(test)]
pub(crate) use web_identity::PROVIDER;
pub(crate) use web_identity::WebIdentity;

use super::policy::{self, DenialReason, Version, statements};

/// Returns a trust policy that admits nobody.
pub(crate) fn nobody() -> Value {
    json!({"Version": "2012-10-17", "Statement": []})
}

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
pub(crate) fn evaluate(document: &Value, who: &WebIdentity) -> TrustDecision {
    match policy::evaluate(document, who) {
        policy::PolicyDecision::Allowed => TrustDecision::Allowed {
            any_subject: trusts_any_subject(&statements(document), who, Version::read(document)),
        },
        policy::PolicyDecision::Denied { reason, .. } => TrustDecision::Refused(vec![reason]),
        policy::PolicyDecision::NotAllowed(reasons) => TrustDecision::Refused(reasons),
        policy::PolicyDecision::Unknown(what) => TrustDecision::Unknown(what),
    }
}

#[cfg(test)]
mod tests;
