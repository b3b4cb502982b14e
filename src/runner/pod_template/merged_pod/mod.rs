//! The rules for the pod of the Orchestrator's Job, into whose template the runner's is merged: what every API server refuses
//! in every Job.
//!
//! The data plane merges the template into its own as a strategic merge patch (`GetJobSpec` in
//! stellwerk-labs/platform-orchestrator-dp): elements with the same name become one, and a null removes a value. Each rule
//! names the function of Kubernetes 1.34 that refuses (pkg/apis/core/validation/validation.go, unless it says otherwise).
//! Older and newer versions refuse the same: what only some versions know, such as the volume source `image`, is left to the
//! cluster. `tests/oracles/pod-template` contains the result of kube-apiserver's own code for many templates.

mod resources;
mod security;
mod variables;
mod volumes;

use serde_json::{Map, Value};

use super::containers::LEGACY_MAIN;
use super::go_values::{is_unset, items};
use super::strict::step;
use super::{InvalidField, problem};
use crate::runner::invalid::quoted;
use crate::runner::job_container::MAIN;
use crate::runner::pod_template::job_template::JobTemplate;

/// Any values: no rule here depends on them.
const ORCHESTRATOR: JobTemplate<'static> = JobTemplate {
    org: "org",
    runner_id: "runner",
    service_account: "runner",
    image: "runner",
};

/// Returns why every API server refuses the Job of a runner with this template.
///
/// # Errors
/// If the Orchestrator cannot merge the template.
pub(super) fn check(template: &Map<String, Value>) -> Result<Vec<InvalidField>, InvalidField> {
    let pod = ORCHESTRATOR.merged(Some(template)).map_err(|error| {
        problem(
            "spec",
            "Unmergeable pod_template",
            format_args!("cannot be merged into the Orchestrator's own template: {error}."),
        )
    })?;
    let mut problems = Vec::from_iter(removed_container(template.get("spec")));
    let (Some(template), Some(spec)) = (template.get("spec"), pod.get("spec")) else {
        return Ok(problems);
    };
    let containers = merged_containers(template, spec);
    problems.extend(restart_policy(template, spec));
    problems.extend(volumes::check(template, spec, &containers));
    problems.extend(security::check_pod(spec, &containers));
    problems.extend(doubled_names(&containers));
    for container in &containers {
        problems.extend(missing_image(template, container));
        problems.extend(variables::check(container));
        problems.extend(resources::check(container));
        problems.extend(security::check(container));
    }
    Ok(problems)
}

/// A container of the merged pod.
struct MergedContainer<'a> {
    /// `initContainers` or `containers`.
    list: &'static str,
    name: &'a str,
    merged: &'a Value,
    /// The elements of the template that were merged into it, with their indexes.
    elements: Vec<(usize, &'a Value)>,
}

impl MergedContainer<'_> {
    /// Returns whether it is the Orchestrator's own container.
    fn is_main(&self) -> bool {
        self.list == "containers" && self.name == MAIN
    }

    /// Returns whether the template sets a field, other than to null.
    fn sets(&self, field: &[&str]) -> bool {
        let mut elements = self.elements.iter();
        elements.any(|(_, element)| at(element, field).is_some())
    }

    /// Returns the path in the template of a field: in the last element that sets it, or else of the first element.
    fn path(&self, field: &[&str]) -> String {
        let mut elements = self.elements.iter().rev();
        let last = elements.find(|(_, element)| at(element, field).is_some());
        let list = format!("spec.{}", self.list);
        match (last, self.elements.first()) {
            (Some((index, _)), _) => join(&format!("{list}[{index}]"), field),
            (None, Some((index, _))) => format!("{list}[{index}]"),
            (None, None) => list,
        }
    }
}

/// Returns the containers of the merged pod's `spec`. The Orchestrator's template has no `initContainers`, so that those of
/// the template are not merged into each other.
fn merged_containers<'a>(template: &'a Value, spec: &'a Value) -> Vec<MergedContainer<'a>> {
    let name = |container: &'a Value| container["name"].as_str().unwrap_or_default();
    let init = items(spec.get("initContainers")).map(|(index, merged)| MergedContainer {
        list: "initContainers",
        name: name(merged),
        merged,
        elements: vec![(index, merged)],
    });
    let containers = items(spec.get("containers")).map(|(_, merged)| MergedContainer {
        list: "containers",
        name: name(merged),
        merged,
        elements: items(template.get("containers"))
            .filter(|(_, element)| element["name"] == merged["name"])
            .collect(),
    });
    init.chain(containers).collect()
}

