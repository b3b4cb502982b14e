//! The names of a runner in AWS and Kubernetes.

use terraform_plugin_server::{FunctionError, Parameter, Signature, Type, Value};

use super::{RunnerFunction, refused, string};
use crate::runner::{self, RoleArn, validate};

/// `session_name(org, runner_id)`
pub(super) const SESSION_NAME: RunnerFunction = RunnerFunction {
    name: "session_name",
    signature: || {
        of_a_runner(
            "Returns the name of the Orchestrator's STS session for a runner",
            "Returns the session name that the Orchestrator uses for a runner without `session_name`: \
             `{org}-{runner_id}`, cut to 64 characters.",
        )
    },
    call: |arguments| {
        let (org, id) = org_and_id(arguments)?;
        let (name, _) = runner::session_name(org, id, None);
        Ok(name)
    },
};

/// `oidc_subject(org, runner_id)`
pub(super) const OIDC_SUBJECT: RunnerFunction = RunnerFunction {
    name: "oidc_subject",
    signature: || {
        of_a_runner(
            "Returns the subject of the Orchestrator's OIDC token for a runner",
            "Returns the `sub` of the OIDC token with which the Orchestrator assumes the runner's role: \
             `{org}+{runner_id}`, cut to 255 characters. The trust policy of the role must admit it.",
        )
    },
    call: |arguments| {
        let (org, id) = org_and_id(arguments)?;
        Ok(runner::oidc_subject(org, id))
    },
};

/// `kubernetes_user(role_arn, session_name)`
pub(super) const KUBERNETES_USER: RunnerFunction = RunnerFunction {
    name: "kubernetes_user",
    signature: || Signature {
        description: "Returns the Kubernetes user of a role's session, unless the role's access entry sets another \
            user name: `arn:{partition}:sts::{account}:assumed-role/{role name}/{session name}`, without the path of \
            the role, and with `-` for each `@` of the session name. It is the subject of the runner's RoleBinding.",
        ..Signature::new(Type::String, "Returns the Kubernetes user of a runner")
            .parameter(Parameter::new(
                "role_arn",
                Type::String,
                "The ARN of the IAM role, with its path.",
            ))
            .parameter(Parameter::new(
                "session_name",
                Type::String,
                "The runner's `session_name`, or the result of the function `session_name`.",
            ))
    },
    call: |arguments| {
        let role: RoleArn = string(arguments, 0)?.parse().map_err(refused(0))?;
        let session = string(arguments, 1)?;
        validate::session_name(session).map_err(refused(1))?;
        Ok(runner::kubernetes_user(&role, session))
    },
};

/// Returns the signature of a function of an organization and a runner.
fn of_a_runner(summary: &'static str, description: &'static str) -> Signature {
    Signature {
        description,
        ..Signature::new(Type::String, summary)
            .parameter(Parameter::new("org", Type::String, "The ID of the organization."))
            .parameter(Parameter::new("runner_id", Type::String, "The ID of the runner."))
    }
}

/// Returns the organization and the ID of the runner.
fn org_and_id(arguments: &[Value]) -> Result<(&str, &str), FunctionError> {
    let (org, id) = (string(arguments, 0)?, string(arguments, 1)?);
    let is_allowed = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
    let problem = match org.chars().find(|c| !is_allowed(*c)) {
        _ if org.is_empty() => Some("The ID of the organization is empty".to_owned()),
        // A `*` would admit the runners of other organizations, and STS refuses a session name with a space.
        Some(c) => Some(format!(
            "{org:?} contains {c:?}, which is not allowed in the ID of an organization"
        )),
        None => None,
    };
    if let Some(problem) = problem {
        return Err(FunctionError::new(problem).at(0));
    }
    validate::runner_id(id).map_err(refused(1))?;
    Ok((org, id))
}
