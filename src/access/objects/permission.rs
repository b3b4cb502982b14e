//! The inline policies of roles.

use serde_json::{Value, json};

use super::names::{cluster_arn, unique_name};
use super::policies::cluster_policy;
use super::state_bucket::{KEY_ACTIONS, StateBucket};
use crate::runner::RoleArn;

/// What an inline policy allows a role. `iam:PutRolePolicy` replaces the policy with the same name, so that each permission has a
/// name of its own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Permission {
    /// To describe a cluster.
    DescribeCluster {
        /// The cluster's region.
        region: String,
        /// The cluster's name.
        cluster: String,
    },
    /// To keep states in a bucket.
    KeepState(StateBucket),
    /// To use the KMS key that encrypts the objects of a bucket.
    UseKey {
        /// The key's ARN.
        arn: String,
    },
    /// To assume the target role of a Pod Identity association.
    AssumeRole {
        /// The target role.
        target: RoleArn,
        /// The actions, such as `sts:AssumeRole`.
        actions: &'static [&'static str],
    },
}

/// The characters that IAM accepts in the name of a policy.
const LENGTH: usize = 128;

impl Permission {
    /// Returns the name of the policy.
    pub(crate) fn policy_name(&self) -> String {
        match self {
            // The name of a cluster has at most 100 characters. Only the last part of a region is a number
            // (`runner::validate::region`), so two clusters cannot have the same policy name.
            Self::DescribeCluster { region, cluster } => format!("eks-runner-{region}-{cluster}"),
            Self::KeepState(bucket) => {
                let prefix = bucket.prefix().trim_end_matches('/');
                unique_name(LENGTH, &["eks-runner-state", bucket.name(), prefix])
            }
            Self::UseKey { arn } => {
                let id = arn.rsplit('/').next().unwrap_or_default();
                unique_name(LENGTH, &["eks-runner-key", id, arn])
            }
            Self::AssumeRole { target, .. } => {
                let arn = target.to_string();
                unique_name(LENGTH, &["eks-runner-assume", &target.name, &arn])
            }
        }
    }

    /// Returns the document of the policy of a role.
    pub(crate) fn document(&self, role: &RoleArn) -> Value {
        let allow = |actions: &[&str], resource: &str| {
            let statement = json!({"Effect": "Allow", "Action": actions, "Resource": resource});
            json!({"Version": "2012-10-17", "Statement": [statement]})
        };
        match self {
            Self::DescribeCluster { region, cluster } => cluster_policy(&[&cluster_arn(role, region, cluster)]),
            Self::KeepState(bucket) => bucket.policy(),
            Self::UseKey { arn } => allow(&KEY_ACTIONS, arn),
            Self::AssumeRole { target, actions } => allow(actions, &target.to_string()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runner::BucketStorage;

    fn state(bucket: &str, path_prefix: Option<&str>) -> Permission {
        let storage = BucketStorage {
            bucket: bucket.to_owned(),
            path_prefix: path_prefix.map(str::to_owned),
        };
        Permission::KeepState(StateBucket::new("aws", &storage))
    }

    #[test]
    fn no_permission_replaces_another_one() {
        let assume = |role: &str| Permission::AssumeRole {
            target: role.parse().unwrap(),
            actions: &["sts:AssumeRole"],
        };
        let key = |arn: &str| Permission::UseKey { arn: arn.to_owned() };
        let long = "x".repeat(200);
        let names = [
            state("a", None),
            state("a", Some("b")),
            state("a-b", None),
            state("a", Some("b/c")),
            state("a", Some("b-c")),
            state("a", Some("b c")),
            state("a", Some(&format!("{long}a"))),
            state("a", Some(&format!("{long}b"))),
            key("arn:aws:kms:us-west-2:123456789012:key/k"),
            key("arn:aws:kms:eu-west-1:123456789012:key/k"),
            assume("arn:aws:iam::123456789012:role/t"),
            assume("arn:aws:iam::999999999999:role/t"),
        ]
        .map(|permission| permission.policy_name());
        for name in &names {
            assert!(name.len() <= LENGTH, "{name}");
            assert!(name.chars().all(crate::runner::is_name_character), "{name}");
        }
        let different: std::collections::BTreeSet<_> = names.iter().collect();
        assert_eq!(different.len(), names.len(), "{names:#?}");
        // A slash at the end changes nothing.
        let with_slash = state("a", Some("b/")).policy_name();
        assert_eq!(state("a", Some("b")).policy_name(), with_slash);
        assert!(with_slash.starts_with("eks-runner-state-a-b-"));
    }

    #[test]
    fn iam_accepts_the_longest_cluster_name() {
        let permission = Permission::DescribeCluster {
            region: "us-isob-east-1".to_owned(),
            cluster: "c".repeat(100),
        };
        assert!(permission.policy_name().len() <= LENGTH);
    }
}
