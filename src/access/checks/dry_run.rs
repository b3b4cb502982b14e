//! `job-dry-run`: the cluster's admission of the Orchestrator's Job and its pod, tried without keeping them.

mod quota;
mod refusal;
mod variables;

use serde_json::Value;

use self::refusal::{Refusal, refusal, sufficient_level};
use super::namespace::{cluster, missing_service_account, terminating};
use super::rbac::{CREATE_JOBS, Granted, by_access_policy};
use crate::access::check::Outcome;
use crate::access::kubernetes::job::{MAIN, pod_of, stable_message};
use crate::access::kubernetes::user::User;
use crate::access::kubernetes::{Cluster, KubeError};
use crate::access::run::Run;
use crate::access::setup::{kubectl_apply, namespace_yaml};

/// What is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Tried {
    Job,
    Pod,
}

impl Tried {
    fn name(self) -> &'static str {
        match self {
            Self::Job => "Job",
            Self::Pod => "Job's pod",
        }
    }
}

/// `job-dry-run`
///
/// Pod Security, quotas and most policies judge pods and not Jobs, so the pod is tried as well: the one that the Job
/// controller creates for the Job as the API admitted it, and as that controller. Only a caller who is allowed to
/// impersonate can do that.
pub(super) async fn job(run: &Run<'_>) -> Result<Outcome, Outcome> {
    let (job, namespace) = (run.job()?, run.namespace()?);
    let cluster = cluster(run).await?;
    let user = impersonated(run).await?;
    let path = format!("/apis/batch/v1/namespaces/{namespace}/jobs");
    let admitted = match cluster.try_create(&path, &job, user.as_ref()).await {
        Ok(admitted) => admitted,
        Err(error) => {
            if user.is_some() {
                not_by_policy(run, &error).await?;
            }
            return refused(run, &job, Tried::Job, &error);
        }
    };
    let mut notes = Vec::new();
    if admitted.object["spec"]["suspend"] == true {
        notes.push(
            "Admission suspends the Job. If nothing resumes it in time, the Orchestrator reports the deployment as \
             stuck."
                .to_owned(),
        );
    }
    let mut warnings = admitted.warnings;
    if user.is_some() {
        let (path, pod) = (run.namespaced("/pods")?, pod_of(&admitted.object));
        let controller = Cluster::job_controller();
        match cluster.try_create(&path, &pod, Some(&controller)).await {
            Ok(admitted) => warnings.extend(admitted.warnings),
            Err(error) => return refused(run, &job, Tried::Pod, &error),
        }
    }
    warnings.sort();
    warnings.dedup();
    notes.extend(warnings.iter().map(|warning| {
        format!(
            "The cluster warns: {}.",
            stable_message(warning, &job).trim_end_matches('.')
        )
    }));
    let template = run.subject.pod_template.get().and_then(Option::as_ref);
    let runner_id = run.subject.runner_id.get().map(String::as_str);
    notes.extend(variables::overridden(template, runner_id));

    let admits = match user {
        Some(_) => "The cluster admits the Orchestrator's Job and its pod.".to_owned(),
        None => format!(
            "The cluster admits the Orchestrator's Job. The runner is not allowed to try the Job's pod, so Pod \
             Security, quotas and policies for pods are not part of this; `{}` checks them.",
            run.words("as = \"caller\"", "--as caller")
        ),
    };
    Ok(match notes.is_empty() {
        true => Outcome::passed(admits),
        false => Outcome::warned(format!("{admits} {}", notes.join(" "))),
    })
}

/// The user as which the Job is tried; `None` as the runner itself.
async fn impersonated(run: &Run<'_>) -> Result<Option<User>, Outcome> {
    if run.as_runner() {
        return Ok(None);
    }
    let user = run.user().await?;
    if user.name.is_empty() {
        return Err(Outcome::incomplete(
            "a user without a fixed name cannot be impersonated",
            format!(
                "The cluster gives the runner no fixed user name, so its user cannot be impersonated for this check. \
                 With `{}` the runner itself tries the Job.",
                run.words("as = \"runner\"", "--as runner")
            ),
        ));
    }
    Ok(Some(user))
}

/// Ends the check where the impersonated user has no right to create Jobs, and the role has it, or might have it, by
/// an EKS access policy: such a policy grants by principal, and not by the name that is impersonated.
async fn not_by_policy(run: &Run<'_>, error: &KubeError) -> Result<(), Outcome> {
    let KubeError::Status { code, message } = error else {
        return Ok(());
    };
    if refusal(*code, message) != Refusal::NoRight {
        return Ok(());
    }
    match by_access_policy(run, run.namespace()?, &CREATE_JOBS).await? {
        Granted::No => Ok(()),
        Granted::Unknown(why) => Err(Outcome::incomplete(
            "the rights of an EKS access policy are unknown",
            format!("By RBAC, the runner's user has no right to create Jobs: {message}. {why}"),
        )),
        Granted::By(policy) => Err(Outcome::incomplete(
            "the role's rights come from an EKS access policy, which cannot be impersonated",
            format!(
                "The role is allowed to create Jobs by the EKS access policy {policy} and not by RBAC, so its user \
                 cannot be impersonated for this check. With `{}` the runner itself tries the Job.",
                run.words("as = \"runner\"", "--as runner")
            ),
        )),
    }
}

