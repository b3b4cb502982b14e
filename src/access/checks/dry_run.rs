//! `job-dry-run`: the cluster's admission of the Orchestrator's Job, tried without keeping it.

use serde_json::{Map, json};

use super::namespace::{cluster, missing_service_account};
use super::rbac::CREATE_JOBS;
use crate::access::check::Outcome;
use crate::access::kubernetes::job::{pod_of, without_generated_name};
use crate::access::kubernetes::{Admitted, Cluster, KubeError};
use crate::access::run::Run;
use crate::access::setup::{kubectl_apply, namespace_yaml, yaml};

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
        return judge(run, JOB, tried).map(|outcome| match outcome.is_good() {
            true => Outcome {
                message: format!(
                    "{} Its pod cannot be tried as the runner; {} does that.",
                    outcome.message,
                    run.words("as = \"caller\"", "--as caller")
                ),
                ..outcome
            },
            false => outcome,
        });
    }

    let user = run.user().await?;
    if user.name.is_empty() {
        return Err(Outcome::incomplete(
            "a user without a fixed name cannot be impersonated",
            format!(
                "The cluster gives the runner no fixed user name, so its user cannot be impersonated for this. With \
                 `{}` the Job is tried as the runner itself.",
                run.words("as = \"runner\"", "--as runner")
            ),
        ));
    }
    if !matches!(
        cluster
            .may(Some(&user), &CREATE_JOBS.access(namespace))
            .await,
        Ok(true)
    ) {
        return Err(Outcome::incomplete(
            "the role's rights come from an EKS access policy, which cannot be impersonated",
            format!(
                "The role can create Jobs by an EKS access policy, not by RBAC, so its user cannot be impersonated for \
                 this. With `{}` the Job is tried as the runner itself.",
                run.words("as = \"runner\"", "--as runner")
            ),
        ));
    }
    let pods = format!("/api/v1/namespaces/{namespace}/pods");
    let (pod, controller) = (pod_of(&job), Cluster::job_controller());
    let (tried_job, tried_pod) = tokio::join!(
        cluster.try_create(&path, &job, Some(&user)),
        cluster.try_create(&pods, &pod, Some(&controller)),
    );
    let of_job = judge(run, JOB, tried_job)?;
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
            message: format!("{} It admits its pod, too.", of_job.message),
            ..of_job
        },
        _ => of_pod,
    })
}

/// What is tried first, in writing.
const JOB: &str = "Job";

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
        return Ok(super::not_checked(run, "create the Job", &error));
    };
    let message = &without_generated_name(message);
    let namespace = run.namespace()?;
    let refused = || {
        Outcome::failed(format!(
            "The cluster refuses the Orchestrator's {what}: {message}"
        ))
        .compare("admitted", format!("refused with the status {code}"))
    };
    let cause = format!("job-dry-run:{}:{namespace}:{message}", run.cluster_name()?);
    let refusal = match refusal(*code, message) {
        // The Job with the same template was admitted before: something has changed the pod since.
        Refusal::Invalid if what != JOB => Refusal::LimitRange,
        other => other,
    };
    Ok(match refusal {
        Refusal::MayNotImpersonate => Outcome::incomplete(
            "no permission to impersonate the runner's user",
            format!(
                "The caller has no permission to impersonate the runner's user, so the {what} cannot be tried as it: {message}."
            ),
        ),
        Refusal::NoDryRun => Outcome::incomplete(
            "an admission webhook without dry run",
            format!("The {what} cannot be tried: {message}."),
        ),
        Refusal::Unknown => super::not_checked(run, "create the Job", &error),
        Refusal::NoServiceAccount => missing_service_account(run)?,
        Refusal::NoNamespace => refused()
            .fix(
                format!("namespace:{}:{namespace}", run.cluster_name()?),
                kubectl_apply(&namespace_yaml(namespace)),
            )
            .not_yet(),
        Refusal::PodSecurity => refused().fix(
            cause,
            format!(
                "# Change what pod_template asks for, or what the namespace allows:\n\
                 kubectl label namespace {namespace} --overwrite pod-security.kubernetes.io/enforce={}\n",
                sufficient_level(message)
            ),
        ),
        Refusal::Quota => refused().fix(
            cause,
            quota_command(namespace, message)
                .or_else(|| default_resources(namespace, message))
                .unwrap_or_else(|| {
                    format!("kubectl describe resourcequota -n {namespace}   # then raise it\n")
                }),
        ),
        Refusal::LimitRange => refused().fix(
            cause,
            format!(
                "# The Job is admitted, and its pod is not: a LimitRange of the namespace (or a policy that changes pods)\n\
                 # does not go with what the pod asks for. Change it, or the resources in job.pod_template.\n\
                 kubectl describe limitrange -n {namespace}\n"
            ),
        ),
        Refusal::Invalid => refused().fix(
            cause,
            "# job.pod_template makes an invalid Job: mend the field that the message names.\n",
        ),
        Refusal::Other => refused()
            .fix(
                cause,
                "kubectl get validatingwebhookconfigurations,mutatingwebhookconfigurations,validatingadmissionpolicies   \
                 # the message names what refused it\n",
            )
            .retryable(),
    })
}

