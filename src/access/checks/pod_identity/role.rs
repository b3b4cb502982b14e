//! A role of the Job, as far as the caller can read it.

use serde_json::Value;

use crate::access::check_error::CheckError;
use crate::access::checks::findings::{CheckProblem, Finding};
use crate::access::fix::{Fix, RoleTrust};
use crate::access::outcome::Outcome;
use crate::access::render::aws_cli;
use crate::access::run::Run;
use crate::access::trust::Member;
use crate::runner::RoleArn;

/// A role and its trust policy.
pub(super) struct JobRole {
    /// The ARN.
    pub(super) arn: RoleArn,
    /// The trust policy. `None` if the role does not exist.
    pub(super) trust_policy: Option<Value>,
    /// Why the role does not exist, if there is one with the same name.
    pub(super) other_path: Option<String>,
}

/// Looks a role up in the caller's account.
///
/// # Errors
/// The finding about a role that cannot be read.
pub(super) async fn look_up(run: &Run<'_>, arn: &str) -> Result<JobRole, Finding> {
    let arn = parse(arn)?;
    in_own_account(run, &arn).await?;
    let (trust_policy, other_path) = match run.aws().role(run.region()?, &arn).await {
        Ok(found) if found.arn == arn.to_string() => match &found.trust_policy {
            Ok(document) => (Some(document.clone()), None),
            Err(error) => {
                return Err(Finding::Unknown(Outcome::incomplete(
                    "an unreadable trust policy",
                    format!("Could not check: the trust policy of {arn} cannot be read: {error}."),
                )));
            }
        },
        Ok(found) => (None, Some(found.arn.clone())),
        Err(error) => match CheckError::from(error) {
            error if error.is_not_found() => (None, None),
            error => return Err(error.into()),
        },
    };
    Ok(JobRole {
        arn,
        trust_policy,
        other_path,
    })
}

/// Parses the ARN of a role.
///
/// # Errors
/// The finding about a text that is not the ARN of a role, which STS refuses.
pub(super) fn parse(arn: &str) -> Result<RoleArn, Finding> {
    arn.parse().map_err(|_| {
        Finding::Broken(CheckProblem {
            message: format!("{arn:?} is not the ARN of an IAM role."),
            expected: "the ARN of an IAM role".to_owned(),
            found: arn.to_owned(),
            fix: Fix::note("Use the whole ARN of the role, with its account and, if it has one, its path."),
        })
    })
}

/// Verifies that the caller is in the account of a role. Nobody can read a role from another account.
///
/// # Errors
/// The finding about a role that is in another account.
pub(super) async fn in_own_account(run: &Run<'_>, role: &RoleArn) -> Result<(), Finding> {
    let caller = run.identity().await?;
    if caller.account == role.account {
        return Ok(());
    }
    Err(Finding::Unknown(Outcome::incomplete(
        "a role of the Job is in another account",
        format!(
            "Could not check {role}: it is in account {}, but the caller ({}) is in account {}.",
            role.account, caller.arn, caller.account
        ),
    )))
}

impl JobRole {
    /// Returns the fix that makes the role admit someone, or that creates it.
    pub(super) fn trust(&self, run: &Run<'_>, member: Member) -> Fix {
        Fix::trust(RoleTrust {
            member,
            role: self.arn.clone(),
            current: self.trust_policy.clone(),
            frontend: run.settings().frontend,
        })
    }

    /// Returns the finding about a role that does not exist. `member` is the one that it should admit.
    pub(super) fn missing(&self, run: &Run<'_>, member: Member) -> Finding {
        let (message, found) = match &self.other_path {
            None => (
                format!("IAM role {}, which the Job needs, does not exist.", self.arn),
                "not found".to_owned(),
            ),
            Some(other) => (
                format!(
                    "IAM role {} does not exist. A role with that name exists under a different path: {other}.",
                    self.arn
                ),
                other.clone(),
            ),
        };
        let fix = match &self.other_path {
            None => self.trust(run, member),
            Some(other) => Fix::note(format!("Use {other} instead of {}.", self.arn)),
        };
        Finding::Broken(CheckProblem {
            message,
            expected: self.arn.to_string(),
            found,
            fix,
        })
    }

    /// Returns the fix for a statement of the trust policy that denies.
    pub(super) fn without_deny(&self, element: &str) -> Fix {
        Fix::note(format!(
            "{element}: remove the statement from the trust policy, or exclude the Job from it:"
        ))
        .then_run(
            aws_cli::iam("aws iam get-role", &self.arn.partition)
                .option("--role-name", &self.arn.name)
                .option("--query", "Role.AssumeRolePolicyDocument"),
        )
    }
}

/// Returns the finding about a trust policy that cannot be evaluated.
pub(super) fn not_evaluated(role: &RoleArn, what: &str) -> Finding {
    Finding::Unknown(Outcome::incomplete(
        "a trust policy that cannot be evaluated from outside",
        format!("Could not check whether the trust policy of {role} admits the Job: {what}."),
    ))
}
