//! The check `job-dry-run`: whether the cluster admits the Orchestrator's Job and its pod. Neither is kept.

mod quota;
mod variables;

use serde_json::Value;

use super::job_namespace::{create_namespace, namespace_cause, terminating};
use super::mapping::runner_user::runner_user;
use super::rbac::access_policies::{PolicyGrant, granted_by_policy};
use super::{Check, rbac::rbac_create_jobs, service_account};
use crate::access::cause::{Cause, ClusterCause, RunnerCause};
use crate::access::check::{Category, CheckInfo};
use crate::access::check_error::CheckError;
use crate::access::fix::Fix;
use crate::access::kubernetes::KubeError;
use crate::access::kubernetes::exceeded_quota::is_only_used_up;
use crate::access::kubernetes::job::stable_message;
use crate::access::kubernetes::refusal::{Refusal, is_about_object, refusal, sufficient_level};
use crate::access::kubernetes::user::User;
use crate::access::outcome::{Outcome, Skip};
use crate::access::render::shell::ShellCommand;
use crate::access::run::Run;
use crate::access::settings::{CheckSetting, Identity};
use crate::runner::job_container::MAIN;
use crate::runner::pod_template::own_service_account;

pub(super) static CHECK: Check = Check::new(
    CheckInfo {
        id: "job-dry-run",
        title: "The cluster admits the Orchestrator's Job",
        category: Category::Job,
        attribute: &["runner_configuration", "job"],
        caller_needs: &[rbac_create_jobs::CHECK.id(), service_account::CHECK.id()],
        runner_needs: &[rbac_create_jobs::CHECK.id()],
    },
    |run| Box::pin(check(run)),
)
.calls(CheckSetting::CLUSTER)
.uses(&[CheckSetting::RunnerImage]);

/// The object that is tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum TriedObject {
    Job,
    Pod,
}

impl TriedObject {
    fn name(self) -> &'static str {
        match self {
            Self::Job => "Orchestrator's Job",
            Self::Pod => "pod of the Orchestrator's Job",
        }
    }
}

/// Tries the Job and its pod.
///
/// Pod Security, quotas, and most policies judge pods and not Jobs, so the pod is tried as well: the one that the Job
/// controller creates for the Job as the API admitted it, and as that controller. Only a caller who is allowed to
/// impersonate can do that. In a run as the runner, the caller tries the pod, and without such a caller the check is
/// incomplete: an admitted Job says little about its pod.
async fn check(run: &Run<'_>) -> Result<Outcome, CheckError> {
    let job = run.job()?;
    let user = impersonated(run).await?;
    let admitted = match run.try_job(user.as_ref()).await {
        Ok(admitted) => admitted,
        Err(CheckError::Kube(error)) => {
            if user.is_some() {
                not_by_policy(run, &error).await?;
            }
            return refused(run, &job, TriedObject::Job, error);
        }
        Err(other) => return Err(other),
    };
    let is_suspended = admitted.object["spec"]["suspend"] == true;
    let mut warnings = admitted.warnings.clone();
    match run.try_pod(&admitted).await {
        Ok(admitted) => warnings.extend(admitted.warnings.clone()),
        Err(CheckError::Kube(error)) if user.is_some() || is_about_object(&error) => {
            return refused(run, &job, TriedObject::Pod, error);
        }
        // The caller's own permissions and connection say nothing about the runner.
        Err(error) if user.is_none() => return Ok(pod_not_tried(run, error)),
        Err(other) => return Err(other),
    }
    let admits = "The cluster admits the Orchestrator's Job and its pod.";
    let notes = notes(run, &job, is_suspended, warnings);
    Ok(if notes.is_empty() {
        Outcome::passed(admits)
    } else {
        Outcome::warned(format!("{admits} {}", notes.join(" ")))
    })
}

/// Returns the outcome as the runner if the caller could not try the Job's pod. The Job itself is admitted, but Pod Security,
/// quotas, and most policies refuse pods and not Jobs.
fn pod_not_tried(run: &Run<'_>, error: CheckError) -> Outcome {
    let why = match error {
        CheckError::Kube(error) => format!("{error}."),
        other => match Outcome::from(other) {
            Outcome {
                skip: Some(Skip::NotApplicable),
                ..
            } => "The caller is in another account than the role.".to_owned(),
            outcome => outcome.message,
        },
    };
    Outcome::incomplete(
        "the Job's pod could not be tried",
        format!(
            "The cluster admits the Orchestrator's Job. Whether it admits the Job's pod is unknown: the runner is not \
             allowed to create pods, and the caller could not try the pod as the Job controller. `{}` checks both. {why}",
            run.name(CheckSetting::Identity(Identity::Caller))
        ),
    )
}

