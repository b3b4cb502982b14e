//! The rules for containers and their variables.
//!
//! The Orchestrator's control plane refuses some of what is found here (`validatePodTemplate` in
//! stellwerk-labs/platform-orchestrator-cp). A cluster refuses the rest in every Job, after the data plane has merged the
//! template into its own as a strategic merge patch (`GetJobSpec` in stellwerk-labs/platform-orchestrator-dp): elements
//! with the same name become one, and a null removes a value.

use std::collections::BTreeMap;

use serde_json::Value;

use super::go_values::{is_set, is_unset, items};
use super::{InvalidField, problem};
use crate::runner::invalid::quoted;
use crate::runner::job_container::{MAIN, Override, override_of};

/// The former name of the container [`MAIN`]. The control plane reserves variables in it, too.
const LEGACY_MAIN: &str = "platform-orchestrator-runner";

/// A variable of [`MAIN`] whose value is secret, so that only a reference is allowed.
const ONLY_BY_REFERENCE: &str = "RUNNER_GIT_SSH_KEYS";

/// Returns everything in the containers of a pod's `spec` that the Orchestrator or every cluster refuses.
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
        let containers = by_name(items(spec.get(list)));
        let has_main = containers.contains_key(MAIN);
        for (name, same) in containers {
            let is_main = list == "containers" && name == MAIN;
            let is_legacy = list == "containers" && name == LEGACY_MAIN;
            let path = |index: usize| format!("spec.{list}[{index}]");
            if is_unset_after(&same, "image", !is_main) {
                let fix = match (is_main, list) {
                    (true, _) => "Remove the empty `image` to keep the Orchestrator's.".to_owned(),
                    (_, "containers") if !has_main || is_legacy => format!(
                        "Did you mean {MAIN:?}, the Orchestrator's own container, which has an image already? If not, add `image`."
                    ),
                    _ => "Add `image`.".to_owned(),
                };
                problems.push(problem(
                    &path(same[0].0),
                    "Container without an image in pod_template",
                    format_args!(
                        "is the container {}, which has no `image`. {fix}",
                        quoted(name)
                    ),
                ));
            }
            for (index, container) in &same {
                if is_main || is_legacy {
                    problems.extend(reserved_variables(&path(*index), container));
                }
            }
            problems.extend(doubled_variables(list, &same, is_main));
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

/// Returns the elements with their indexes by the name that identifies them in a strategic merge patch. Elements without a
/// name are omitted.
fn by_name<'a>(
    elements: impl Iterator<Item = (usize, &'a Value)>,
) -> BTreeMap<&'a str, Vec<(usize, &'a Value)>> {
    let mut named = BTreeMap::<_, Vec<_>>::new();
    for (index, element) in elements {
        if let Some(name) = element
            .get("name")
            .and_then(Value::as_str)
            .filter(|name| !name.is_empty())
        {
            named.entry(name).or_default().push((index, element));
        }
    }
    named
}

/// Returns whether a field is not set after the elements have been merged into each other, in order, and into one in which
/// it was not set (`is_unset_before`) or set.
fn is_unset_after(elements: &[(usize, &Value)], field: &str, is_unset_before: bool) -> bool {
    elements
        .iter()
        .filter_map(|(_, element)| element.get(field))
        .fold(is_unset_before, |_, value| is_unset(Some(value)))
}

/// Returns a problem for each variable of the Orchestrator's own container that the control plane refuses.
fn reserved_variables<'a>(
    path: &'a str,
    container: &'a Value,
) -> impl Iterator<Item = InvalidField> + 'a {
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

/// Returns a problem for each variable that has both `value` and `valueFrom` after all elements with its name have been
/// merged, which every cluster refuses.
fn doubled_variables(
    list: &str,
    containers: &[(usize, &Value)],
    is_main: bool,
) -> Vec<InvalidField> {
    let mut problems = Vec::new();
    let elements = containers.iter().flat_map(|(container, value)| {
        items(value.get("env")).map(move |(index, variable)| ((*container, index), variable))
    });
    let mut variables = BTreeMap::<&str, Vec<((usize, usize), &Value)>>::new();
    for (place, variable) in elements {
        if let Some(name) = variable.get("name").and_then(Value::as_str) {
            variables.entry(name).or_default().push((place, variable));
        }
    }
    for (name, same) in variables {
        let override_ = override_of(name).filter(|_| is_main);
        if override_ == Some(Override::Reserved) || (is_main && name == ONLY_BY_REFERENCE) {
            continue;
        }
        let is_the_orchestrators = override_.is_some();
        let (mut has_value, mut reference) = (is_the_orchestrators, None);
        for (place, variable) in &same {
            if let Some(value) = variable.get("value") {
                has_value = is_set(Some(value));
            }
            if let Some(source) = variable.get("valueFrom") {
                reference = source.is_object().then_some(*place);
            }
        }
        let Some((container, index)) = reference.filter(|_| has_value) else {
            continue;
        };
        let sets_value = same
            .iter()
            .any(|(_, variable)| variable.get("value").is_some());
        let finding = if is_the_orchestrators && !sets_value {
            format!(
                "sets {name} through `valueFrom`, but the Orchestrator sets {name} with `value`. Both would be in one variable, \
                 and Kubernetes refuses every Job with it. Remove it, or set it with `value`."
            )
        } else {
            format!(
                "sets {name} with both `value` and `valueFrom`, but Kubernetes accepts only one of them. Remove one."
            )
        };
        problems.push(problem(
            &format!("spec.{list}[{container}].env[{index}]"),
            "Variable with two values in pod_template",
            finding,
        ));
    }
    problems
}
