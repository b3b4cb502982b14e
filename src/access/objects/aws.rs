//! The objects in AWS, and the ARNs of objects in the role's account.

use serde_json::{Value, json};

use super::state_bucket::StateBucket;
use crate::runner::RoleArn;

/// An object in AWS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum AwsObject {
    /// The IAM OIDC provider for an issuer, with the Orchestrator's audience.
    OidcProvider {
        /// The URL of the issuer.
        issuer: String,
    },
    /// An IAM role.
    Role {
        /// The ARN, which contains the role's name and path.
        arn: RoleArn,
        /// The trust policy.
        trust_policy: Value,
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
}

/// Returns the name of the inline policy of [`AwsObject::ClusterPermission`].
///
/// A role that serves the runners of several clusters has a policy for each: a policy under the name of another would
/// take that cluster away.
pub(crate) fn policy_name(region: &str, cluster: &str) -> String {
    // IAM accepts 128 characters, and the name of a cluster has at most 100.
    format!("eks-runner-{region}-{cluster}")
}

/// Returns the document of the inline policy of [`AwsObject::ClusterPermission`].
pub(crate) fn cluster_policy(role: &RoleArn, region: &str, cluster: &str) -> Value {
    json!({
        "Version": "2012-10-17",
        "Statement": [{
            "Effect": "Allow",
            "Action": ["eks:DescribeCluster"],
            "Resource": cluster_arn(role, region, cluster),
        }],
    })
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
    fn iam_accepts_the_longest_policy_name() {
        assert!(policy_name("us-isob-east-1", &"c".repeat(100)).len() <= 128);
    }
}
