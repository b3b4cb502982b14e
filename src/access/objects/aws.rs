//! The objects in AWS, and the ARNs of objects in the role's account.

use serde_json::Value;

use super::permission::Permission;
use crate::runner::RoleArn;

/// An object in AWS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum AwsObject {
    /// The IAM OIDC provider for an issuer, with the Orchestrator's audience.
    OidcProvider {
        /// The partition, such as `aws`.
        partition: String,
        /// The URL of the issuer.
        issuer: String,
    },
    /// The issuer of an existing cluster. Only EKS knows it, so what is rendered reads it, and the other objects refer to it.
    ClusterIssuer {
        /// The cluster's region.
        region: String,
        /// The cluster's name.
        cluster: String,
    },
    /// The IAM OIDC provider for the issuer of a cluster, with the audience of the tokens of its service accounts. Needs
    /// [`AwsObject::ClusterIssuer`].
    ClusterOidcProvider {
        /// The partition, such as `aws`.
        partition: String,
        /// The cluster's name.
        cluster: String,
    },
    /// An IAM role.
    Role {
        /// The ARN, which contains the role's name and path.
        arn: RoleArn,
        /// The trust policy.
        trust_policy: Value,
    },
    /// An IAM role that trusts the tokens of a service account (IRSA). Needs [`AwsObject::ClusterIssuer`].
    ServiceAccountRole {
        /// The ARN, which contains the role's name and path.
        arn: RoleArn,
        /// The cluster's name.
        cluster: String,
        /// The namespace of the service account.
        namespace: String,
        /// The name of the service account.
        service_account: String,
    },
    /// An inline policy of a role.
    RolePolicy {
        /// The role.
        role: RoleArn,
        /// What it allows.
        permission: Permission,
    },
    /// The access entry of a role.
    AccessEntry {
        /// The role.
        role: RoleArn,
        /// The cluster's region.
        region: String,
        /// The cluster's name.
        cluster: String,
    },
    /// The add-on with the agent of EKS Pod Identity.
    PodIdentityAgent {
        /// The cluster's region.
        region: String,
        /// The cluster's name.
        cluster: String,
    },
    /// The Pod Identity association of a service account.
    PodIdentityAssociation {
        /// The role that the pods get.
        role: RoleArn,
        /// The cluster's region.
        region: String,
        /// The cluster's name.
        cluster: String,
        /// The namespace of the service account.
        namespace: String,
        /// The name of the service account.
        service_account: String,
    },
}

/// The name of the add-on with the agent of EKS Pod Identity, and of its DaemonSet in `kube-system` ("Set up the Amazon EKS
/// Pod Identity Agent" in the EKS user guide).
pub(crate) const POD_IDENTITY_AGENT: &str = "eks-pod-identity-agent";
