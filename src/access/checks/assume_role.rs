//! The check `assume-role`.

mod sts_region;

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::{Check, session_name};
use crate::access::aws::AwsError;
use crate::access::cause::Cause;
use crate::access::check::{Category, CheckInfo, ROLE_ARN};
use crate::access::check_error::CheckError;
use crate::access::fix::Fix;
use crate::access::outcome::Outcome;
use crate::access::render::aws_cli;
use crate::access::render::shell::{ShellCommand, Word};
use crate::access::run::Run;
use crate::access::settings::{CheckSetting, Identity};

pub(super) static CHECK: Check = Check::new(
    CheckInfo {
        id: "assume-role",
        title: "The runner's role can be assumed",
        category: Category::Identity,
        attribute: ROLE_ARN,
        caller_needs: &[session_name::CHECK.id()],
        runner_needs: &[session_name::CHECK.id()],
    },
    |run| Box::pin(check(run)),
)
.calls(CheckSetting::AWS)
.without_calls(not_applicable);

/// Returns the outcome if the checks do not assume the role, and the Orchestrator calls the STS of the cluster's region.
fn not_applicable(run: &Run<'_>) -> Option<Outcome> {
    let has_no_calls = !run.as_runner() && sts_region::other_region(run).is_none();
    has_no_calls.then(|| as_caller(run))
}

/// Returns the outcome if the checks do not assume the role.
fn as_caller(run: &Run<'_>) -> Outcome {
    Outcome::not_applicable(format!(
        "The checks run as the caller. To assume the role, use `{}`.",
        run.name(CheckSetting::Identity(Identity::Runner))
    ))
}

async fn check(run: &Run<'_>) -> Result<Outcome, CheckError> {
    if let Some(region) = sts_region::other_region(run) {
        if let Some(outcome) = sts_region::other_partition(run, region)? {
            return Ok(outcome);
        }
        if !run.as_runner() {
            sts_region::responds(run, region).await?;
            return Ok(as_caller(run));
        }
    }
    let session = run.session()?;
    let error = match run.aws().session(&session).await {
        Ok(_) => {
            return Ok(Outcome::passed(format!(
                "{} was assumed as {:?}.",
                session.role_arn, session.name
            )));
        }
        Err(error) => error,
    };
    match run.settings().web_identity_token_file {
        Some(_) => token_refused(run, error),
        None => Ok(not_assumed(run, error).await),
    }
}

/// Returns the outcome if `sts:AssumeRoleWithWebIdentity` returned no credentials.
///
/// The Orchestrator would get the same refusal of a token, so it is a failure: STS's errors are `AccessDenied`,
/// `InvalidIdentityToken` (a wrong audience or signature, an unknown issuer), `ExpiredTokenException`,
/// `IDPRejectedClaim`, `IDPCommunicationError` (STS cannot read the issuer's keys), `RegionDisabledException`, and
/// `ValidationError` ("AssumeRoleWithWebIdentity" and "Common errors" in the API reference of STS). A file that cannot
/// be read, or an STS that cannot be reached, says nothing about the runner.
fn token_refused(run: &Run<'_>, error: AwsError) -> Result<Outcome, CheckError> {
    let (code, message) = match &error {
        AwsError::Denied { message, .. } => ("", message),
        AwsError::Refused { code, message, .. } => (code.as_str(), message),
        AwsError::TokenFile(_) => {
            return Ok(error.outcome().fix(
                Cause::TokenFile,
                Fix::note(run.words(
                    "Set web_identity_token_file to a file with an OIDC token of the Orchestrator's issuer.",
                    "Set --web-identity-token-file to a file with an OIDC token of the Orchestrator's issuer.",
                )),
            ));
        }
        _ => return Err(error.into()),
    };
    let role = run.role()?;
    let cause = Cause::TokenRefused(role.clone());
    let message = message.trim_end_matches('.');
    Ok(match code {
        "IDPCommunicationError" => Outcome::failed(format!(
            "STS refuses the web identity token, because it cannot read the keys of the token's issuer: {message}."
        ))
        .compare("an issuer that STS can reach from the internet", message)
        .fix(
            cause,
            Fix::note("This URL, and the jwks_uri in its response, must be reachable from the internet:").then_run(
                ShellCommand::new("curl").word(Word::code("<issuer of the token>/.well-known/openid-configuration")),
            ),
        )
        .retryable(),
        sts_region::DISABLED => sts_region::disabled(run)?,
        _ => Outcome::failed(format!("STS refuses the web identity token: {message}."))
            .compare("a token that the role's trust policy admits", message)
            .fix(
                cause,
                aws_cli::iam("aws iam get-role", &role.partition)
                    .option("--role-name", &role.name)
                    .option("--query", "Role.AssumeRolePolicyDocument")
                    .comment("compare aud and sub with the token's"),
            )
            // The same apply might create the role or the IAM OIDC provider, and STS does not see them at once ("Changes that
            // I make are not always immediately visible" in the IAM user guide).
            .not_yet(),
    })
}

/// Returns the outcome if the caller could not assume the role. A role that trusts the issuer alone, as it should,
/// admits no caller, so this says nothing about the runner.
///
/// A run waits only while the role is new: it takes some seconds until IAM's changes are visible everywhere ("Changes
/// that I make are not always immediately visible" in the IAM user guide), and a denial by an older role stays.
async fn not_assumed(run: &Run<'_>, error: AwsError) -> Outcome {
    let message = match error {
        AwsError::Denied { message, .. } => message,
        AwsError::Refused { code, .. } if code == sts_region::DISABLED && run.same_account().await.is_ok() => {
            return sts_region::disabled(run).unwrap_or_else(Outcome::from);
        }
        error => return error.outcome(),
    };
    let outcome = Outcome::incomplete(
        "no permission to assume the runner's role",
        format!(
            "The caller is not allowed to assume the role: {}. The caller needs sts:AssumeRole on it, and \
             the role's trust policy must name the caller; or {}.",
            message.trim_end_matches('.'),
            run.words("set web_identity_token_file", "set --web-identity-token-file")
        ),
    );
    match run.iam_role().await {
        Ok(role) if is_new(role.created, SystemTime::now()) => outcome.retryable(),
        _ => outcome,
    }
}

/// How long a role or an access entry counts as new.
const NEW: Duration = Duration::from_secs(300);

/// Returns whether an object is new that was created at this second since 1970. The clocks of AWS and of this machine
/// might differ a little.
pub(super) fn is_new(created: i64, now: SystemTime) -> bool {
    let created = UNIX_EPOCH + Duration::from_secs(created.try_into().unwrap_or_default());
    now.duration_since(created).is_ok_and(|age| age < NEW) || created > now
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_role_is_new_for_some_minutes() {
        let now = UNIX_EPOCH + Duration::from_secs(1_000_000);
        for (created, expected) in [
            (1_000_000, true),
            (1_000_005, true),
            (999_800, true),
            (999_000, false),
            (-1, false),
        ] {
            assert_eq!(is_new(created, now), expected, "{created}");
        }
    }
}
