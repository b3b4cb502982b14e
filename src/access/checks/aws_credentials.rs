//! The check `aws-credentials`.

use super::Check;
use crate::access::aws::AwsError;
use crate::access::cause::Cause;
use crate::access::check::{CLUSTER_NAME, Category, CheckInfo};
use crate::access::check_error::CheckError;
use crate::access::outcome::Outcome;
use crate::access::render::shell::ShellCommand;
use crate::access::run::Run;
use crate::access::settings::CheckSetting;

pub(super) static CHECK: Check = Check::new(
    CheckInfo {
        id: "aws-credentials",
        title: "AWS accepts the caller's credentials",
        category: Category::Identity,
        attribute: CLUSTER_NAME,
        caller_needs: &[],
        runner_needs: &[],
    },
    |run| Box::pin(check(run)),
)
.calls(CheckSetting::AWS);

async fn check(run: &Run<'_>) -> Result<Outcome, CheckError> {
    let error = match run.identity().await {
        Ok(identity) => {
            return Ok(Outcome::passed(format!(
                "The caller is {}, in account {}.",
                identity.arn, identity.account
            )));
        }
        Err(CheckError::Aws(error)) => error,
        Err(other) => return Err(other),
    };
    let has_token = run.as_runner() && run.settings().web_identity_token_file.is_some();
    Ok(match error {
        AwsError::NoCredentials if has_token => Outcome::not_applicable(
            "The runner's role is assumed with the web identity token: the caller has no AWS \
             credentials of its own and needs none.",
        ),
        // For example credentials that have expired.
        error if run.is_exchanged().await => Outcome::not_applicable(format!(
            "The runner's role is assumed with the web identity token: the caller's own AWS credentials are not \
             needed. They do not work: {}.",
            error.to_string().trim_end_matches('.')
        )),
        AwsError::NoCredentials => no_credentials(),
        error @ AwsError::BadCredentials(_) => error.outcome().fix(Cause::BadCredentials, call_to_repair(run)?),
        other => other.outcome(),
    })
}

/// Returns the outcome without credentials, which names a profile of the environment that has none.
fn no_credentials() -> Outcome {
    let outcome = AwsError::NoCredentials.outcome();
    match std::env::var("AWS_PROFILE") {
        Ok(profile) if !profile.is_empty() => Outcome {
            message: format!(
                "{} The profile {profile:?} in AWS_PROFILE does not exist or has no credentials.",
                outcome.message
            ),
            ..outcome
        },
        _ => outcome,
    }
}

/// Returns the call of STS that must succeed with the caller's credentials.
fn call_to_repair(run: &Run<'_>) -> Result<ShellCommand, CheckError> {
    let settings = run.settings();
    let with_profile = |command: ShellCommand| match &settings.profile {
        Some(profile) => command.option("--profile", profile),
        None => command,
    };
    let call = match &settings.assume_role {
        Some(role) => {
            let session = role.session_name.as_deref().unwrap_or("check");
            let call = ShellCommand::new("aws sts assume-role")
                .option("--role-arn", &role.role_arn)
                .option("--role-session-name", session);
            match &role.external_id {
                Some(id) => call.option("--external-id", id),
                None => call,
            }
        }
        None => ShellCommand::new("aws sts get-caller-identity"),
    };
    let login = with_profile(ShellCommand::new("aws sso login")).to_string();
    Ok(with_profile(call.option("--region", run.region()?))
        .comment(&format!("must succeed; `{}` renews an SSO session", login.trim_end())))
}
