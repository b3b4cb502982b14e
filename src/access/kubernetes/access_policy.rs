//! The rights that EKS access policies grant, besides RBAC.

use crate::access::wildcard::like;

/// Returns whether an EKS access policy lets its principal do what the Orchestrator does, or `None` for a policy whose
/// rules are unknown here. The rules are those of "Review access policy permissions" in the EKS user guide.
pub(crate) fn policy_grants(policy_arn: &str, verb: &str, resource: &str) -> Option<bool> {
    match policy_arn.rsplit('/').next().unwrap_or_default() {
        "AmazonEKSClusterAdminPolicy" | "AmazonEKSAdminPolicy" | "AmazonEKSEditPolicy" => Some(true),
        "AmazonEKSViewPolicy" | "AmazonEKSAdminViewPolicy" => Some(verb != "create"),
        "AmazonEKSSecretReaderPolicy" | "AmazonEKSHybridPolicy" | "AmazonEKSClusterInsightsPolicy" => Some(false),
        // The parts of EKS Auto Mode use these policies. Some of them allow reading pods and events; none is about Jobs.
        "AmazonEKSAutoNodePolicy"
        | "AmazonEKSBlockStoragePolicy"
        | "AmazonEKSBlockStorageClusterPolicy"
        | "AmazonEKSComputePolicy"
        | "AmazonEKSComputeClusterPolicy"
        | "AmazonEKSLoadBalancingPolicy"
        | "AmazonEKSLoadBalancingClusterPolicy"
        | "AmazonEKSNetworkingPolicy"
        | "AmazonEKSNetworkingClusterPolicy"
            if resource == "jobs" =>
        {
            Some(false)
        }
        _ => None,
    }
}

/// Returns whether the namespaces of an access policy, which can have wildcards, include one. A policy without
/// namespaces applies to the whole cluster.
pub(crate) fn in_scope(namespaces: Option<&[String]>, namespace: &str) -> bool {
    namespaces.is_none_or(|all| all.iter().any(|pattern| like(pattern, namespace)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn access_policies_grant_what_eks_documents() {
        let grants = |name: &str, verb: &str, resource: &str| {
            let arn = format!("arn:aws-cn:eks::aws:cluster-access-policy/{name}");
            policy_grants(&arn, verb, resource)
        };
        for (name, create, list) in [
            ("AmazonEKSClusterAdminPolicy", Some(true), Some(true)),
            ("AmazonEKSAdminPolicy", Some(true), Some(true)),
            ("AmazonEKSEditPolicy", Some(true), Some(true)),
            ("AmazonEKSViewPolicy", Some(false), Some(true)),
            ("AmazonEKSAdminViewPolicy", Some(false), Some(true)),
            ("AmazonEKSSecretReaderPolicy", Some(false), Some(false)),
            ("AmazonEKSAutoNodePolicy", Some(false), None),
            ("AmazonNewPolicy", None, None),
        ] {
            assert_eq!(grants(name, "create", "jobs"), create, "{name}");
            assert_eq!(grants(name, "list", "events"), list, "{name}");
        }
    }

    #[test]
    fn a_policy_counts_in_its_namespaces() {
        let scope = |patterns: &[&str], namespace: &str| {
            let patterns: Vec<String> = patterns.iter().map(ToString::to_string).collect();
            in_scope(Some(&patterns), namespace)
        };
        assert!(in_scope(None, "x"));
        assert!(scope(&["other", "humanitec-*"], "humanitec-runner"));
        assert!(scope(&["*"], "humanitec-runner") && scope(&["*-runner"], "humanitec-runner"));
        assert!(scope(&["humanitec-*"], "humanitec-"));
        assert!(!scope(&["humanitec-*"], "humanitec"));
        assert!(!scope(&["humanitec"], "humanitec-runner") && !scope(&[], "x"));
    }
}
