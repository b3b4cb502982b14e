//! The fields of a pod template that the Orchestrator sets itself.

use serde_json::{Map, Value};

use super::go_values::is_set;
use super::{InvalidField, problem};

/// Returns a problem for each field of the template that the Orchestrator reserves. Only values that decode are
/// checked; `strict` reports the others.
pub(super) fn check(template: &Map<String, Value>) -> Vec<InvalidField> {
    let mut problems = Vec::new();
    let field = |object: &str, name: &str| template.get(object).and_then(|it| it.get(name));
    if is_set(field("metadata", "namespace")) {
        problems.push(problem(
            "metadata.namespace",
            "Reserved field in pod_template",
            "must not be set: the namespace of the Job is `job.namespace`. Remove it, and set that one.",
        ));
    }
    if is_set(field("spec", "serviceAccountName")) {
        problems.push(problem(
            "spec.serviceAccountName",
            "Reserved field in pod_template",
            "must not be set: the service account of the pod is `job.service_account`. Remove it, and \
             set that one.",
        ));
    }
    problems
}
