//! The trust policies for web identities, and the policy of a runner's role.

use serde_json::{Value, json};

use super::names::provider_arn;
use crate::access::issuer::AUDIENCE;
use crate::runner::RoleArn;

/// Stands for the issuer of a cluster, without `https://`, in a policy that is rendered with an expression for it.
pub(crate) const CLUSTER_ISSUER_HOST: &str = "CLUSTER-ISSUER-HOST";

/// Returns the trust policy that admits the tokens of an issuer with this audience and one of these subjects. If a subject
/// contains a wildcard, all are compared with `StringLike`, which is the only operator that knows wildcards.
pub fn trust_policy(provider_arn: &str, issuer_host: &str, audience: &str, subjects: &[&str]) -> Value {
    let (aud, sub) = (format!("{issuer_host}:aud"), format!("{issuer_host}:sub"));
    let condition = if subjects.iter().any(|subject| subject.contains(['*', '?'])) {
        json!({"StringEquals": {(aud): audience}, "StringLike": {(sub): one_or_many(subjects)}})
    } else {
        json!({"StringEquals": {(aud): audience, (sub): one_or_many(subjects)}})
    };
    json!({
        "Version": "2012-10-17",
        "Statement": [{
            "Effect": "Allow",
            "Principal": {"Federated": provider_arn},
            "Action": "sts:AssumeRoleWithWebIdentity",
            "Condition": condition,
        }],
    })
}

/// Returns the `sub` of the tokens of a service account ("IAM roles for service accounts" in the EKS user guide).
pub(crate) fn service_account_subject(namespace: &str, service_account: &str) -> String {
    format!("system:serviceaccount:{namespace}:{service_account}")
}

/// Returns the trust policy that admits a service account's tokens, which [`CLUSTER_ISSUER_HOST`] issues.
pub(crate) fn service_account_trust_policy(role: &RoleArn, namespace: &str, service_account: &str) -> Value {
    let provider = provider_arn(role, CLUSTER_ISSUER_HOST);
    let subject = service_account_subject(namespace, service_account);
    trust_policy(&provider, CLUSTER_ISSUER_HOST, AUDIENCE, &[&subject])
}

/// Returns the policy that lets a role describe these clusters.
pub fn cluster_policy(cluster_arns: &[&str]) -> Value {
    json!({
        "Version": "2012-10-17",
        "Statement": [{
            "Effect": "Allow",
            "Action": ["eks:DescribeCluster"],
            "Resource": one_or_many(cluster_arns),
        }],
    })
}

/// Returns a string for one element, as IAM and people write it, and otherwise a list.
fn one_or_many(elements: &[&str]) -> Value {
    match elements {
        [element] => json!(element),
        elements => json!(elements),
    }
}
