//! `pod_template`: a fragment of a Kubernetes PodTemplateSpec, checked as the Orchestrator checks
//! it, so that a mistake is found before anything is sent.
//!
//! [`parse`] reads the text, [`check`] finds what the Orchestrator would refuse in it, and
//! [`equal`] tells whether two texts spell one JSON value.

mod containers;
mod json;
mod rules;
mod strict;

use serde_json::{Map, Value};

use super::{Invalid, Problem};
pub use json::{equal, parse};
pub(crate) use strict::nearest;

/// Everything in a pod template that the Orchestrator would refuse: what does not decode strictly
/// as a Kubernetes PodTemplateSpec, and then what breaks the Orchestrator's own rules.
///
/// Paths are relative to the template: `spec.containers[0].env[1].valueFrom`. No value of the
/// template is repeated but numbers, quantities and times, as an environment variable may hold a
/// secret.
#[must_use]
pub fn check(template: &Map<String, Value>) -> Vec<Problem> {
    let mut problems = strict::check(template);
    problems.extend(rules::check(template));
    problems
}

/// What a pod template overrides of the Orchestrator's own: allowed, but the runner might not work with it. Paths are as in
/// [`check`].
#[must_use]
pub fn overrides(template: &Map<String, Value>) -> Vec<Problem> {
    template
        .get("spec")
        .map(containers::overrides)
        .unwrap_or_default()
}

/// A problem at a place of the template. The sentence follows the path: `` `<path>` <finding> ``.
fn problem(path: &str, summary: &'static str, finding: impl std::fmt::Display) -> Problem {
    Problem {
        path: path.to_owned(),
        invalid: Invalid {
            summary,
            detail: format!("`{path}` {finding}"),
        },
    }
}

#[cfg(test)]
mod tests;
