//! The policies of a runner's role.

use serde_json::{Value, json};

/// Returns the trust policy that admits the tokens of an issuer with this audience and one of these subjects. If a subject
/// contains a wildcard, all are compared with `StringLike`, which is the only operator that knows wildcards.
pub fn trust_policy(
    provider_arn: &str,
    issuer_host: &str,
    audience: &str,
    subjects: &[&str],
) -> Value {
    let (aud, sub) = (format!("{issuer_host}:aud"), format!("{issuer_host}:sub"));
    let condition = match subjects.iter().any(|subject| subject.contains(['*', '?'])) {
        true => {
            json!({"StringEquals": {(aud): audience}, "StringLike": {(sub): one_or_many(subjects)}})
        }
        false => json!({"StringEquals": {(aud): audience, (sub): one_or_many(subjects)}}),
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
