//! The names and the ARNs of objects in AWS.

use crate::runner::{RoleArn, is_name_character};

/// Returns the name of the role of a service account's Jobs. Service accounts of the same name in other namespaces, clusters, or
/// regions have other roles.
pub(crate) fn job_role_name(region: &str, cluster: &str, namespace: &str, service_account: &str) -> String {
    // IAM accepts 64 characters.
    unique_name(64, &[region, cluster, namespace, service_account])
}

/// Returns a name for IAM of at most this length: the parts, and a hash with which different parts have different names,
/// even if they are cut, contain a hyphen, or contain characters that IAM refuses ("IAM name requirements" in the IAM user
/// guide).
pub(super) fn unique_name(length: usize, parts: &[&str]) -> String {
    let readable: String = parts
        .join("-")
        .chars()
        .map(|c| if is_name_character(c) { c } else { '-' })
        .take(length.saturating_sub(9))
        .collect();
    format!("{}-{}", readable.trim_end_matches('-'), short_hash(parts))
}

/// Returns eight digits that differ for different lists of texts (FNV-1a).
fn short_hash(parts: &[&str]) -> String {
    let text = parts.join("\0");
    let hash = text.bytes().fold(0x811c_9dc5_u32, |hash, byte| {
        (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193)
    });
    format!("{hash:08x}")
}

/// Returns the ARN of the IAM OIDC provider for an issuer, in the role's account.
pub(crate) fn provider_arn(role: &RoleArn, issuer_host: &str) -> String {
    let RoleArn { partition, account, .. } = role;
    format!("arn:{partition}:iam::{account}:oidc-provider/{issuer_host}")
}

/// Returns the ARN of a cluster in the role's account.
pub(crate) fn cluster_arn(role: &RoleArn, region: &str, cluster: &str) -> String {
    let RoleArn { partition, account, .. } = role;
    format!("arn:{partition}:eks:{region}:{account}:cluster/{cluster}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_service_account_has_a_role_of_its_own() {
        let name = job_role_name("us-west-2", "c", "ns", "sa");
        assert_eq!(&name[..name.len() - 8], "us-west-2-c-ns-sa-");
        for (region, cluster, namespace, account) in [
            ("us-west-2", "c-ns", "sa", "sa"),
            ("us-west-2", "c", "ns-sa", "sa"),
            ("eu-west-1", "c", "ns", "sa"),
        ] {
            assert_ne!(job_role_name(region, cluster, namespace, account), name);
        }
        // The parts differ, and with hyphens between them they do not.
        assert_ne!(job_role_name("r", "c-n", "s", "a"), job_role_name("r", "c", "n-s", "a"));
        let long = |account: &str| job_role_name("us-west-2", &"c".repeat(100), "ns", account);
        assert_eq!(long("a").len(), 64);
        assert_ne!(long("a"), long("b"));
    }
}
