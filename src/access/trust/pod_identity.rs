//! EKS Pod Identity, which assumes a role for a pod: `sts:AssumeRole` and `sts:TagSession`.

use crate::access::policy::{Request, Sent};

/// The service principal of EKS Pod Identity ("Trust policy of the role", EKS user guide).
const SERVICE: &str = "pods.eks.amazonaws.com";

/// A session that EKS Pod Identity starts for a pod. The role must trust the service for each of its actions.
///
/// The request tags are those of "Grant pods access to AWS resources based on tags" in the EKS user guide. The source is the
/// cluster ("Cross-service confused deputy prevention" there).
#[derive(Debug, Clone)]
pub(crate) struct PodIdentitySession<'a> {
    /// `sts:AssumeRole` or `sts:TagSession`.
    pub(crate) action: &'static str,
    /// The account of the cluster.
    pub(crate) account: &'a str,
    /// The ARN of the cluster.
    pub(crate) cluster_arn: &'a str,
    /// The name of the cluster.
    pub(crate) cluster: &'a str,
    /// The pod's namespace.
    pub(crate) namespace: &'a str,
    /// The pod's service account.
    pub(crate) service_account: &'a str,
}

impl Request for PodIdentitySession<'_> {
    fn action(&self) -> &str {
        self.action
    }

    fn resource(&self) -> Option<&str> {
        None
    }

    fn is_named(&self, kind: &str, name: &str, _: bool) -> bool {
        kind == "Service" && (name == SERVICE || name == "*")
    }

    fn is_everyone(&self, allows: bool) -> Option<bool> {
        (!allows).then_some(true)
    }

    fn value(&self, key: &str) -> Sent<'_> {
        match key.to_ascii_lowercase().as_str() {
            "aws:sourceaccount" => Sent::Is(self.account),
            "aws:sourcearn" => Sent::Arn(self.cluster_arn),
            "aws:requesttag/eks-cluster-arn" => Sent::Is(self.cluster_arn),
            "aws:requesttag/eks-cluster-name" => Sent::Is(self.cluster),
            "aws:requesttag/kubernetes-namespace" => Sent::Is(self.namespace),
            "aws:requesttag/kubernetes-service-account" => Sent::Is(self.service_account),
            "aws:principalisawsservice" => Sent::Bool(true),
            "aws:principalservicename" => Sent::Is(SERVICE),
            "sts:externalid" => Sent::Absent,
            _ => Sent::Unknown,
        }
    }

    fn kind(&self) -> &'static str {
        "AWS services"
    }

    fn sender(&self) -> &str {
        "EKS Pod Identity"
    }

    fn expected_principal(&self) -> String {
        format!("{{\"Service\": \"{SERVICE}\"}}")
    }

    fn absent_key(&self, _: &str) -> (String, Option<String>) {
        let hint = "EKS Pod Identity sends no such key.".to_owned();
        ("no condition on it".to_owned(), Some(hint))
    }
}
