//! The Orchestrator's own rules for a pod template.
//!
//! They speak of values that decode; what does not decode has been told by `strict`.

use serde_json::{Map, Value};

use super::{Problem, containers, problem};

/// Everything in the template that breaks a rule of the Orchestrator.
pub(super) fn check(template: &Map<String, Value>) -> Vec<Problem> {
    let mut problems = Vec::new();
    if is_set(template.get("metadata").and_then(|it| it.get("namespace"))) {
        problems.push(problem(
            "metadata.namespace",
            "Reserved field in pod_template",
            "must not be set: the namespace of the Job is `job.namespace`. Remove it, and set that one.",
        ));
    }
    let Some(spec) = template.get("spec") else {
        return problems;
    };
    if is_set(spec.get("serviceAccountName")) {
        problems.push(problem(
            "spec.serviceAccountName",
            "Reserved field in pod_template",
            "must not be set: the service account of the pod is `job.service_account`. Remove it, and \
             set that one.",
        ));
    }
    problems.extend(containers::check(spec));
    problems
}

/// The items of a list with their places; none of what is not a list.
pub(super) fn items(list: Option<&Value>) -> impl Iterator<Item = (usize, &Value)> {
    list.and_then(Value::as_array)
        .into_iter()
        .flatten()
        .enumerate()
}

/// To Go, a string that is missing, null or empty is one and the same.
pub(super) fn is_unset(value: Option<&Value>) -> bool {
    match value {
        None | Some(Value::Null) => true,
        Some(value) => value.as_str() == Some(""),
    }
}

pub(super) fn is_set(value: Option<&Value>) -> bool {
    !is_unset(value)
}
