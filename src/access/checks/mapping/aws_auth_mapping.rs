//! The role's line in `aws-auth`: whether it works, and how to repair it.

use super::aws_auth_fix::{add_aws_auth_line, correct_aws_auth, keep_one_aws_auth_line};
use crate::access::cause::{Cause, ClusterCause};
use crate::access::check_error::CheckError;
use crate::access::checks::role::role_exists::require_role;
use crate::access::fix::Fix;
use crate::access::kubernetes::KubeError;
use crate::access::kubernetes::aws_auth::{AwsAuth, AwsAuthKey, Mapping, Room};
use crate::access::kubernetes::user::User;
use crate::access::outcome::Outcome;
use crate::access::run::Run;
use crate::runner::RoleArn;

/// Returns the outcome for authentication mode `CONFIG_MAP`, in which `aws-auth` must admit the role.
pub(in crate::access::checks) async fn aws_auth_outcome(run: &Run<'_>) -> Result<Outcome, CheckError> {
    let role = run.role()?;
    let cause = line_cause(run)?;
    let auth = match run.aws_auth().await {
        Ok(auth) => auth,
        Err(CheckError::Kube(error)) if run.as_runner() && error.is_unauthorized() => {
            return Ok(refused_runner_outcome(role, &error)
                .fix(cause, add_aws_auth_line(role, Room::ByHand))
                .not_yet());
        }
        Err(error) => return Ok(crate::access::checks::not_read(run, "aws-auth", error)),
    };
    let session = run.subject.session();
    let session = session.as_ref().map(|(name, _)| name.as_str());
    let mapping = auth.map(role, session.unwrap_or_default());
    let outcome = judge_mapping(&mapping, &auth, role, session);
    let command = || add_aws_auth_line(role, auth.room);
    Ok(match mapping {
        Mapping::Absent { .. } => {
            require_role(run).await?;
            match auth.broken() {
                [] => outcome.fix(cause, command()).not_yet(),
                broken => outcome.fix(cause, correct_aws_auth(broken)),
            }
        }
        Mapping::Refused { by, line, .. } => outcome.fix(
            cause,
            Fix::note(format!(
                "The new line replaces line {line} of {by}. If nodes use this role, they need the old line: use \
                 another role for the runner instead."
            ))
            .then(command()),
        ),
        // mapRoles is read before mapUsers.
        Mapping::ByChance {
            by: AwsAuthKey::Users, ..
        } => outcome.fix(cause, command()),
        Mapping::ByChance { by, .. } => outcome.fix(cause, keep_one_aws_auth_line(role, by)),
        Mapping::Admitted { .. } if outcome.comparison.is_some() => outcome.fix(cause, command()),
        Mapping::Admitted { .. } => outcome,
    })
}

/// Returns the cause of what is wrong with the role's line of `aws-auth`.
pub(in crate::access::checks) fn line_cause(run: &Run<'_>) -> Result<Cause, CheckError> {
    let role = run.role()?.clone();
    Ok(run.cluster_cause(ClusterCause::AwsAuthLine(role)))
}

fn refused_runner_outcome(role: &RoleArn, error: &KubeError) -> Outcome {
    Outcome::failed(format!(
        "The cluster, whose authentication mode is CONFIG_MAP, refuses the runner: its aws-auth does not admit {role}."
    ))
    .compare("a line of mapRoles for the role", error.message())
}

/// Returns the outcome, without a fix, of what `aws-auth` does with a session of the role. The session's name might be
/// unknown until apply.
pub(in crate::access::checks) fn judge_mapping(
    mapping: &Mapping,
    auth: &AwsAuth,
    role: &RoleArn,
    session: Option<&str>,
) -> Outcome {
    match mapping {
        Mapping::Admitted { user, by } => admitted_outcome(user, *by, session.is_some()),
        Mapping::ByChance { by, .. } => Outcome::warned(format!(
            "{by} in aws-auth has several lines for {role} that differ only in case. The cluster picks one of them \
             at random for each request."
        ))
        .compare("one line for the role", "several"),
        Mapping::Refused { by, line, template } => Outcome::failed(format!(
            "aws-auth maps the role to {template:?} (line {line} of {by}), which the cluster can only fill in for an EC2 \
             instance: it refuses the runner's session{}.",
            session.map_or_else(String::new, |name| format!(" {name:?}"))
        ))
        .compare(
            "a username and groups without {{EC2PrivateDNSName}}",
            template.as_str(),
        ),
        Mapping::Absent {
            with_path: Some(line),
        } => {
            let bare = RoleArn {
                path: "/".to_owned(),
                ..role.clone()
            };
            Outcome::failed(format!(
                "Line {line} of mapRoles in aws-auth has {role}. In aws-auth, a role ARN must not contain the path."
            ))
            .compare(bare.to_string(), role.to_string())
        }
        Mapping::Absent { with_path: None } => absent_line_outcome(auth, role),
    }
}

/// Returns the outcome for a session that a line admits as this user.
fn admitted_outcome(user: &User, by: AwsAuthKey, has_session: bool) -> Outcome {
    match (user.name.as_str(), user.groups.as_slice()) {
        ("", []) => Outcome::warned(format!(
            "aws-auth maps the role without a username and without groups ({by}): no Role can be bound to the runner."
        ))
        .compare("a username in the line", "none"),
        ("", groups) => Outcome::passed(format!(
            "aws-auth maps the role without a username ({by}): the runner has the permissions of its groups, {}.",
            groups.join(", ")
        )),
        _ if !has_session => Outcome::passed(format!("aws-auth maps the role ({by}).")),
        (name, groups) => Outcome::passed(format!(
            "aws-auth maps the role to the user {name:?} with {} ({by}).",
            match groups {
                [] => "no groups".to_owned(),
                groups => format!("the groups {}", groups.join(", ")),
            }
        )),
    }
}

/// Returns the outcome if no line has the role.
fn absent_line_outcome(auth: &AwsAuth, role: &RoleArn) -> Outcome {
    match auth.broken() {
        [] => Outcome::failed(format!(
            "The cluster's authentication mode is CONFIG_MAP, but its aws-auth does not map {role}."
        ))
        .compare("a line of mapRoles for the role", "none"),
        broken => {
            let places = broken
                .iter()
                .map(|(key, error)| format!("{key} cannot be read ({error})"));
            let places = places.collect::<Vec<_>>().join(", ");
            Outcome::failed(format!(
                "In aws-auth, {places}. The cluster ignores a list that it cannot parse, and no other entry maps {role}."
            ))
            .compare("a line of mapRoles for the role", places)
        }
    }
}
