//! The AWS identity and the region of the container `main` in the Job's pod.
//!
//! EKS's webhook adds variables to containers, and AWS's SDK in the container reads them. Sources: `pkg/handler/handler.go`
//! and `pkg/cache/cache.go` of aws/amazon-eks-pod-identity-webhook, and `resolveCredentialChain` in
//! `config/resolve_credentials.go` of aws/aws-sdk-go-v2, which OpenTofu and Terraform use.

use std::collections::BTreeMap;
use std::sync::Arc;

use futures_util::future::join_all;
use serde_json::Value;

use super::Run;
use crate::access::aws::{PodIdentityAssociation, Signer};
use crate::access::check_error::CheckError;
use crate::access::kubernetes::environment::{Environment, Source, Variable, sources};
use crate::access::kubernetes::job::MAIN;

/// The AWS identity and the region of the container `main`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct PodAws {
    /// Where the container's AWS credentials come from.
    pub(crate) identity: PodIdentity,
    /// The region that AWS's SDK uses in the container.
    pub(crate) region: PodRegion,
    /// Whether `pod_template` replaces the container's image, command, or arguments: the program that runs might set
    /// variables of its own, so that nothing that follows from missing variables is certain.
    pub(crate) runs_other_program: bool,
}

/// Where the AWS credentials of the container `main` come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum PodIdentity {
    /// EKS Pod Identity.
    Association(Arc<PodIdentityAssociation>),
    /// A role for the service account (IRSA).
    ServiceAccountRole {
        /// The value of the annotation `eks.amazonaws.com/role-arn`, which nothing has validated.
        role_arn: String,
        /// The audience of the token.
        audience: String,
    },
    /// Variables of `pod_template`.
    Own {
        /// The variables that decide, such as `AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY`.
        variables: &'static str,
        /// The role that the container assumes with them, if they name one and its value is known.
        role_arn: Option<String>,
    },
    /// None of its own: the pod has the role of its node, if it reaches the instance's metadata service.
    Node {
        /// What keeps an association or an annotation from working for the container, as a whole sentence.
        because: Option<String>,
    },
}

impl PodIdentity {
    /// Returns the ARN of the role whose permissions count. `None` if it is not known.
    pub(crate) fn role_arn(&self) -> Option<&str> {
        match self {
            Self::Association(association) => Some(association.effective_role()),
            Self::ServiceAccountRole { role_arn, .. } => Some(role_arn),
            Self::Own { role_arn, .. } => role_arn.as_deref(),
            Self::Node { .. } => None,
        }
    }
}

/// The region that AWS's SDK uses in the container `main`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum PodRegion {
    /// The region of a variable that `pod_template` sets.
    Own {
        /// The variable's name: `AWS_REGION` or `AWS_DEFAULT_REGION`.
        variable: &'static str,
        /// The region.
        region: String,
    },
    /// The cluster's region: EKS's webhook sets the variables.
    Injected(String),
    /// A variable of `pod_template` has a value that is not known.
    Hidden {
        /// The variable's name.
        variable: &'static str,
        /// Where its value comes from, such as `Secret "x"`.
        source: String,
    },
    /// None: neither variable is set.
    None,
}

/// An object that could not be read, which decides what the identity or the region is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct NotRead {
    /// The object, such as `service account "x"`.
    pub(crate) object: String,
    /// The error.
    pub(crate) error: CheckError,
}

impl From<CheckError> for NotRead {
    fn from(error: CheckError) -> Self {
        Self {
            object: "the Job's AWS identity".to_owned(),
            error,
        }
    }
}

/// The annotation of a service account with the ARN of its role.
pub(crate) const ROLE_ANNOTATION: &str = "eks.amazonaws.com/role-arn";
/// The annotation of a service account with the audience of its token for AWS.
pub(crate) const AUDIENCE_ANNOTATION: &str = "eks.amazonaws.com/audience";
/// The annotation of a pod with the containers that the webhook leaves alone, as a line of CSV.
pub(crate) const SKIP_ANNOTATION: &str = "eks.amazonaws.com/skip-containers";
