//! Who a role should trust.

use serde_json::Value;

use super::{ChainedSession, PodIdentitySession, TaggedPod, WebIdentity};
use crate::access::objects::trust_policy;
use crate::access::policy::PolicyRequest;
use crate::runner::RoleArn;

/// What the trust policy of a role should do for one runner.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Member {
    /// It admits a web identity.
    Token(WebIdentity),
    /// It admits a web identity, and only those runners of other organizations that it names.
    Organization {
        /// The web identity of the runner.
        who: WebIdentity,
        /// The organization.
        org: String,
    },
    /// It admits EKS Pod Identity for the pods of a service account.
    Pod(TaggedPod),
    /// It admits the sessions that EKS Pod Identity has for the pods of a service account: the role is the target role of an
    /// association.
    Session {
        /// The pods.
        pod: TaggedPod,
        /// The association's role.
        role: RoleArn,
        /// The external ID of the association.
        external_id: Option<String>,
    },
}

impl Member {
    /// Returns the web identity. `None` for EKS Pod Identity.
    pub(crate) fn identity(&self) -> Option<&WebIdentity> {
        match self {
            Self::Token(who) | Self::Organization { who, .. } => Some(who),
            Self::Pod(_) | Self::Session { .. } => None,
        }
    }

    /// Returns the requests that the policy must allow.
    pub(super) fn requests(&self) -> Vec<Box<dyn PolicyRequest + '_>> {
        match self {
            Self::Token(who) | Self::Organization { who, .. } => vec![Box::new(who.clone())],
            Self::Pod(pod) => {
                let request = |&action: &&'static str| -> Box<dyn PolicyRequest + '_> {
                    Box::new(PodIdentitySession { action, pod })
                };
                pod.actions().iter().map(request).collect()
            }
            Self::Session { pod, role, external_id } => {
                let request = |&action: &&'static str| -> Box<dyn PolicyRequest + '_> {
                    let external_id = external_id.as_deref();
                    Box::new(ChainedSession::new(action, pod, role, external_id))
                };
                pod.actions().iter().map(request).collect()
            }
        }
    }

    /// Returns the statement that admits it.
    pub(super) fn statement(&self) -> Value {
        match self {
            Self::Token(who) | Self::Organization { who, .. } => {
                let subjects = [who.subject.as_str()];
                let mut policy = trust_policy(&who.provider_arn, &who.issuer_host, &who.audience, &subjects);
                policy["Statement"][0].take()
            }
            Self::Pod(pod) => pod.statement(None),
            Self::Session { pod, role, .. } => pod.statement(Some(role)),
        }
    }

    /// Returns who it is, as a part of a sentence.
    pub(crate) fn name(&self) -> String {
        match self {
            Self::Token(who) | Self::Organization { who, .. } => who.subject.clone(),
            Self::Pod(pod) => format!("EKS Pod Identity for {}", pod.name()),
            Self::Session { pod, role, .. } => {
                format!("the sessions of {role} for {}", pod.name())
            }
        }
    }
}