/// The strictest Pod Security level that takes a pod which violates a stricter one. The texts are
/// those of the checks of the level `baseline` in k8s.io/pod-security-admission.
fn sufficient_level(message: &str) -> &'static str {
    const BASELINE: [&str; 10] = [
        "AppArmor",
        "host namespaces",
        "host probes",
        "hostPath volumes",
        "hostPort",
        "hostProcess",
        "non-default capabilities",
        "privileged (",
        "procMount",
        "seLinuxOptions",
    ];
    let beyond = BASELINE.iter().any(|text| message.contains(text));
    if beyond || message.contains("sysctls") || message.contains("PodSecurity \"baseline") {
        "privileged"
    } else {
        "baseline"
    }
}

/// Raises a quota by what was missing. The text is `exceeded quota: NAME, requested: a=1,b=2, used: …, limited: …`.
fn quota_command(namespace: &str, message: &str) -> Option<String> {
    let (_, rest) = message.split_once("exceeded quota: ")?;
    let (name, rest) = rest.split_once(", requested: ")?;
    let (requested, rest) = rest.split_once(", used: ")?;
    let (used, _) = rest.split_once(", limited: ")?;
    let mut hard = Map::new();
    for (requested, used) in requested.split(',').zip(used.split(',')) {
        let (resource, requested) = requested.split_once('=')?;
        let (same, used) = used.split_once('=')?;
        let sum = sum(requested, used).filter(|_| same == resource)?;
        hard.insert(resource.to_owned(), sum.into());
    }
    let patch = json!({"spec": {"hard": hard}});
    Some(format!(
        "kubectl patch resourcequota {name} -n {namespace} --type=merge --patch '{patch}'   # or more\n"
    ))
}

/// Gives containers the resources that a quota wants every one to have. The text is
/// `failed quota: NAME: must specify limits.cpu for: main; limits.memory for: main,other`.
fn default_resources(namespace: &str, message: &str) -> Option<String> {
    let (_, rest) = message.split_once("failed quota: ")?;
    let (_, missing) = rest.split_once(": must specify ")?;
    let (mut limits, mut requests, mut names) = (Map::new(), Map::new(), Vec::new());
    for one in missing.split("; ") {
        let (name, _) = one.split_once(" for: ")?;
        let (kind, resource) = name.split_once('.').unwrap_or(("requests", name));
        // No limit may be below what the Orchestrator's container requests.
        let quantity = match resource {
            "cpu" => "1",
            "memory" | "ephemeral-storage" => "1Gi",
            _ => return None,
        };
        let defaults = match kind {
            "limits" => &mut limits,
            "requests" => &mut requests,
            _ => return None,
        };
        defaults.insert(resource.to_owned(), quantity.into());
        names.push(format!("resources.{kind}.{resource}"));
    }
    let mut defaults = Map::from_iter([("type".to_owned(), "Container".into())]);
    for (name, quantities) in [("default", limits), ("defaultRequest", requests)] {
        if !quantities.is_empty() {
            defaults.insert(name.to_owned(), quantities.into());
        }
    }
    let range = format!(
        "apiVersion: v1\nkind: LimitRange\nmetadata:\n  name: humanitec-runner-defaults\n  namespace: {}\n\
         spec:\n  limits:\n  - {}\n",
        yaml(namespace),
        serde_json::Value::from(defaults)
    );
    Some(format!(
        "# In job.pod_template, for the containers that the message names: {}.\n\
         # Or for all containers of the namespace that do not say so themselves:\n{}",
        names.join(", "),
        kubectl_apply(&range)
    ))
}

