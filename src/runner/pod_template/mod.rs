//! `pod_template`: a fragment of a Kubernetes PodTemplateSpec, checked as the Orchestrator checks it, so that a mistake
//! is found before anything is sent.
//!
//! [`parse`] reads the text, [`check`] finds what the Orchestrator or every cluster would refuse in it, and [`equal`] compares two texts as
//! JSON.

mod containers;
mod go_values;
pub(crate) mod job_template;
mod json;
pub(crate) mod merge;
mod merged_pod;
mod reserved_fields;
mod strict;

use serde_json::{Map, Value};

use super::{Invalid, InvalidField};
pub use json::{equal, parse};

/// Returns everything in a pod template that the Orchestrator would refuse: what does not decode strictly as a Kubernetes
/// PodTemplateSpec, and then what breaks the Orchestrator's own rules. What every API server would refuse in every Job follows.
///
/// Paths are relative to the template: `spec.containers[0].env[1].valueFrom`. The problems repeat only numbers, quantities
/// and times of the template, because an environment variable can contain a secret.
#[must_use]
pub fn check(template: &Map<String, Value>) -> Vec<InvalidField> {
    let mut problems = strict::check(template);
    problems.extend(reserved_fields::check(template));
    problems.extend(template.get("spec").map(containers::check).unwrap_or_default());
    match merged_pod::check(template) {
        Ok(of_pod) => problems.extend(of_pod),
        // The rules above report a container without a name, for example, at its own path.
        Err(unmergeable) if problems.is_empty() => problems.push(unmergeable),
        Err(_) => {}
    }
    problems
}

/// Returns what a pod template overrides of the Orchestrator's own values. This is allowed, but the runner might not work
/// with it. Paths are as in [`check`].
#[must_use]
pub fn overrides(template: &Map<String, Value>) -> Vec<InvalidField> {
    let spec = template.get("spec");
    let of_containers = spec.map(containers::overrides).unwrap_or_default();
    reserved_fields::overrides(template)
        .into_iter()
        .chain(of_containers)
        .collect()
}

/// Returns the service account of the Job's pods, if a pod template removes the one that the Orchestrator sets.
#[must_use]
pub fn own_service_account(template: &Map<String, Value>) -> Option<&str> {
    reserved_fields::own_service_account(template)
}

/// Returns a problem at a path of the template, with the detail `` `<path>` <finding> ``.
fn problem(path: &str, summary: &'static str, finding: impl std::fmt::Display) -> InvalidField {
    InvalidField {
        path: path.to_owned(),
        invalid: Invalid {
            summary,
            detail: format!("`{path}` {finding}"),
        },
    }
}

#[cfg(test)]
mod tests;
