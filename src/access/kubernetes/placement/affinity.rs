//! Selectors of nodes: the required node affinity of a pod, and that of a volume.
//!
//! Source: k8s.io/component-helpers 0.34, scheduling/corev1/nodeaffinity.

use serde_json::Value;

use super::{ClusterNode, text};

/// The field of the rules that a node must meet.
pub(super) const REQUIRED: &str = "requiredDuringSchedulingIgnoredDuringExecution";

/// A term of the affinity: the requirements on a node's labels, and on its fields.
pub(super) struct Term {
    pub(super) labels: Vec<Value>,
    pub(super) fields: Vec<Value>,
}

/// Returns the terms of a selector, one of which a node must meet. `None` if there is no selector. An empty term matches no
/// node and is left out.
pub(super) fn terms(selector: &Value) -> Option<Vec<Term>> {
    let terms = &selector["nodeSelectorTerms"];
    let terms = terms.as_array()?.iter().map(|term| {
        let list = |name: &str| term[name].as_array().cloned().unwrap_or_default();
        Term {
            labels: list("matchExpressions"),
            fields: list("matchFields"),
        }
    });
    let terms = terms.filter(|term| !(term.labels.is_empty() && term.fields.is_empty()));
    Some(terms.collect())
}

/// Returns whether a node matches a selector.
pub(super) fn matches(selector: &Value, node: &ClusterNode) -> bool {
    terms(selector).is_none_or(|terms| terms.iter().any(|term| is_met(term, node)))
}

fn is_met(term: &Term, node: &ClusterNode) -> bool {
    let label = |requirement: &Value| {
        let value = node.labels.get(key(requirement));
        admits(requirement, value.map(String::as_str))
    };
    term.labels.iter().all(label) && term.fields.iter().all(|field| is_named(field, Some(&node.name)))
}

/// Returns whether a requirement on a field admits a node with this name, or a new node, whose name is not known. The name
/// is the only field that can be selected.
pub(super) fn is_named(field: &Value, name: Option<&str>) -> bool {
    field["key"] == "metadata.name" && admits(field, name)
}

/// Returns the key of a requirement.
pub(super) fn key(requirement: &Value) -> &str {
    requirement["key"].as_str().unwrap_or_default()
}

/// Returns whether a requirement (`operator` and `values`) admits the value of its key, or that there is none. `Gte` and
/// `Lte` are operators of Karpenter (sigs.k8s.io/karpenter, pkg/apis/v1/nodeclaim.go).
pub(super) fn admits(requirement: &Value, value: Option<&str>) -> bool {
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
        "Gte" => compare(i64::ge),
        "Lt" => compare(i64::lt),
        "Lte" => compare(i64::le),
        _ => false,
    }
}
