//! `job-dry-run`: the cluster's admission of the Orchestrator's Job, tried without keeping it.

use super::namespace::{cluster, missing_service_account};
use super::rbac::CREATE_JOBS;
use crate::access::check::Outcome;
use crate::access::kubernetes::job::pod_of;
use crate::access::kubernetes::{Admitted, Cluster, KubeError};
use crate::access::run::Run;
use crate::access::setup::{kubectl_apply, namespace_yaml};

/// `job-dry-run`
///
/// Pod Security and quotas look at pods, not at Jobs, so the pod is tried as well: as the Job
/// controller, which will make it. Only a caller who may impersonate can do that.
pub(super) async fn job(run: &Run<'_>) -> Result<Outcome, Outcome> {
    let (job, namespace) = (run.job()?, run.namespace()?);
    let path = format!("/apis/batch/v1/namespaces/{namespace}/jobs");
    let cluster = cluster(run).await?;
    if run.as_runner() {
        let tried = cluster.try_create(&path, &job, None).await;
        return judge(run, "Job", tried).map(|outcome| match outcome.is_good() {
            true => Outcome {
                message: format!(
                    "{} Its pod cannot be tried as the runner; as = \"caller\" does that.",
                    outcome.message
                ),
                ..outcome
            },
            false => outcome,
        });
    }

    let user = run.user().await?;
    if !matches!(
        cluster
            .may(Some(&user), &CREATE_JOBS.access(namespace))
            .await,
        Ok(true)
    ) {
        return Err(Outcome::skipped(
            "The role may create Jobs by an EKS access policy, not by RBAC, so that its user cannot be impersonated for \
             this. With `as = \"runner\"` it is tried as the runner itself.",
        ));
    }
    let pods = format!("/api/v1/namespaces/{namespace}/pods");
    let (pod, controller) = (pod_of(&job), Cluster::job_controller());
    let (tried_job, tried_pod) = tokio::join!(
        cluster.try_create(&path, &job, Some(&user)),
        cluster.try_create(&pods, &pod, Some(&controller)),
    );
    let of_job = judge(run, "Job", tried_job)?;
    if !of_job.is_good() {
        return Ok(of_job);
    }
    let of_pod = judge(run, "Job's pod", tried_pod).unwrap_or_else(|early| early);
    Ok(match of_pod.status {
        crate::access::check::Status::Skipped => Outcome {
            message: format!(
                "{} Its pod could not be tried, so that Pod Security and quotas were not. {}",
                of_job.message, of_pod.message
            ),
            ..of_job
        },
        _ if of_pod.is_good() => Outcome {
            message: format!("{} So is its pod.", of_job.message),
            ..of_job
        },
        _ => of_pod,
    })
}

/// What a try comes to.
fn judge(
    run: &Run<'_>,
    what: &str,
    tried: Result<Admitted, KubeError>,
) -> Result<Outcome, Outcome> {
    let error = match tried {
        Ok(Admitted { warnings }) if warnings.is_empty() => {
            return Ok(Outcome::passed(format!(
                "The cluster admits the Orchestrator's {what}."
            )));
        }
        Ok(Admitted { warnings }) => {
            return Ok(Outcome::warned(format!(
                "The cluster admits the Orchestrator's {what}, and warns: {}.",
                warnings.join("; ")
            )));
        }
        Err(error) => error,
    };
    let KubeError::Status { code, message } = &error else {
        return Ok(Outcome::skipped(format!("Not found out: {error}.")));
    };
    let namespace = run.namespace()?;
    let refused = || {
        Outcome::failed(format!(
            "The cluster refuses the Orchestrator's {what}: {message}"
        ))
    };
    let cause = format!("job-dry-run:{}:{namespace}:{message}", run.cluster_name()?);
    Ok(match refusal(*code, message) {
        Refusal::MayNotImpersonate => Outcome::skipped(format!(
            "The caller may not impersonate the runner's user, so the {what} cannot be tried as it: {message}."
        )),
        Refusal::NoDryRun => Outcome::skipped(format!("The {what} cannot be tried: {message}.")),
        Refusal::Unknown => Outcome::skipped(format!("Not found out: {error}.")),
        Refusal::NoServiceAccount => missing_service_account(run)?,
        Refusal::NoNamespace => refused()
            .fix(
                format!("namespace:{}:{namespace}", run.cluster_name()?),
                kubectl_apply(&namespace_yaml(namespace)),
            )
            .not_yet(),
        Refusal::PodSecurity => refused().fix(
            cause,
            "# Change what pod_template asks for, or what the namespace allows:\n".to_owned()
                + &format!("kubectl label namespace {namespace} --overwrite pod-security.kubernetes.io/enforce=baseline\n"),
        ),
        Refusal::Quota => refused().fix(
            cause,
            format!("kubectl describe resourcequota -n {namespace}   # then raise it\n"),
        ),
        Refusal::Invalid => refused().fix(
            cause,
            "# job.pod_template makes an invalid Job: mend the field that the message names.\n",
        ),
        Refusal::Other => Outcome {
            cause: Some(cause.into()),
            ..refused()
        }
        .retryable(),
    })
}