/// Returns what can go wrong with an admitted Job, as sentences.
fn notes(run: &Run<'_>, job: &Value, is_suspended: bool, mut warnings: Vec<String>) -> Vec<String> {
    let mut notes = Vec::new();
    if is_suspended {
        notes.push(
            "Admission suspends the Job. If nothing resumes it in time, the Orchestrator reports the deployment as \
             stuck."
                .to_owned(),
        );
    }
    warnings.sort();
    warnings.dedup();
    notes.extend(warnings.iter().map(|warning| {
        format!(
            "The cluster warns: {}.",
            stable_message(warning, job).trim_end_matches('.')
        )
    }));
    let template = run.subject.pod_template.get().and_then(Option::as_ref);
    let runner_id = run.subject.runner_id.get().map(String::as_str);
    notes.extend(variables::overridden(template, runner_id));
    notes.extend(template.and_then(own_service_account).map(|account| {
        format!("pod_template removes job.service_account, so the pod runs as the service account {account:?}.")
    }));
    notes
}

/// Returns the user as which the Job is tried, or `None` for the runner itself.
async fn impersonated(run: &Run<'_>) -> Result<Option<User>, CheckError> {
    if run.as_runner() {
        return Ok(None);
    }
    let user = runner_user(run).await?;
    if user.name.is_empty() {
        return Err(Outcome::incomplete(
            "a user without a fixed name cannot be impersonated",
            format!(
                "The runner's user has no fixed name in the cluster, so this check cannot impersonate it. \
                 With `{}` the check creates the Job as the runner itself.",
                run.name(CheckSetting::Identity(Identity::Runner))
            ),
        )
        .into());
    }
    if let Some(text) = user.not_in_header() {
        return Err(Outcome::incomplete(
            "the runner's user cannot be impersonated",
            format!(
                "The runner's user cannot be impersonated, because its name or a group contains a control character: \
                 {text:?}. With `{}` the check creates the Job as the runner itself.",
                run.name(CheckSetting::Identity(Identity::Runner))
            ),
        )
        .into());
    }
    Ok(Some(user))
}

/// Ends the check if the impersonated user has no right to create Jobs, and the role has it, or might have it, by an EKS
/// access policy: such a policy grants by principal, and not by the name that is impersonated.
async fn not_by_policy(run: &Run<'_>, error: &KubeError) -> Result<(), CheckError> {
    let KubeError::Status { code, message } = error else {
        return Ok(());
    };
    if refusal(*code, message) != Refusal::NoRight {
        return Ok(());
    }
    match granted_by_policy(run, run.namespace()?, &rbac_create_jobs::RIGHT).await? {
        PolicyGrant::No => Ok(()),
        PolicyGrant::Unknown(why) => Err(Outcome::incomplete(
            "the permissions of an EKS access policy are unknown",
            format!("RBAC does not allow the runner's user to create Jobs: {message}. {why}"),
        )
        .into()),
        PolicyGrant::By(policy) => Err(Outcome::incomplete(
            "the role's permissions come from an EKS access policy, which impersonation does not include",
            format!(
                "Only the EKS access policy {policy} allows the role to create Jobs. Impersonation does not include EKS \
                 access policies, so this check cannot create the Job as the impersonated user. With `{}` the check creates \
                 the Job as the runner itself.",
                run.name(CheckSetting::Identity(Identity::Runner))
            ),
        )
        .into()),
    }
}

/// Returns the outcome of a refusal.
fn refused(run: &Run<'_>, job: &Value, tried: TriedObject, error: KubeError) -> Result<Outcome, CheckError> {
    let KubeError::Status { code, message } = &error else {
        return Ok(error.outcome());
    };
    let (code, message) = (*code, &stable_message(message, job));
    let refusal = match (refusal(code, message), tried) {
        // The Job with the same template was admitted before, so something has changed the pod since.
        (Refusal::Invalid, TriedObject::Pod) => Refusal::LimitRange,
        (other, _) => other,
    };
    let (what, namespace) = (tried.name(), run.namespace()?);
    let cause = run.cluster_cause(ClusterCause::JobRefused {
        namespace: namespace.to_owned(),
        message: message.to_owned(),
    });
    // The fix changes the runner's own job.pod_template.
    let own_cause = run.runner_cause(RunnerCause::InvalidJob {
        message: message.to_owned(),
    });
    let failed = Outcome::failed(format!("The cluster refuses the {what}: {message}"))
        .compare("admitted", format!("refused with status {code}"));
    Ok(match refusal {
        Refusal::CannotImpersonate => not_impersonated(tried, message),
        Refusal::NoRight if tried == TriedObject::Pod => Outcome::incomplete(
            "the cluster's Job controller does not run as kube-system/job-controller",
            format!(
                "The cluster admits the Orchestrator's Job. Its pod was not checked as the cluster's Job controller: \
                 {message}."
            ),
        ),
        Refusal::NoDryRun => Outcome::incomplete(
            "an admission webhook that does not support dry run",
            format!("The {what} was not checked: {message}."),
        ),
        Refusal::QuotaNotCounted => Outcome::incomplete(
            "a ResourceQuota whose usage is unknown",
            format!(
                "The {what} was not checked, because the cluster does not know yet how much of a ResourceQuota is used: \
                 {message}."
            ),
        )
        .retryable(),
        Refusal::Unknown => super::not_checked(run, "create the Job", error.into()),
        Refusal::NoServiceAccount => service_account::missing(run)?,
        Refusal::Terminating => terminating(run, namespace),
        Refusal::NoNamespace => failed
            .fix(namespace_cause(run, namespace), create_namespace(namespace))
            .not_yet(),
        Refusal::Quota => quota(failed, cause, namespace, job, message),
        Refusal::WebhookDown => failed.fix(cause, start_webhook()).retryable(),
        Refusal::Policy => by_policy(run, job, failed, cause),
        Refusal::Invalid => failed.fix(
            own_cause,
            Fix::note(
                "job.pod_template makes the Job invalid: correct the field that the message names.",
            ),
        ),
        Refusal::BuiltIn => failed.fix(
            own_cause,
            Fix::note("Change the field that the message names in job.pod_template."),
        ),
        Refusal::PodSecurity => failed.fix(cause, lower_level(namespace, message)),
        Refusal::LimitRange => failed.fix(cause, change_requests(namespace)),
        Refusal::NoRight => failed.fix(
            cause,
            ShellCommand::new("kubectl describe rolebindings").option("-n", namespace),
        ),
        Refusal::NoClass => failed.fix(cause, create_class()),
    })
}

