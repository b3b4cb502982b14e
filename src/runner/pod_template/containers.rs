//! The rules for containers and their variables that the Orchestrator's control plane checks (`validatePodTemplate` in
//! stellwerk-labs/platform-orchestrator-cp).

use serde_json::Value;

use super::go_values::{is_unset, items};
use super::{InvalidField, problem};
use crate::runner::job_container::{MAIN, Override, override_of};

/// The former name of the container [`MAIN`]. The control plane reserves variables in it, too.
pub(super) const LEGACY_MAIN: &str = "platform-orchestrator-runner";

/// A variable of [`MAIN`] whose value is secret, so that only a reference is allowed.
pub(super) const ONLY_BY_REFERENCE: &str = "RUNNER_GIT_SSH_KEYS";

/// Returns everything in the containers of a pod's `spec` that the Orchestrator refuses. Kubernetes accepts no ephemeral
/// container in a template either (`ValidatePodTemplateSpec` in pkg/apis/core/validation/validation.go).
pub(super) fn check(spec: &Value) -> Vec<InvalidField> {
    let mut problems = Vec::new();
    if items(spec.get("ephemeralContainers")).next().is_some() {
        problems.push(problem(
            "spec.ephemeralContainers",
            "Field not allowed in pod_template",
            "must not be set: Kubernetes accepts ephemeral containers only in a pod that is running, not in a Job. Use \
             `containers` or `initContainers`.",
        ));
    }
    for list in ["initContainers", "containers"] {
        for (index, container) in items(spec.get(list)) {
            let can_have_a_name = container.is_object() || container.is_null();
            if can_have_a_name && is_unset(container.get("name")) {
                problems.push(problem(
                    &format!("spec.{list}[{index}]"),
                    "Container without a name in pod_template",
                    format_args!(
                        "has no `name`, but every container needs one: it identifies the container of the Job. The \
                         Orchestrator's own container is {MAIN:?}."
                    ),
                ));
            }
        }
    }
    for (index, container) in items(spec.get("containers")) {
        let name = container.get("name").and_then(Value::as_str);
        if name.is_some_and(|name| name == MAIN || name == LEGACY_MAIN) {
            let path = format!("spec.containers[{index}]");
            problems.extend(reserved_variables(&path, container));
        }
    }
    problems
}

/// Returns everything that overrides what the Orchestrator sets for a deployment. A cluster accepts it, but the runner
/// might not work with it.
pub(super) fn overrides(spec: &Value) -> Vec<InvalidField> {
    let containers = items(spec.get("containers"));
    containers
        .filter(|(_, container)| container.get("name").and_then(Value::as_str) == Some(MAIN))
        .flat_map(|(index, container)| {
            items(container.get("env")).filter_map(move |(variable, fields)| {
                let name = fields.get("name")?.as_str()?;
                let Some(Override::Harmful(harm)) = override_of(name) else {
                    return None;
                };
                fields.get("value").is_some().then(|| {
                    problem(
                        &format!("spec.containers[{index}].env[{variable}]"),
                        "Variable of the Orchestrator overridden in pod_template",
                        format_args!(
                            "sets {name}, which the Orchestrator sets for each deployment: {harm}. Remove the variable unless you \
                             mean to override it."
                        ),
                    )
                })
            })
        })
        .collect()
}

/// Returns a problem for each variable of the Orchestrator's own container that the control plane refuses.
fn reserved_variables<'a>(path: &'a str, container: &'a Value) -> impl Iterator<Item = InvalidField> + 'a {
    items(container.get("env")).filter_map(move |(index, variable)| {
        let path = format!("{path}.env[{index}]");
        let name = variable.get("name")?.as_str()?;
        if override_of(name) == Some(Override::Reserved) {
            return Some(problem(
                &path,
                "Reserved variable in pod_template",
                format_args!(
                    "sets {name}, which only the Orchestrator itself sets in its container. Remove it, or give it another name."
                ),
            ));
        }
        let is_reference =
            variable.get("valueFrom").is_some_and(Value::is_object) && is_unset(variable.get("value"));
        (name == ONLY_BY_REFERENCE && !is_reference).then(|| {
            problem(
                &path,
                "Variable with a value in pod_template",
                format_args!(
                    "sets {name}, which is secret and can be set only through `valueFrom`. Put the keys into a Secret and \
                     refer to it: valueFrom = {{ secretKeyRef = {{ name = \"…\", key = \"…\" }} }}."
                ),
            )
        })
    })
}