/// Why the API refused an object.
#[derive(Debug, PartialEq, Eq)]
enum Refusal {
    MayNotImpersonate,
    NoDryRun,
    NoServiceAccount,
    NoNamespace,
    PodSecurity,
    Quota,
    Invalid,
    /// Something else refused: a webhook, a policy.
    Other,
    /// It is not about the object: the API is busy or broken, or does not know who asks.
    Unknown,
}

/// Reads a refusal. The texts are those of kube-apiserver and its admission plugins.
fn refusal(code: u16, message: &str) -> Refusal {
    match code {
        403 if message.contains("cannot impersonate resource") => Refusal::MayNotImpersonate,
        403 if message.contains("error looking up service account") => Refusal::NoServiceAccount,
        403 if message.contains("violates PodSecurity") => Refusal::PodSecurity,
        403 if message.contains("exceeded quota") || message.contains("failed quota") => {
            Refusal::Quota
        }
        400 if message.contains("does not support dry run") => Refusal::NoDryRun,
        _ if message.contains("denied the request") => Refusal::Other,
        404 => Refusal::NoNamespace,
        400 | 422 => Refusal::Invalid,
        401 | 429 | 503 | 504 => Refusal::Unknown,
        _ => Refusal::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_api_server_s_texts_are_told_apart() {
        for (code, message, expected) in [
            (
                403,
                r#"users "x" is forbidden: User "me" cannot impersonate resource "users" in API group "" at the cluster scope"#,
                Refusal::MayNotImpersonate,
            ),
            (
                403,
                r#"pods "x" is forbidden: error looking up service account ns/sa: serviceaccount "sa" not found"#,
                Refusal::NoServiceAccount,
            ),
            (
                403,
                r#"pods "x" is forbidden: violates PodSecurity "restricted:latest": privileged"#,
                Refusal::PodSecurity,
            ),
            (
                403,
                r#"pods "x" is forbidden: exceeded quota: q, requested: pods=1, used: pods=1, limited: pods=1"#,
                Refusal::Quota,
            ),
            (
                403,
                r#"jobs.batch "x" is forbidden: failed quota: q: must specify limits.cpu"#,
                Refusal::Quota,
            ),
            (
                403,
                r#"jobs.batch is forbidden: User "u" cannot create resource "jobs""#,
                Refusal::Other,
            ),
            (404, r#"namespaces "ns" not found"#, Refusal::NoNamespace),
            (
                422,
                r#"Job.batch "x" is invalid: spec.template"#,
                Refusal::Invalid,
            ),
            (
                400,
                r#"admission webhook "w" does not support dry run"#,
                Refusal::NoDryRun,
            ),
            (
                400,
                r#"admission webhook "w" denied the request: no"#,
                Refusal::Other,
            ),
            (500, "failed calling webhook", Refusal::Other),
            (503, "busy", Refusal::Unknown),
        ] {
            assert_eq!(refusal(code, message), expected, "{message}");
        }
    }
}
