//! `job.pod_template`, checked as the service checks it.
//!
//! The documentation also reserves a variable for the base URL and speaks of an older name of the
//! container `main`, without naming either: these two are not checked here.

use k8s_openapi::api::core::v1::{Container, EnvVar, PodSpec, PodTemplateSpec};
use serde_json::Value;

use super::error::ApiError;
use super::strict::decode;

/// The container that the runner itself fills.
const MAIN: &str = "main";
/// Variables that the runner sets in [`MAIN`].
const RESERVED: [&str; 5] = ["ORG_ID", "DEPLOYMENT_ID", "MODE", "TOKEN", "ENCRYPTING_KEY"];
/// The variable of [`MAIN`] that must come from a Secret or the like.
const ONLY_FROM: &str = "RUNNER_GIT_SSH_KEYS";

/// Refuses, with a 400 that names the path, whatever is no `PodTemplateSpec` or sets what is the
/// runner's own. `at` is the template's path in the body.
pub(super) fn check(template: &Value, at: &str) -> Result<(), ApiError> {
    let template: PodTemplateSpec = decode(template, at)?;
    if let Some(metadata) = &template.metadata
        && metadata.namespace.as_deref().is_some_and(|n| !n.is_empty())
    {
        return Err(ApiError::invalid(
            &format!("{at}.metadata.namespace"),
            "must not be set",
        ));
    }
    match &template.spec {
        Some(spec) => check_spec(spec, &format!("{at}.spec")),
        None => Ok(()),
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
            "must not be set",
        ));
    }
    check_names("initContainers", spec.init_containers.as_deref(), at)?;
    check_names("containers", Some(&spec.containers), at)?;
    for (i, container) in spec.containers.iter().enumerate() {
        if container.name == MAIN {
            for (j, variable) in container.env.iter().flatten().enumerate() {
                check_variable(variable, &format!("{at}.containers.{i}.env.{j}"))?;
            }
        }
    }
    Ok(())
}

fn check_names(list: &str, containers: Option<&[Container]>, at: &str) -> Result<(), ApiError> {
    match containers
        .unwrap_or_default()
        .iter()
        .position(|container| container.name.is_empty())
    {
        Some(i) => Err(ApiError::invalid(
            &format!("{at}.{list}.{i}.name"),
            "a container needs a name",
        )),
        None => Ok(()),
    }
}

fn check_variable(variable: &EnvVar, at: &str) -> Result<(), ApiError> {
    let name = variable.name.as_str();
    if RESERVED.contains(&name) {
        return Err(ApiError::invalid(
            at,
            format!("the variable {name} is reserved in the container {MAIN}"),
        ));
    }
    if name == ONLY_FROM && (variable.value.is_some() || variable.value_from.is_none()) {
        return Err(ApiError::invalid(
            at,
            format!("the variable {name} may be set only through valueFrom"),
        ));
    }
    Ok(())
}
