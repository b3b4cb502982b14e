//! The variables of the merged containers.

use serde_json::Value;

use super::super::containers::ONLY_BY_REFERENCE;
use super::super::go_values::{is_set, items};
use super::super::{InvalidField, problem};
use super::MergedContainer;
use crate::runner::job_container::{Override, override_of};

/// Returns a problem for each variable that has both `value` and `valueFrom`.
///
/// Source: `validateEnvVarValueFrom`. The data plane sets some of the Orchestrator's variables in some deployments only.
pub(super) fn check(container: &MergedContainer<'_>) -> Vec<InvalidField> {
    let mut problems = Vec::new();
    for (_, variable) in items(container.merged.get("env")) {
        let Some(name) = variable.get("name").and_then(Value::as_str) else {
            continue;
        };
        let override_ = override_of(name).filter(|_| container.is_main());
        // The control plane refuses these in any case.
        if override_ == Some(Override::Reserved) || (container.is_main() && name == ONLY_BY_REFERENCE) {
            continue;
        }
        let elements = || {
            container.elements.iter().flat_map(|(index, element)| {
                let variables = items(element.get("env"));
                let same = variables.filter(|(_, variable)| variable["name"] == name);
                same.map(move |(variable, fields)| (*index, variable, fields))
            })
        };
        let sets_value = elements().any(|(.., fields)| fields.get("value").is_some());
        let is_the_orchestrators = override_.is_some() && !sets_value;
        let has_both = variable.get("valueFrom").is_some_and(Value::is_object)
            && (is_set(variable.get("value")) || is_the_orchestrators);
        let references = elements().filter(|(.., fields)| fields["valueFrom"].is_object());
        let Some((index, variable, _)) = references.last().filter(|_| has_both) else {
            continue;
        };
        let finding = if is_the_orchestrators {
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
            &format!("spec.{}[{index}].env[{variable}]", container.list),
            "Variable with two values in pod_template",
            finding,
        ));
    }
    problems
}