/// Returns what a refusal comes to.
fn refused(
    run: &Run<'_>,
    job: &Value,
    tried: Tried,
    error: &KubeError,
) -> Result<Outcome, Outcome> {
    let what = tried.name();
    let KubeError::Status { code, message } = error else {
        return Ok(super::not_checked(run, "create the Job", error));
    };
    let message = &stable_message(message, job);
    let namespace = run.namespace()?;
    let found = Outcome::failed(format!(
        "The cluster refuses the Orchestrator's {what}: {message}"
    ))
    .compare("admitted", format!("refused with status {code}"));
    let cause = format!("job-dry-run:{}:{namespace}:{message}", run.cluster_name()?);
    let refusal = match (refusal(*code, message), tried) {
        // The Job with the same template was admitted before: something has changed the pod since.
        (Refusal::Invalid, Tried::Pod) => Refusal::LimitRange,
        (other, _) => other,
    };
    Ok(match refusal {
        Refusal::MayNotImpersonate => not_impersonated(tried, message),
        Refusal::NoRight if tried == Tried::Pod => Outcome::incomplete(
            "the Job controller of this cluster is not the usual one",
            format!(
                "The cluster admits the Orchestrator's Job. Its pod was not tried as the cluster's Job controller: \
                 {message}."
            ),
        ),
        Refusal::NoDryRun => Outcome::incomplete(
            "an admission webhook without dry run",
            format!("The {what} was not tried: {message}."),
        ),
        Refusal::Unknown => super::not_checked(run, "create the Job", error),
        Refusal::NoServiceAccount => missing_service_account(run)?,
        Refusal::NoNamespace => found
            .fix(
                format!("namespace:{}:{namespace}", run.cluster_name()?),
                kubectl_apply(&namespace_yaml(namespace)),
            )
            .not_yet(),
        Refusal::Terminating => terminating(run, namespace)?,
        Refusal::Quota => quota(found, cause, namespace, message),
        Refusal::WebhookDown => found
            .fix(
                cause,
                "# An admission webhook does not answer. Look at its service and pods:\n\
                 kubectl get validatingwebhookconfigurations,mutatingwebhookconfigurations\n",
            )
            .retryable(),
        Refusal::Policy => by_policy(run, job, found, cause),
        other => {
            let fix = fix(&other, namespace, message);
            let cause = match other {
                // The fix changes the runner's own job.pod_template.
                Refusal::Invalid => run.own(&cause),
                _ => cause,
            };
            found.fix(cause, fix)
        }
    })
}

/// The outcome of a caller who is not allowed to impersonate whoever creates the object.
fn not_impersonated(tried: Tried, message: &str) -> Outcome {
    match tried {
        Tried::Job => Outcome::incomplete(
            "no permission to impersonate the runner's user",
            format!(
                "The caller has no permission to impersonate the runner's user, so the Job was not tried: {message}."
            ),
        ),
        Tried::Pod => Outcome::incomplete(
            "no permission to impersonate the Job controller",
            format!(
                "The cluster admits the Orchestrator's Job. The caller has no permission to impersonate the Job \
                 controller, so the Job's pod was not tried: {message}."
            ),
        ),
    }
}

/// The outcome of a quota.
///
/// A quota that is only used up at the moment refuses the Job, or lets its pod wait: the Job controller tries again,
/// and the Orchestrator reports the deployment as stuck after five minutes.
fn quota(failed: Outcome, cause: String, namespace: &str, message: &str) -> Outcome {
    let fix = quota::raise_command(namespace, message)
        .or_else(|| quota::default_resources(namespace, message))
        .unwrap_or_else(|| {
            format!("kubectl describe resourcequota -n {namespace}   # then raise it\n")
        });
    match quota::is_only_used_up(message) {
        true => Outcome::warned(format!(
            "{}. The quota is used up at the moment: deployments fail or wait until something in namespace \
             {namespace:?} ends.",
            failed.message.trim_end_matches('.')
        ))
        .fix(cause, fix),
        false => failed.fix(cause, fix),
    }
}

/// The outcome of a policy or webhook, which may look at the image.
fn by_policy(run: &Run<'_>, job: &Value, mut failed: Outcome, cause: String) -> Outcome {
    let image = run.settings().runner_image();
    let containers = job["spec"]["template"]["spec"]["containers"].as_array();
    let main = containers
        .into_iter()
        .flatten()
        .find(|one| one["name"] == MAIN);
    if main.is_some_and(|main| main["image"] == image) {
        failed.message = format!(
            "{}. The check tried the image {image:?}: if the Orchestrator runs another image, and the refusal depends \
             on the image's name or tag, set {}.",
            failed.message.trim_end_matches('.'),
            run.words("eks_access.runner_image", "--runner-image")
        );
    }
    failed
        .fix(
            cause,
            "kubectl get validatingwebhookconfigurations,mutatingwebhookconfigurations,validatingadmissionpolicies   \
             # the message names what refused it\n",
        )
        .retryable()
}

/// The fix of a refusal that the runner's or the namespace's owner can change.
fn fix(refusal: &Refusal, namespace: &str, message: &str) -> String {
    match refusal {
        Refusal::PodSecurity => format!(
            "# Change what job.pod_template asks for, or what the namespace allows:\n\
             kubectl label namespace {namespace} --overwrite pod-security.kubernetes.io/enforce={}\n",
            sufficient_level(message)
        ),
        Refusal::LimitRange => format!(
            "# The Job is admitted, but its pod is not: a LimitRange of the namespace, or a policy that changes pods,\n\
             # contradicts what the pod asks for. Change it, or the resources in job.pod_template.\n\
             kubectl describe limitrange -n {namespace}\n"
        ),
        Refusal::NoRight => format!("kubectl describe rolebindings -n {namespace}\n"),
        Refusal::NoClass => {
            "# Create the class that the message names, or name another in job.pod_template:\n\
             kubectl get priorityclasses,runtimeclasses\n"
                .to_owned()
        }
        _ => {
            "# job.pod_template makes the Job invalid: correct the field that the message names.\n"
                .to_owned()
        }
    }
}