/// Returns the outcome for a caller who is not allowed to impersonate the user that creates the object.
fn not_impersonated(tried: TriedObject, message: &str) -> Outcome {
    match tried {
        TriedObject::Job => Outcome::incomplete(
            "no permission to impersonate the runner's user",
            format!(
                "The caller has no permission to impersonate the runner's user, so the Job was not checked: {message}."
            ),
        ),
        TriedObject::Pod => Outcome::incomplete(
            "no permission to impersonate the Job controller",
            format!(
                "The cluster admits the Orchestrator's Job. The caller has no permission to impersonate the Job \
                 controller, so the Job's pod was not checked: {message}."
            ),
        ),
    }
}

/// Returns the outcome for a quota.
///
/// A quota that is only used up at the moment refuses the Job, or makes its pod wait: the Job controller tries again,
/// and the Orchestrator reports the deployment as stuck after five minutes.
fn quota(failed: Outcome, cause: Cause, namespace: &str, job: &Value, message: &str) -> Outcome {
    let fix = quota::raise_command(namespace, message)
        .or_else(|| quota::default_resources(namespace, job, message))
        .unwrap_or_else(|| {
            ShellCommand::new("kubectl describe resourcequota")
                .option("-n", namespace)
                .comment("then raise it")
                .into()
        });
    if is_only_used_up(message) {
        Outcome::warned(format!(
            "{}. The quota is used up at the moment. Deployments fail or wait until other workloads in namespace \
             {namespace:?} end.",
            failed.message.trim_end_matches('.')
        ))
        .fix(cause, fix)
    } else {
        failed.fix(cause, fix)
    }
}

/// Returns the outcome for a policy or webhook, which might depend on the image.
fn by_policy(run: &Run<'_>, job: &Value, mut failed: Outcome, cause: Cause) -> Outcome {
    let image = run.settings().runner_image.as_str();
    let containers = job["spec"]["template"]["spec"]["containers"].as_array();
    let main = containers.into_iter().flatten().find(|one| one["name"] == MAIN);
    if main.is_some_and(|main| main["image"] == image) {
        failed.message = format!(
            "{}. The check used the image {image:?}. If the Orchestrator runs another image and the refusal depends \
             on the image's name or tag, set {} to that image.",
            failed.message.trim_end_matches('.'),
            run.name(CheckSetting::RunnerImage)
        );
    }
    failed
        .fix(
            cause,
            ShellCommand::new(
                "kubectl get \
                 validatingwebhookconfigurations,mutatingwebhookconfigurations,validatingadmissionpolicies",
            )
            .comment("the message names what refused it"),
        )
        .retryable()
}

/// Returns the fix for a webhook that does not respond.
fn start_webhook() -> Fix {
    Fix::note("An admission webhook does not respond. Check its Service and pods:").then_run(ShellCommand::new(
        "kubectl get validatingwebhookconfigurations,mutatingwebhookconfigurations",
    ))
}

/// Returns the fix for a pod that Pod Security refuses.
fn lower_level(namespace: &str, message: &str) -> Fix {
    Fix::note("Change job.pod_template, or the Pod Security level of the namespace:").then_run(
        ShellCommand::new("kubectl label namespace")
            .word(namespace)
            .word("--overwrite")
            .word(format!(
                "pod-security.kubernetes.io/enforce={}",
                sufficient_level(message)
            )),
    )
}

/// Returns the fix for a pod that is refused although its Job is admitted.
fn change_requests(namespace: &str) -> Fix {
    Fix::note(
        "The Job is admitted, but its pod is not: a LimitRange of the namespace, or a policy that changes pods,\n\
         conflicts with the pod's requests. Change that object, or the resources in job.pod_template.",
    )
    .then_run(ShellCommand::new("kubectl describe limitrange").option("-n", namespace))
}

/// Returns the fix for a PriorityClass or a RuntimeClass that does not exist.
fn create_class() -> Fix {
    Fix::note("Create the class that the message names, or use another one in job.pod_template:")
        .then_run(ShellCommand::new("kubectl get priorityclasses,runtimeclasses"))
}
