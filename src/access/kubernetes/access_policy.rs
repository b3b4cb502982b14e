//! What EKS access policies grant, besides RBAC.

use crate::access::wildcard::like;

/// Whether an EKS access policy lets its principal do what the Orchestrator does: `None` for a policy whose rules are
/// not known here. What the policies allow is in EKS's guide, "Review access policy permissions".
pub(crate) fn policy_grants(policy_arn: &str, verb: &str, resource: &str) -> Option<bool> {
    match policy_arn.rsplit('/').next().unwrap_or_default() {
        "AmazonEKSClusterAdminPolicy" | "AmazonEKSAdminPolicy" | "AmazonEKSEditPolicy" => {
            Some(true)
        }
        "AmazonEKSViewPolicy" | "AmazonEKSAdminViewPolicy" => Some(verb != "create"),
        "AmazonEKSSecretReaderPolicy"
        | "AmazonEKSHybridPolicy"
        | "AmazonEKSClusterInsightsPolicy" => Some(false),
        // What EKS Auto Mode's own parts need. Some of them read pods and events; none has to do with Jobs.
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

/// Whether the namespaces of an access policy, which can have wildcards, include one. A policy without namespaces
/// counts in the whole cluster.
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
