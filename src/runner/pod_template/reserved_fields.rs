//! The fields of a pod template that the Orchestrator sets itself.

use serde_json::{Map, Value};

use super::go_values::{is_set, is_unset};
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

/// Returns the service account of the Job's pods, if the template removes the Orchestrator's: the control plane accepts
/// `null` and `""`, `null` deletes a field in a strategic merge patch, and `""` replaces it. Kubernetes then uses the older
/// name of the field (`Convert_v1_PodSpec_To_core_PodSpec` in pkg/apis/core/v1/conversion.go), or the service account
/// `default` (plugin/pkg/admission/serviceaccount).
pub(super) fn own_service_account(template: &Map<String, Value>) -> Option<&str> {
    let spec = template.get("spec")?;
    let name = spec.get("serviceAccountName")?;
    let older = spec.get("serviceAccount").and_then(Value::as_str);
    let older = older.filter(|name| !name.is_empty());
    is_unset(Some(name)).then(|| older.unwrap_or("default"))
}

/// Returns a problem for a service account of the Orchestrator that the template removes.
pub(super) fn overrides(template: &Map<String, Value>) -> Option<InvalidField> {
    let account = own_service_account(template)?;
    Some(problem(
        "spec.serviceAccountName",
        "Service account removed in pod_template",
        format_args!(
            "is null or empty. This removes `job.service_account` from the Job's pods, which run as the service account \
             {account:?}. Remove the field unless you mean this."
        ),
    ))
}
