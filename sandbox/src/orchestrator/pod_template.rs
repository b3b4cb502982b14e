//! `job.pod_template`, checked as the service checks it (control plane, `validatePodTemplate`).

use k8s_openapi::api::core::v1::{EnvVar, PodSpec, PodTemplateSpec};
use regex_lite::Regex;
use serde_json::Value;

use super::error::ApiError;
use super::strict::decode;

/// The names of the container that the runner itself uses: the current one and the former one.
const RUNNERS_OWN: [&str; 2] = ["main", "platform-orchestrator-runner"];
/// Variables that the runner sets in [`RUNNERS_OWN`].
const RESERVED: [&str; 6] = [
    "ORG_ID",
    "DEPLOYMENT_ID",
    "MODE",
    "TOKEN",
    "ENCRYPTING_KEY",
    "PLATFORM_ORCHESTRATOR_BASE_URL",
];
/// The variable of [`RUNNERS_OWN`] that must have a reference, such as to a Secret.
const ONLY_FROM: &str = "RUNNER_GIT_SSH_KEYS";

/// The paths of the quantities in a `PodTemplateSpec`. `*` is every element of a list or an object.
const QUANTITIES: [&str; 16] = [
    "spec.overhead.*",
    "spec.resources.limits.*",
    "spec.resources.requests.*",
    "spec.containers.*.resources.limits.*",
    "spec.containers.*.resources.requests.*",
    "spec.containers.*.env.*.valueFrom.resourceFieldRef.divisor",
    "spec.initContainers.*.resources.limits.*",
    "spec.initContainers.*.resources.requests.*",
    "spec.initContainers.*.env.*.valueFrom.resourceFieldRef.divisor",
    "spec.ephemeralContainers.*.resources.limits.*",
    "spec.ephemeralContainers.*.resources.requests.*",
    "spec.volumes.*.emptyDir.sizeLimit",
    "spec.volumes.*.downwardAPI.items.*.resourceFieldRef.divisor",
    "spec.volumes.*.projected.sources.*.downwardAPI.items.*.resourceFieldRef.divisor",
    "spec.volumes.*.ephemeral.volumeClaimTemplate.spec.resources.limits.*",
    "spec.volumes.*.ephemeral.volumeClaimTemplate.spec.resources.requests.*",
];
/// The pattern of a quantity, as `resource.ParseQuantity` of Kubernetes parses it. It reads missing digits as 0.
const QUANTITY: &str = r"^[+-]?[0-9]*(\.[0-9]*)?([KMGTPE]i|[numkMGTPE]|[eE][+-]?[0-9]+)?$";
/// The pattern of those without digits that it refuses: the units are too large or too small for its fast path.
const WITHOUT_DIGITS: &str = r"^$|^[+-]?\.?([PE]i|[eE]-0*[1-9][0-9]+)$";

/// Checks a template. `at` is its path in the body.
///
/// # Errors
/// A 400 with the path, if the template is not a `PodTemplateSpec` or sets what the runner sets itself.
pub(super) fn check(mut template: Value, at: &str) -> Result<(), ApiError> {
    let regex = |pattern| Regex::new(pattern).expect("a valid regular expression");
    let (quantity, without_digits) = (regex(QUANTITY), regex(WITHOUT_DIGITS));
    let is_quantity = |text: &str| quantity.is_match(text.trim()) && !without_digits.is_match(text.trim());
    for path in QUANTITIES {
        let path: Vec<&str> = path.split('.').collect();
        check_quantities(&mut template, &path, at, &is_quantity)?;
    }
    let template: PodTemplateSpec = decode(&template, at)?;
    if let Some(metadata) = &template.metadata
        && metadata.namespace.as_deref().is_some_and(|n| !n.is_empty())
    {
        return Err(ApiError::invalid(
            &format!("{at}.metadata.namespace"),
            "it is not allowed to specify a namespace",
        ));
    }
    match &template.spec {
        Some(spec) => check_spec(spec, &format!("{at}.spec")),
        None => Ok(()),
    }
}

/// Refuses a value at `path` that is not a quantity. A number is one, too, and becomes a string, as in Kubernetes.
fn check_quantities(
    value: &mut Value,
    path: &[&str],
    at: &str,
    is_quantity: &impl Fn(&str) -> bool,
) -> Result<(), ApiError> {
    match (path, value) {
        ([], value) => {
            if value.is_number() {
                *value = Value::String(value.to_string());
            }
            match value.as_str() {
                Some(text) if !is_quantity(text) => Err(ApiError::invalid(
                    at,
                    "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'",
                )),
                // The decoder has refused other types.
                _ => Ok(()),
            }
        }
        (["*", rest @ ..], Value::Array(items)) => items
            .iter_mut()
            .enumerate()
            .try_for_each(|(i, item)| check_quantities(item, rest, &format!("{at}.{i}"), is_quantity)),
        (["*", rest @ ..], Value::Object(fields)) => fields
            .iter_mut()
            .try_for_each(|(name, field)| check_quantities(field, rest, &format!("{at}.{name}"), is_quantity)),
        ([name, rest @ ..], Value::Object(fields)) => match fields.get_mut(*name) {
            Some(field) => check_quantities(field, rest, &format!("{at}.{name}"), is_quantity),
            None => Ok(()),
        },
        _ => Ok(()),
    }
}

fn check_spec(spec: &PodSpec, at: &str) -> Result<(), ApiError> {
    if spec
        .service_account_name
        .as_deref()
        .is_some_and(|name| !name.is_empty())
    {
        return Err(ApiError::invalid(
            &format!("{at}.serviceAccountName"),
            "it is not allowed to specify a serviceAccountName",
        ));
    }
    for (i, container) in spec.containers.iter().enumerate() {
        let at = format!("{at}.containers.{i}");
        if container.name.is_empty() {
            return Err(ApiError::invalid(&format!("{at}.name"), "is required"));
        }
        if RUNNERS_OWN.contains(&container.name.as_str()) {
            for (j, variable) in container.env.iter().flatten().enumerate() {
                check_variable(variable, &format!("{at}.env.{j}"))?;
            }
        }
    }
    Ok(())
}

fn check_variable(variable: &EnvVar, at: &str) -> Result<(), ApiError> {
    let name = variable.name.as_str();
    if RESERVED.contains(&name) {
        return Err(ApiError::invalid(
            at,
            format!("environment variable `{name}` is a reserved one"),
        ));
    }
    if name == ONLY_FROM && variable.value_from.is_none() {
        return Err(ApiError::invalid(
            at,
            format!("environment variable {name:?} is sensitive and must be set using the value-from property"),
        ));
    }
    Ok(())
}
