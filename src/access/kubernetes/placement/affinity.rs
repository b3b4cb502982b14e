//! The required node affinity of a pod.
//!
//! Source: k8s.io/component-helpers 0.34, scheduling/corev1/nodeaffinity.

use serde_json::Value;

use super::{ClusterNode, text};

/// The field of the rules that a node must meet.
pub(super) const REQUIRED: &str = "requiredDuringSchedulingIgnoredDuringExecution";

/// Returns whether a node matches the required affinity of a pod spec: one of its terms, if there are any.
pub(super) fn matches(spec: &Value, node: &ClusterNode) -> bool {
    let terms = &spec["affinity"]["nodeAffinity"][REQUIRED]["nodeSelectorTerms"];
    let Some(terms) = terms.as_array() else {
        return true;
    };
    terms.iter().any(|term| is_met(term, node))
}

/// Returns whether a node meets every requirement of a term. An empty term matches no node.
fn is_met(term: &Value, node: &ClusterNode) -> bool {
    let list = |name: &str| term[name].as_array().cloned().unwrap_or_default();
    let (expressions, fields) = (list("matchExpressions"), list("matchFields"));
    let label = |requirement: &Value| {
        let key = requirement["key"].as_str().unwrap_or_default();
        admits(requirement, node.labels.get(key).map(String::as_str))
    };
    // The name is the only field that can be selected.
    let field = |requirement: &Value| {
        requirement["key"] == "metadata.name" && admits(requirement, Some(&node.name))
    };
    !(expressions.is_empty() && fields.is_empty())
        && expressions.iter().all(label)
        && fields.iter().all(field)
}

/// Returns whether a requirement (`operator` and `values`) admits the value of its key, or that there is none.
pub(crate) fn admits(requirement: &Value, value: Option<&str>) -> bool {
    let values = requirement["values"].as_array().into_iter().flatten();
    let values: Vec<String> = values.map(text).collect();
    let contains = |value: &str| values.iter().any(|one| one == value);
    let compare = |is_met: fn(&i64, &i64) -> bool| {
        let number = value.and_then(|value| value.parse::<i64>().ok());
        let limit = values.first().and_then(|limit| limit.parse::<i64>().ok());
        number.zip(limit).is_some_and(|(a, b)| is_met(&a, &b))
    };
    match requirement["operator"].as_str().unwrap_or_default() {
        "In" => value.is_some_and(contains),
        "NotIn" => !value.is_some_and(contains),
        "Exists" => value.is_some(),
        "DoesNotExist" => value.is_none(),
        "Gt" => compare(i64::gt),
        "Lt" => compare(i64::lt),
        _ => false,
    }
}
