//! The objects in AWS, and the ARNs of objects in the role's account.

use serde_json::Value;

use super::state_bucket::StateBucket;
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
    /// The inline policy that allows a role to describe a cluster.
    ClusterPermission {
        /// The role.
        role: RoleArn,
        /// The cluster's region.
        region: String,
        /// The cluster's name.
        cluster: String,
    },
    /// The inline policy that lets a role keep states in a bucket.
    StatePermission {
        /// The role.
        role: RoleArn,
        /// The bucket.
        bucket: StateBucket,
        /// The ARN of the key in KMS that encrypts the bucket's objects, if one does.
        key_arn: Option<String>,
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

/// Returns the name of the role of a service account's Jobs. Service accounts of the same name in other namespaces or
/// clusters have other roles.
pub(crate) fn job_role_name(cluster: &str, namespace: &str, service_account: &str) -> String {
    // IAM accepts 64 characters.
    const LENGTH: usize = 64;
    let name = format!("{cluster}-{namespace}-{service_account}");
    if name.len() <= LENGTH {
        return name;
    }
    // FNV-1a, so that names with the same beginning stay different.
    let hash = name.bytes().fold(0x811c_9dc5_u32, |hash, byte| {
        (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)
    });
    let start: String = name.chars().take(LENGTH - 9).collect();
    format!("{start}-{hash:08x}")
}

/// Returns the name of the inline policy of [`AwsObject::ClusterPermission`].
///
/// A role that serves the runners of several clusters has a policy for each: a policy under the name of another would
/// take that cluster away.
pub(crate) fn policy_name(region: &str, cluster: &str) -> String {
    // IAM accepts 128 characters, and the name of a cluster has at most 100.
    format!("eks-runner-{region}-{cluster}")
}

/// Returns the ARN of the IAM OIDC provider for an issuer, in the role's account.
pub(crate) fn provider_arn(role: &RoleArn, issuer_host: &str) -> String {
    let RoleArn {
        partition, account, ..
    } = role;
    format!("arn:{partition}:iam::{account}:oidc-provider/{issuer_host}")
}

/// Returns the ARN of a cluster in the role's account.
pub(crate) fn cluster_arn(role: &RoleArn, region: &str, cluster: &str) -> String {
    let RoleArn {
        partition, account, ..
    } = role;
    format!("arn:{partition}:eks:{region}:{account}:cluster/{cluster}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn iam_accepts_the_longest_role_name() {
        assert_eq!(job_role_name("c", "ns", "sa"), "c-ns-sa");
        let long = |account: &str| job_role_name(&"c".repeat(100), "ns", account);
        assert_eq!(long("a").len(), 64);
        assert_ne!(long("a"), long("b"));
    }

    #[test]
    fn iam_accepts_the_longest_policy_name() {
        assert!(policy_name("us-isob-east-1", &"c".repeat(100)).len() <= 128);
    }
}