/// Returns the value of a field, unless it is missing or null.
fn at<'a>(value: &'a Value, field: &[&str]) -> Option<&'a Value> {
    let found = field.iter().try_fold(value, |value, name| value.get(name));
    found.filter(|value| !value.is_null())
}

/// Returns the path of a field of the object at `path`.
fn join(path: &str, field: &[&str]) -> String {
    field.iter().fold(path.to_owned(), |path, name| {
        let step = step(name);
        if step.starts_with('[') {
            path + &step
        } else {
            path + "." + &step
        }
    })
}

/// Returns the problem of a null that removes something of the Orchestrator's.
fn removed(path: &str, what: &str) -> InvalidField {
    problem(
        path,
        "Field removed in pod_template",
        format_args!("is null. This removes {what}, and Kubernetes refuses every Job without it. Remove the field."),
    )
}

/// Returns the problem of a null that removes the Orchestrator's container.
///
/// Source: `validateContainers`.
fn removed_container(template: Option<&Value>) -> Option<InvalidField> {
    let path = match template? {
        Value::Null => "spec",
        spec if spec.get("containers") == Some(&Value::Null) => "spec.containers",
        _ => return None,
    };
    Some(removed(path, "the Orchestrator's own container"))
}

/// Returns a problem for a restart policy that no Job can have.
///
/// Source: `validateJobSpec` in pkg/apis/batch/validation/validation.go. A missing policy is `Always` (`SetDefaults_PodSpec`
/// in pkg/apis/core/v1/defaults.go).
fn restart_policy(template: &Value, spec: &Value) -> Option<InvalidField> {
    let policy = spec["restartPolicy"].as_str();
    let is_valid = matches!(policy, Some("Never" | "OnFailure"));
    (!is_valid && template.get("restartPolicy").is_some()).then(|| {
        problem(
            "spec.restartPolicy",
            "Invalid restart policy in pod_template",
            "must be \"Never\" or \"OnFailure\": Kubernetes accepts no other policy in a Job. Remove it to keep the \
             Orchestrator's, which is \"Never\".",
        )
    })
}

/// Returns a problem for each init container with the name of another container.
///
/// Source: `validateInitContainers`.
fn doubled_names(containers: &[MergedContainer<'_>]) -> Vec<InvalidField> {
    let init = |container: &&MergedContainer<'_>| container.list == "initContainers";
    let mut problems = Vec::new();
    for (index, container) in containers.iter().filter(init).enumerate() {
        let name = container.name;
        let mut others = containers.iter().enumerate();
        let Some((_, other)) = others
            .find(|(other, one)| one.name == name && !name.is_empty() && (*other < index || one.list == "containers"))
        else {
            continue;
        };
        let of = if other.is_main() {
            "the Orchestrator's own container"
        } else {
            "another container"
        };
        problems.push(problem(
            &format!("spec.initContainers[{index}]"),
            "Container name used twice in pod_template",
            format_args!(
                "has the name {}, but {of} has the same name. Kubernetes refuses every Job in which two containers have one name. \
                 Rename it.",
                quoted(name)
            ),
        ));
    }
    problems
}

/// Returns a problem for a container without an image.
///
/// Source: `validateContainerCommon`.
fn missing_image(template: &Value, container: &MergedContainer<'_>) -> Option<InvalidField> {
    if container.name.is_empty() || !is_unset(container.merged.get("image")) {
        return None;
    }
    let mut others = items(template.get("containers"));
    let has_main = others.any(|(_, other)| other["name"] == MAIN);
    let fix = if container.is_main() {
        "Remove the empty `image` to keep the Orchestrator's.".to_owned()
    } else if container.list == "containers" && (!has_main || container.name == LEGACY_MAIN) {
        format!(
            "Did you mean {MAIN:?}, the Orchestrator's own container, which has an image already? If not, add `image`."
        )
    } else {
        "Add `image`.".to_owned()
    };
    let index = container.elements.first()?.0;
    Some(problem(
        &format!("spec.{}[{index}]", container.list),
        "Container without an image in pod_template",
        format_args!(
            "is the container {}, which has no `image`. {fix}",
            quoted(container.name)
        ),
    ))
}
