//! The check `role-exists`.

use super::runner_identity::runner_identity;
use crate::access::cause::{Cause, RunnerCause};
use crate::access::check::{Category, CheckInfo, ROLE_ARN};
use crate::access::check_error::CheckError;
use crate::access::checks::{Check, aws_credentials};
use crate::access::fix::{Fix, RoleTrust};
use crate::access::outcome::{Outcome, Status};
use crate::access::run::Run;
use crate::access::settings::CheckSetting;
use crate::access::trust::Member;
use crate::runner::RoleArn;

pub(in crate::access::checks) static CHECK: Check = Check::new(
    CheckInfo {
        id: "role-exists",
        title: "The IAM role exists",
        category: Category::Iam,
        attribute: ROLE_ARN,
        caller_needs: &[aws_credentials::CHECK.id()],
        runner_needs: &[aws_credentials::CHECK.id()],
    },
    |run| Box::pin(check(run)),
)
.calls(CheckSetting::AWS)
// The role that the fix creates trusts the issuer.
.uses(&[CheckSetting::OidcIssuer])
.look_ahead(|run| Box::pin(async { drop(run.iam_role().await) }));

async fn check(run: &Run<'_>) -> Result<Outcome, CheckError> {
    let expected = run.role()?.to_string();
    // The credentials come from the STS of the cluster's region, so its partition is the caller's.
    let identity = run.identity().await?;
    if identity.partition() != run.role()?.partition {
        return other_partition_outcome(run, identity.partition());
    }
    run.same_account().await?;
    match run.iam_role().await {
        Ok(role) if role.arn == expected => Ok(Outcome::passed(format!("{expected} exists."))),
        Ok(role) => Ok(Outcome::failed(format!(
            "IAM role {expected} does not exist. A role with that name exists under a different path: {}.",
            role.arn
        ))
        .compare(expected.as_str(), role.arn.as_str())
        .fix(
            run.runner_cause(RunnerCause::RoleArn),
            Fix::set_auth(run.settings().frontend, "role_arn", &role.arn),
        )),
        Err(error) if error.is_not_found() => missing_role_outcome(run),
        Err(error) => Err(error),
    }
}

/// Returns the outcome for a role outside the partition of the cluster's region.
fn other_partition_outcome(run: &Run<'_>, partition: &str) -> Result<Outcome, CheckError> {
    let role = run.role()?;
    let corrected = RoleArn {
        partition: partition.to_owned(),
        ..role.clone()
    };
    Ok(Outcome::failed(format!(
        "The role and the cluster are in different AWS partitions: {role} is not in {partition}, the partition of \
         region {}.",
        run.region()?
    ))
    .compare(corrected.to_string(), role.to_string())
    .fix(
        run.runner_cause(RunnerCause::RoleArn),
        Fix::set_auth(run.settings().frontend, "role_arn", corrected.to_string()),
    ))
}

/// Returns the outcome for a role that does not exist. Its fix creates the role, if the trust policy is known.
fn missing_role_outcome(run: &Run<'_>) -> Result<Outcome, CheckError> {
    let role = run.role()?.clone();
    let outcome = Outcome::failed(format!("IAM role {role} does not exist."))
        .compare(role.to_string(), "not found")
        .not_yet();
    let Ok(who) = runner_identity(run) else {
        return Ok(outcome);
    };
    let trust = RoleTrust {
        member: Member::Token(who),
        role: role.clone(),
        current: None,
        frontend: run.settings().frontend,
    };
    Ok(outcome.fix(Cause::MissingRole(role), Fix::trust(trust)))
}

/// Ends the check of something that is missing because the role is missing: it cannot be created before the role, and
/// the role's own check says everything there is to say.
pub(in crate::access::checks) async fn require_role(run: &Run<'_>) -> Result<(), CheckError> {
    if run.same_account().await.is_err() {
        return Ok(());
    }
    match check(run).await {
        Ok(found) if found.status == Status::Failed => Err(run.blocked_by(CHECK.id(), found).into()),
        _ => Ok(()),
    }
}
