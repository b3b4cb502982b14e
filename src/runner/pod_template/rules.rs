//! The Orchestrator's own rules for a pod template.
//!
//! They speak of values that decode; what does not decode has been told by `strict`.

use serde_json::{Map, Value};

use super::{Problem, problem};

/// The container in which the Orchestrator's runner works.
const MAIN: &str = "main";

/// Variables of [`MAIN`] that the Orchestrator sets. The variable of its base URL is also reserved;
/// its name is the service's to tell.
const RESERVED: [&str; 5] = ["ORG_ID", "DEPLOYMENT_ID", "MODE", "TOKEN", "ENCRYPTING_KEY"];

/// A variable of [`MAIN`] whose value is secret and may only be referred to.
const ONLY_BY_REFERENCE: &str = "RUNNER_GIT_SSH_KEYS";

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
    for list in ["initContainers", "containers", "ephemeralContainers"] {
        for (index, container) in items(spec.get(list)) {
            let path = format!("spec.{list}[{index}]");
            let name = container.get("name");
            let can_have_a_name = container.is_object() || container.is_null();
            if can_have_a_name && is_unset(name) {
                problems.push(problem(
                    &path,
                    "Container without a name in pod_template",
                    "has no `name`, and every container needs one: it says which container of the Job \
                     is meant. The Orchestrator's own container is \"main\".",
                ));
            }
            if list == "containers" && name.and_then(Value::as_str) == Some(MAIN) {
                problems.extend(environment(&path, container));
            }
        }
    }
    problems
}

/// The variables of the container [`MAIN`].
fn environment<'a>(path: &'a str, container: &'a Value) -> impl Iterator<Item = Problem> + 'a {
    items(container.get("env")).filter_map(move |(index, variable)| {
        let path = format!("{path}.env[{index}]");
        let name = variable.get("name")?.as_str()?;
        if RESERVED.contains(&name) {
            return Some(problem(
                &path,
                "Reserved variable in pod_template",
                format_args!(
                    "sets {name}, which the Orchestrator itself sets in the container \"{MAIN}\". \
                     Remove it, or give it another name."
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
                    "sets {name}, which is secret and may be set only through `valueFrom`. Put the \
                     keys into a Secret and refer to it: valueFrom = {{ secretKeyRef = {{ name = \"…\", \
                     key = \"…\" }} }}."
                ),
            )
        })
    })
}

/// The items of a list with their places; none of what is no list.
fn items(list: Option<&Value>) -> impl Iterator<Item = (usize, &Value)> {
    list.and_then(Value::as_array)
        .into_iter()
        .flatten()
        .enumerate()
}

/// To Go, a string that is missing, null or empty is one and the same.
fn is_unset(value: Option<&Value>) -> bool {
    match value {
        None | Some(Value::Null) => true,
        Some(value) => value.as_str() == Some(""),
    }
}

fn is_set(value: Option<&Value>) -> bool {
    !is_unset(value)
}
