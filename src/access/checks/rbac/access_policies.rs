//! What the role's EKS access policies allow.

use super::right::Right;
use crate::access::aws::AwsError;
use crate::access::check_error::CheckError;
use crate::access::kubernetes::access_policy::{in_scope, policy_grants};
use crate::access::run::Run;

/// What the role's EKS access policies say about a right.
pub(in crate::access::checks) enum PolicyGrant {
    /// This policy allows it.
    By(String),
    /// No policy allows it.
    No,
    /// It is unknown, for this reason.
    Unknown(String),
}

/// Returns whether an EKS access policy allows a right. Such policies apply to the IAM principal, so neither impersonation nor
/// an access review for the user name includes them ("Associate access policies with access entries" in the EKS user guide).
pub(in crate::access::checks) async fn granted_by_policy(
    run: &Run<'_>,
    namespace: &str,
    right: &Right,
) -> Result<PolicyGrant, CheckError> {
    if !run.eks_cluster().await?.has_access_entries() {
        return Ok(PolicyGrant::No);
    }
    let cluster = run.entry_cluster().await?;
    let role = run.role()?.to_string();
    let listed = run.aws().access_policies(&cluster, &role);
    let policies = match listed.await {
        Ok(policies) => policies,
        // Without an entry there are no policies.
        Err(AwsError::NotFound { .. }) => return Ok(PolicyGrant::No),
        Err(error) => {
            return Ok(PolicyGrant::Unknown(format!(
                "An EKS access policy might allow it, but the policies could not be read: {error}."
            )));
        }
    };
    let mut unknown = None;
    for policy in policies.iter() {
        if !in_scope(policy.namespaces.as_deref(), namespace) {
            continue;
        }
        let name = policy.arn.rsplit('/').next().unwrap_or_default();
        match policy_grants(&policy.arn, right.verb, right.resource) {
            Some(true) => return Ok(PolicyGrant::By(name.to_owned())),
            Some(false) => {}
            None => unknown = Some(name),
        }
    }
    Ok(match unknown {
        Some(name) => PolicyGrant::Unknown(format!(
            "The EKS access policy {name} might allow it: the check does not know what that policy allows."
        )),
        None => PolicyGrant::No,
    })
}
