//! The check `access-entry`: the cluster admits a session of the role, by an access entry or by `aws-auth`.

use super::aws_auth_mapping::{aws_auth_outcome, judge_mapping};
use super::entry::{self, EntryJudgment, entry_cause, judge_entry};
use crate::access::aws::{AwsError, Signer};
use crate::access::check::{Category, CheckId, CheckInfo, ROLE_ARN};
use crate::access::check_error::CheckError;
use crate::access::checks::role::role_exists::require_role;
use crate::access::checks::{Check, cluster_active};
use crate::access::kubernetes::KubeError;
use crate::access::kubernetes::aws_auth::{AwsAuth, Mapping};
use crate::access::outcome::Outcome;
use crate::access::run::Run;
use crate::access::settings::CheckSetting;

pub(in crate::access::checks) static CHECK: Check = Check::new(
    CheckInfo {
        id: "access-entry",
        title: "The cluster maps the role to a Kubernetes user",
        category: Category::Cluster,
        attribute: ROLE_ARN,
        caller_needs: &[cluster_active::CHECK.id()],
        runner_needs: &[cluster_active::CHECK.id()],
    },
    |run| Box::pin(check(run)),
)
.calls(CheckSetting::CLUSTER)
.look_ahead(|run| Box::pin(async { drop(run.access_entry().await) }));

/// Returns whether the cluster admits the runner.
///
/// In mode `API_AND_CONFIG_MAP`, EKS looks up an entry first, and a line of `aws-auth` only if it has no entry for this
/// very role (`doMapping` of aws-iam-authenticator): an entry for nodes refuses the runner whatever `aws-auth` contains,
/// and with an entry that was created for a deleted role of the same name, `aws-auth` decides.
///
/// In a run as the runner, the cluster's own response decides: what it returns to the runner about itself proves that it
/// maps the role, whatever the caller can see of it.
async fn check(run: &Run<'_>) -> Result<Outcome, CheckError> {
    let outcome = outcome_from_outside(run).await.unwrap_or_else(Outcome::from);
    if outcome.is_good() {
        return Ok(outcome);
    }
    Ok(match run.accepted_as().await {
        Some(user) if user.name.is_empty() => {
            Outcome::passed("The cluster accepts the runner as a user without a fixed name.")
        }
        Some(user) => Outcome::passed(format!("The cluster accepts the runner as the user {}.", user.name)),
        None => outcome,
    })
}

/// Returns what EKS and `aws-auth` say about the role.
async fn outcome_from_outside(run: &Run<'_>) -> Result<Outcome, CheckError> {
    let cluster = run.eks_cluster().await?;
    if !cluster.has_access_entries() {
        return aws_auth_outcome(run).await;
    }
    let refused = match run.access_entry().await {
        Ok(entry) => match judge_entry(run, &entry).await? {
            EntryJudgment::Decided(outcome) => return Ok(outcome),
            EntryJudgment::ForDeletedRole(outcome) => outcome,
        },
        Err(CheckError::Aws(AwsError::NotFound { .. })) => missing_entry_outcome(run).await?,
        // The documented role has no permission to read its own entry, and the Orchestrator does not read it.
        Err(CheckError::Aws(AwsError::Denied { action, .. }))
            if run.settings().runs(CheckId::API_SERVER) && matches!(run.entry_signer().await?, Signer::Runner(_)) =>
        {
            return Ok(Outcome::not_applicable(format!(
                "The runner has no permission for {action} and does not need it: api-server verifies that the \
                 cluster accepts it."
            )));
        }
        Err(error) => return Err(error),
    };
    if !cluster.reads_aws_auth() {
        return Ok(refused);
    }
    match run.aws_auth().await {
        Ok(auth) => outcome_beside_entries(run, &auth, refused),
        // The cluster has refused the runner itself.
        Err(CheckError::Kube(error)) if run.as_runner() && error.is_unauthorized() => Ok(refused),
        Err(CheckError::Kube(error)) => Ok(unread_aws_auth_outcome(run, error, refused)),
        Err(error) => {
            let early = Outcome::from(error);
            Ok(Outcome {
                remedy: refused.remedy,
                message: format!("{} {}", refused.message, early.message),
                ..early
            })
        }
    }
}

/// Returns the outcome for a role without an entry.
async fn missing_entry_outcome(run: &Run<'_>) -> Result<Outcome, CheckError> {
    require_role(run).await?;
    let arn = run.role()?;
    Ok(Outcome::failed(format!("The cluster has no access entry for {arn}."))
        .compare(format!("an access entry of type STANDARD for {arn}"), "none")
        .fix(entry_cause(run)?, entry::create(run)?)
        .not_yet())
}

/// Returns the outcome for a role that no entry admits, in a cluster that reads `aws-auth` as well.
fn outcome_beside_entries(run: &Run<'_>, auth: &AwsAuth, refused: Outcome) -> Result<Outcome, CheckError> {
    let (role, session) = (run.role()?, run.subject.session());
    let session = session.as_ref().map(|(name, _)| name.as_str());
    let mapping = auth.map(role, session.unwrap_or_default());
    let found = judge_mapping(&mapping, auth, role, session);
    Ok(match mapping {
        Mapping::Absent { with_path: None } if auth.broken().is_empty() => refused,
        _ if found.is_good() => Outcome {
            message: format!("{} {}", refused.message, found.message),
            // An entry would give the runner a name of its own.
            remedy: refused.remedy.filter(|_| found.comparison.is_some()),
            ..found
        },
        _ => Outcome {
            message: format!("{} {}", refused.message, found.message),
            ..refused
        },
    })
}

/// Returns the outcome for a role without an entry while `aws-auth` cannot be read.
fn unread_aws_auth_outcome(run: &Run<'_>, error: KubeError, refused: Outcome) -> Outcome {
    let early = crate::access::checks::not_read(run, "aws-auth", error.into());
    Outcome {
        message: format!(
            "{} A line in aws-auth would also work. {}",
            refused.message, early.message
        ),
        remedy: refused.remedy,
        retryable: true,
        ..early
    }
}
