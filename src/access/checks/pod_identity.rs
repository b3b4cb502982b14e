//! The check `pod-identity`.

mod agent;
mod association;
pub(super) mod proxy;
mod role;
mod service_account_role;

use super::findings::{self, CheckProblem, Findings};
use super::{Check, pod_template_refs, service_account};
use crate::access::cause::{Cause, ClusterCause, RunnerCause};
use crate::access::check::{Category, CheckInfo};
use crate::access::check_error::CheckError;
use crate::access::fix::Fix;
use crate::access::objects::ROLE_ANNOTATION;
use crate::access::outcome::{Outcome, Status};
use crate::access::run::{CredentialSource, NotRead, PodAws, Run};
use crate::access::settings::CheckSetting;
use crate::runner::StateStorage;

pub(super) static CHECK: Check = Check::new(
    CheckInfo {
        id: "pod-identity",
        title: "The Job gets the AWS identity of its service account",
        category: Category::Kubernetes,
        attribute: &["runner_configuration", "job", "service_account"],
        caller_needs: &[service_account::CHECK.id()],
        runner_needs: &[service_account::CHECK.id()],
    },
    |run| Box::pin(check(run)),
)
.calls(CheckSetting::CLUSTER)
.only_warns_for(|subject| {
    let storage = subject.storage.get();
    storage.is_some_and(|storage| storage.bucket_in_s3().is_none())
})
.look_ahead(|run| Box::pin(look_ahead(run)));

/// Looks up what the check needs if the Job's service account has an association.
async fn look_ahead(run: &Run<'_>) {
    let Ok(Some(association)) = run.pod_identity_association().await else {
        return;
    };
    let Ok(cluster) = run.entry_cluster().await else {
        return;
    };
    let role = async {
        if let Ok(role) = association.role_arn.parse() {
            let _ = run.aws().role(&cluster.region, &role).await;
        }
    };
    let profiles = run.aws().fargate_profiles(&cluster);
    let _ = tokio::join!(role, profiles);
}

async fn check(run: &Run<'_>) -> Result<Outcome, CheckError> {
    if let Err(error) = run.job() {
        return Ok(without_job(run, error.into()));
    }
    let pod = match run.pod_aws().await {
        Ok(pod) => pod,
        Err(NotRead { object, error }) => return Ok(super::not_read(run, &object, error)),
    };
    let findings: Findings = match &pod.identity {
        CredentialSource::Association(found) => association::check(run, found).await?,
        CredentialSource::ServiceAccountRole { role_arn, audience } => {
            service_account_role::check(run, role_arn, audience).await?
        }
        CredentialSource::Own { from, .. } => {
            return Ok(Outcome::not_applicable(format!(
                "The Job's AWS credentials come from {from} in pod_template."
            )));
        }
        CredentialSource::Node { because: None } => {
            return Ok(Outcome::not_applicable(format!(
                "The Job has no AWS identity of its own: service account {:?} has neither a Pod Identity association \
                 nor the annotation {ROLE_ANNOTATION}.",
                run.service_account()?
            )));
        }
        CredentialSource::Node { because: Some(because) } => return Ok(ignored(run, because)),
    };
    outcome(run, &pod, findings)
}

/// Returns the outcome if there is no Job to check. A check that needs nothing else reports the failure.
fn without_job(run: &Run<'_>, outcome: Outcome) -> Outcome {
    if outcome.status != Status::Failed {
        return outcome;
    }
    let outcome = run.blocked_by(pod_template_refs::CHECK.id(), outcome);
    let storage = run.subject.storage.get();
    if storage.is_some_and(|storage| storage.bucket_in_s3().is_none()) {
        outcome.only_warning()
    } else {
        outcome
    }
}

/// Returns the outcome for a pod that EKS does not give the identity of its service account.
fn ignored(run: &Run<'_>, because: &str) -> Outcome {
    Outcome::warned(format!(
        "{because} The Job then has the role of its node, if it reaches the instance's metadata service."
    ))
    .compare("the AWS identity of the service account", "none")
    .fix(
        run.runner_cause(RunnerCause::IdentityIgnored),
        Fix::note("Remove it from job.pod_template, or set every variable of the credentials there."),
    )
}

/// Returns the cause of an identity of the service account that does not work, for all of its pods.
///
/// # Errors
/// If the namespace or the service account is unknown.
pub(super) fn cause(run: &Run<'_>) -> Result<Cause, CheckError> {
    Ok(run.cluster_cause(ClusterCause::PodIdentity {
        namespace: run.namespace()?.to_owned(),
        service_account: run.service_account()?.to_owned(),
    }))
}

/// Returns the outcome that follows from all findings. An identity that cannot work fails where the state is kept in S3,
/// because OpenTofu then has no credentials. With any other storage the Job starts, and AWS calls of its modules fail.
fn outcome(run: &Run<'_>, pod: &PodAws, findings: Findings) -> Result<Outcome, CheckError> {
    let Findings {
        good,
        broken,
        doubtful,
        has_own_doubt,
        unknown,
    } = findings;
    if !broken.is_empty() {
        let message = CheckProblem::messages(&broken);
        let (expected, found) = CheckProblem::comparison(&broken);
        let outcome = match run.subject.storage.get().and_then(StateStorage::bucket_in_s3) {
            Some(_) => pod.unless_other_program(Outcome::failed(message)),
            _ => Outcome::warned(format!(
                "{message} AWS calls of the Job's modules fail. The state is not affected, because it is not kept in S3."
            )),
        };
        return Ok(outcome
            .compare(expected, found)
            .fix(cause(run)?, CheckProblem::fixes(broken))
            .not_yet());
    }
    let doubts = doubtful.iter().map(|problem| problem.message.clone());
    if let Some(outcome) = findings::unknown(&unknown, doubts) {
        return Ok(outcome);
    }
    if !doubtful.is_empty() {
        let (expected, found) = CheckProblem::comparison(&doubtful);
        let cause = if has_own_doubt {
            run.runner_cause(RunnerCause::AgentProxy)
        } else {
            cause(run)?
        };
        return Ok(Outcome::warned(CheckProblem::messages(&doubtful))
            .compare(expected, found)
            .fix(cause, CheckProblem::fixes(doubtful))
            .not_yet());
    }
    Ok(Outcome::passed(good.join(" ")))
}