/// The sum of two of Kubernetes' quantities: in their unit, or in none where they have two.
fn sum(one: &str, other: &str) -> Option<String> {
    let parts = |quantity: &str| -> Option<(u128, String)> {
        let digits = quantity.bytes().take_while(u8::is_ascii_digit).count();
        let (number, unit) = quantity.split_at(digits);
        Some((number.parse().ok()?, unit.to_owned()))
    };
    match (parts(one)?, parts(other)?) {
        ((one, unit), (0, _)) | ((0, _), (one, unit)) => Some(format!("{one}{unit}")),
        ((one, unit), (other, same)) if unit == same => {
            Some(format!("{}{unit}", one.checked_add(other)?))
        }
        ((one, unit), (other, another)) => {
            let one = one.checked_mul(thousandths(&unit)?)?;
            let milli = one.checked_add(other.checked_mul(thousandths(&another)?)?)?;
            Some(match milli % 1000 {
                0 => (milli / 1000).to_string(),
                _ => format!("{milli}m"),
            })
        }
    }
}

/// How many thousandths a unit of Kubernetes' quantities is.
fn thousandths(unit: &str) -> Option<u128> {
    if unit == "m" {
        return Some(1);
    }
    let (base, prefix): (u128, _) = match unit.strip_suffix('i') {
        Some(prefix) => (1024, prefix),
        None => (1000, unit),
    };
    let prefixes = ["", "K", "M", "G", "T", "P", "E"];
    let power = prefixes
        .iter()
        .position(|one| one.eq_ignore_ascii_case(prefix))?;
    Some(base.pow(u32::try_from(power).ok()?) * 1000)
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
    LimitRange,
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
        403 if message.contains(" usage per ")
            || message.contains("limit to request ratio per ") =>
        {
            Refusal::LimitRange
        }
        400 if message.contains("does not support dry run") => Refusal::NoDryRun,
        // A webhook, and a ValidatingAdmissionPolicy, which answers 422.
        _ if message.contains("denied the request") || message.contains("denied request") => {
            Refusal::Other
        }
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
    fn a_quota_is_raised_by_what_is_missing() {
        let message = "pods \"x\" is forbidden: exceeded quota: q, requested: pods=1,requests.memory=1Gi, \
                       used: pods=10,requests.memory=3Gi, limited: pods=10,requests.memory=3Gi";
        assert_eq!(
            quota_command("ns", message).unwrap(),
            "kubectl patch resourcequota q -n ns --type=merge --patch \
             '{\"spec\":{\"hard\":{\"pods\":\"11\",\"requests.memory\":\"4Gi\"}}}'   # or more\n"
        );
        assert_eq!(sum("1Gi", "0").as_deref(), Some("1Gi"));
        assert_eq!(sum("512M", "1Gi").as_deref(), Some("1585741824"));
        assert_eq!(sum("1", "500m").as_deref(), Some("1500m"));
        assert_eq!(sum("1Gi", "many"), None);
        assert_eq!(
            quota_command("ns", "failed quota: q: must specify limits.cpu"),
            None
        );
    }

    #[test]
    fn the_level_that_takes_the_pod_is_named() {
        let restricted = r#"violates PodSecurity "restricted:latest": "#;
        for (message, level) in [
            (
                r#"allowPrivilegeEscalation != false (container "main")"#,
                "baseline",
            ),
            (
                r#"runAsNonRoot != true (pod or container "main")"#,
                "baseline",
            ),
            (
                r#"privileged (container "main" must not set securityContext.privileged=true)"#,
                "privileged",
            ),
            (
                r#"hostPath volumes (volume "x"), allowPrivilegeEscalation != false"#,
                "privileged",
            ),
        ] {
            assert_eq!(
                sufficient_level(&format!("{restricted}{message}")),
                level,
                "{message}"
            );
        }
        assert_eq!(
            sufficient_level(r#"violates PodSecurity "baseline:latest": seccompProfile"#),
            "privileged"
        );
    }

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
            (
                403,
                r#"pods "x" is forbidden: maximum memory usage per Container is 512Mi, but limit is 1Gi"#,
                Refusal::LimitRange,
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
            (
                422,
                r#"jobs.batch "x" is forbidden: ValidatingAdmissionPolicy 'p' with binding 'b' denied request: no"#,
                Refusal::Other,
            ),
            (500, "failed calling webhook", Refusal::Other),
            (503, "busy", Refusal::Unknown),
        ] {
            assert_eq!(refusal(code, message), expected, "{message}");
        }
    }
}
