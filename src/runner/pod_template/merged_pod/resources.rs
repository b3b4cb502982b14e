//! The resources of the merged containers.

use serde_json::{Map, Value};

use super::super::{InvalidField, problem};
use super::{MergedContainer, at};
use crate::runner::quantity::{is_negative, thousandths_of};

const REQUEST: [&str; 2] = ["resources", "requests"];
const LIMIT: [&str; 2] = ["resources", "limits"];

/// The largest quantity with a binary suffix, in thousandths. Kubernetes lowers larger ones to it (`ParseQuantity`).
const LARGEST: u128 = i64::MAX.unsigned_abs() as u128 * 1000;

/// Returns a problem for each request that does not go together with its limit, and for each quantity below zero.
///
/// Source: `validateResourceRequirements`, after Kubernetes has rounded each quantity up to thousandths
/// (`SetDefaults_ResourceList` in pkg/apis/core/v1/defaults.go). In a pod template, a limit is not the default of a request
/// (`SetDefaults_Pod`).
pub(super) fn check(container: &MergedContainer<'_>) -> Vec<InvalidField> {
    let quantities = |of: &[&str]| at(container.merged, of).and_then(Value::as_object);
    let empty = Map::new();
    let (requests, limits) = (quantities(&REQUEST), quantities(&LIMIT));
    let limits = limits.unwrap_or(&empty);
    let mut problems = Vec::new();
    let of_limits = limits.iter().map(|of| (LIMIT, of));
    let requests = requests.unwrap_or(&empty);
    let of_requests = requests.iter().map(|of| (REQUEST, of));
    for (field, (name, quantity)) in of_limits.chain(of_requests) {
        if is_negative(&text(quantity)) {
            problems.push(problem(
                &container.path(&[field[0], field[1], name]),
                "Negative quantity in pod_template",
                format_args!("is {}, and Kubernetes refuses a negative quantity.", text(quantity)),
            ));
        }
    }
    for (name, request) in requests.iter().filter(|(_, request)| !request.is_null()) {
        let limit = limits.get(name).filter(|limit| !limit.is_null());
        problems.extend(request_problem(container, name, &text(request), limit));
    }
    problems
}

/// Returns why a request does not go together with its limit.
fn request_problem(
    container: &MergedContainer<'_>,
    name: &str,
    request: &str,
    limit: Option<&Value>,
) -> Option<InvalidField> {
    const SUMMARY: &str = "Request and limit that contradict in pod_template";
    let (of_request, of_limit) = ([REQUEST[0], REQUEST[1], name], [LIMIT[0], LIMIT[1], name]);
    let must_be_equal = !can_be_overcommitted(name);
    let Some(limit) = limit.map(text) else {
        return must_be_equal.then(|| {
            problem(
                &container.path(&of_request),
                SUMMARY,
                format_args!(
                    "is {request} without a limit, and Kubernetes requires an equal limit for this resource. Set it in \
                     `resources.limits`."
                ),
            )
        });
    };
    let value = |quantity: &str| thousandths_of(quantity).filter(|value| *value <= LARGEST);
    let (requested, limited) = (value(request)?, value(&limit)?);
    // The Orchestrator sets no limits.
    let path = container.path(&of_limit);
    let by = if container.is_main() && !container.sets(&of_request) {
        "the Orchestrator requests"
    } else {
        "the container requests"
    };
    if must_be_equal && requested != limited {
        return Some(problem(
            &path,
            SUMMARY,
            format_args!(
                "limits the resource to {limit}, but {by} {request}, and Kubernetes requires both to be equal for this resource."
            ),
        ));
    }
    (requested > limited).then(|| {
        problem(
            &path,
            SUMMARY,
            format_args!(
                "limits the container to {limit}, but {by} {request}, and Kubernetes refuses every Job whose request is above \
                 its limit. Raise the limit, or lower the request in `resources.requests`."
            ),
        )
    })
}

/// Returns whether a request can be below its limit (`IsOvercommitAllowed` in pkg/apis/core/helper/helpers.go).
fn can_be_overcommitted(name: &str) -> bool {
    let is_native = !name.contains('/') || name.contains("kubernetes.io/");
    is_native && !name.starts_with("hugepages-")
}

/// Returns a quantity as it is written.
fn text(quantity: &Value) -> String {
    match quantity {
        Value::String(text) => text.trim().to_owned(),
        other => other.to_string(),
    }
}
