//! The reasons why the API server refuses an object, read from its messages.

use super::error::KubeError;

/// The reason why the API server refuses an object.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The caller is not allowed to impersonate.
    CannotImpersonate,
    /// An admission webhook has side effects.
    NoDryRun,
    /// The impersonated user has no right to create the object.
    NoRight,
    /// The service account does not exist.
    NoServiceAccount,
    /// The namespace does not exist.
    NoNamespace,
    /// The namespace is being deleted.
    Terminating,
    /// The PriorityClass or the RuntimeClass does not exist.
    NoClass,
    /// Pod Security refuses it.
    PodSecurity,
    /// A ResourceQuota refuses it.
    Quota,
    /// The cluster does not know yet how much of a ResourceQuota is used.
    QuotaNotCounted,
    /// A LimitRange refuses it.
    LimitRange,
    /// The object is not valid.
    Invalid,
    /// An admission webhook that must be called does not respond.
    WebhookDown,
    /// A webhook or a policy refuses it.
    Policy,
    /// The API server refuses it by a rule of its own, such as that of a built-in admission plugin.
    BuiltIn,
    /// The refusal is not about the object: the API is busy or broken, or does not know the caller.
    Unknown,
}

/// Returns the reason for a refusal. The texts are those of kube-apiserver 1.34 and its admission plugins.
///
/// The message of a webhook or a policy contains text of its author, who can use any of the other phrases, so these come first.
/// The quota plugin returns `insufficient quota to match these scopes` with status 500 (`CheckRequest` in apiserver,
/// pkg/admission/plugin/resourcequota/controller.go).
pub(crate) fn refusal(code: u16, message: &str) -> Refusal {
    let says = |text: &str| message.contains(text);
    match code {
        // A webhook, and a ValidatingAdmissionPolicy, which returns 422.
        _ if says("denied the request") || says("denied request") => Refusal::Policy,
        _ if says("failed calling webhook") => Refusal::WebhookDown,
        403 if says("cannot impersonate resource \"") => Refusal::CannotImpersonate,
        403 if says("error looking up service account") => Refusal::NoServiceAccount,
        403 if says("violates PodSecurity") => Refusal::PodSecurity,
        403 if says("exceeded quota") || says("failed quota") => Refusal::Quota,
        403 if says("status unknown for quota") => Refusal::QuotaNotCounted,
        403 if says(" usage per ") || says("limit to request ratio per ") => Refusal::LimitRange,
        403 if says("because it is being terminated") => Refusal::Terminating,
        403 if says("no PriorityClass with name") || says("pod rejected: RuntimeClass") => Refusal::NoClass,
        403 if says("cannot create resource \"") => Refusal::NoRight,
        400 if says("does not support dry run") => Refusal::NoDryRun,
        _ if says("insufficient quota to match these scopes") => Refusal::BuiltIn,
        404 => Refusal::NoNamespace,
        400 | 422 => Refusal::Invalid,
        401 | 408 | 409 | 429 | 500.. => Refusal::Unknown,
        _ => Refusal::BuiltIn,
    }
}

/// Returns whether the API server refuses the object itself, and not the caller who tries it.
pub(crate) fn is_about_object(error: &KubeError) -> bool {
    let KubeError::Status { code, message } = error else {
        return false;
    };
    !matches!(
        refusal(*code, message),
        Refusal::CannotImpersonate | Refusal::NoRight | Refusal::Unknown
    )
}

/// Returns the strictest Pod Security level that accepts a pod which violates a stricter one.
///
/// The texts are those of k8s.io/pod-security-admission (the tests have what kube-apiserver 1.34 returns). A check of the level
/// `restricted` replaces the check of `baseline` for the same field, so its text names what `baseline` refuses as well: a
/// `hostPath` volume, a capability beyond the default ones, or an unconfined seccomp profile.
pub(crate) fn sufficient_level(message: &str) -> &'static str {
    const NOT_IN_BASELINE: [&str; 12] = [
        "PodSecurity \"baseline",
        "AppArmor",
        "host namespaces",
        "hostPath",
        "hostPort",
        "hostProcess",
        "non-default capabilities",
        "privileged (",
        "probe or lifecycle host",
        "procMount",
        "seLinuxOptions",
        "\"Unconfined\"",
    ];
    let is_beyond = NOT_IN_BASELINE.iter().any(|text| message.contains(text))
        || message.contains("sysctls")
        || adds_capability_beyond_baseline(message);
    if is_beyond { "privileged" } else { "baseline" }
}

/// Returns whether the message names an added capability that the level `baseline` does not allow ("Pod Security Standards" in
/// the documentation of Kubernetes).
fn adds_capability_beyond_baseline(message: &str) -> bool {
    const ALLOWED: [&str; 13] = [
        "AUDIT_WRITE",
        "CHOWN",
        "DAC_OVERRIDE",
        "FOWNER",
        "FSETID",
        "KILL",
        "MKNOD",
        "NET_BIND_SERVICE",
        "SETFCAP",
        "SETGID",
        "SETPCAP",
        "SETUID",
        "SYS_CHROOT",
    ];
    let lists = message.split("must not include ").skip(1);
    lists
        .filter_map(|rest| rest.split_once(" in securityContext.capabilities.add"))
        .flat_map(|(list, _)| list.split(", "))
        .any(|name| !ALLOWED.contains(&name.trim_matches('"')))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sufficient_level_is_returned() {
        let add = |names: &str| {
            format!(
                r#"unrestricted capabilities (container "main" must set securityContext.capabilities.drop=["ALL"]; container "main" must not include {names} in securityContext.capabilities.add)"#
            )
        };
        for (reasons, level) in [
            (
                r#"allowPrivilegeEscalation != false (container "main" must set securityContext.allowPrivilegeEscalation=false)"#,
                "baseline",
            ),
            (
                r#"runAsNonRoot != true (pod or container "main" must set securityContext.runAsNonRoot=true)"#,
                "baseline",
            ),
            (
                r#"seccompProfile (pod or container "main" must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost")"#,
                "baseline",
            ),
            (
                r#"restricted volume types (volume "h" uses restricted volume type "nfs")"#,
                "baseline",
            ),
            (&add(r#""CHOWN""#), "baseline"),
            (&add(r#""CHOWN", "NET_ADMIN""#), "privileged"),
            (
                r#"restricted volume types (volumes "h", "n" use restricted volume types "hostPath", "nfs")"#,
                "privileged",
            ),
            (
                r#"seccompProfile (container "main" must not set securityContext.seccompProfile.type to "Unconfined")"#,
                "privileged",
            ),
            (
                r#"privileged (container "main" must not set securityContext.privileged=true)"#,
                "privileged",
            ),
            ("forbidden sysctls (kernel.msgmax)", "privileged"),
            (
                r#"probe or lifecycle host (container "main" uses probe or lifecycle host "1.2.3.4")"#,
                "privileged",
            ),
        ] {
            let message = format!(r#"violates PodSecurity "restricted:latest": {reasons}"#);
            assert_eq!(sufficient_level(&message), level, "{message}");
        }
        assert_eq!(
            sufficient_level(r#"violates PodSecurity "baseline:latest": seccompProfile"#),
            "privileged"
        );
    }

    #[track_caller]
    fn are_refusals(cases: &[(u16, &str, Refusal)]) {
        for (code, message, expected) in cases {
            assert_eq!(refusal(*code, message), *expected, "{message}");
        }
    }

    #[test]
    fn refusals_of_admission_plugins_are_recognized() {
        are_refusals(&[
            (
                403,
                r#"users "x" is forbidden: User "me" cannot impersonate resource "users" in API group "" at the cluster scope"#,
                Refusal::CannotImpersonate,
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
                Refusal::NoRight,
            ),
            (
                403,
                r#"jobs.batch "x" is forbidden: unable to create new content in namespace ns because it is being terminated"#,
                Refusal::Terminating,
            ),
            (
                403,
                r#"pods "x" is forbidden: no PriorityClass with name high was found"#,
                Refusal::NoClass,
            ),
            (
                403,
                r#"pods "x" is forbidden: pod rejected: RuntimeClass "gvisor" not found"#,
                Refusal::NoClass,
            ),
        ]);
    }

    /// Source: plugin/pkg/admission/priority, plugin/pkg/admission/runtimeclass, and apiserver,
    /// pkg/admission/plugin/resourcequota of Kubernetes 1.34.
    #[test]
    fn the_fields_that_built_in_plugins_refuse_are_no_policies() {
        for (code, message) in [
            (
                403,
                r#"pods "x" is forbidden: the integer value of priority (100) must not be provided in pod spec; priority admission controller computed 0 from the given PriorityClass name"#,
            ),
            (
                403,
                r#"pods "x" is forbidden: pod rejected: Pod's Overhead doesn't match RuntimeClass's defined Overhead"#,
            ),
            (
                403,
                r#"pods "x" is forbidden: conflict: runtimeClass.scheduling.nodeSelector[a] = b; pod.spec.nodeSelector[a] = c"#,
            ),
            (403, r#"pods "x" is forbidden: insufficient quota to consume: pods"#),
            (
                500,
                "insufficient quota to match these scopes: [{PriorityClass In [system-cluster-critical]}]",
            ),
        ] {
            are_refusals(&[(code, message, Refusal::BuiltIn)]);
        }
        are_refusals(&[(
            403,
            r#"jobs.batch "x" is forbidden: status unknown for quota: q, resources: count/jobs.batch"#,
            Refusal::QuotaNotCounted,
        )]);
    }

    #[test]
    fn the_text_of_a_policy_is_not_read_as_the_api_server_s() {
        for phrase in [
            r#"User "u" cannot impersonate resource "users""#,
            "error looking up service account ns/sa",
            r#"violates PodSecurity "restricted:latest""#,
            "exceeded quota: q, requested: pods=1, used: pods=1, limited: pods=1",
            "failed quota: q",
            "status unknown for quota: q",
            "maximum cpu usage per Container is 1",
            "cpu max limit to request ratio per Container is 1",
            "because it is being terminated",
            "no PriorityClass with name high",
            "pod rejected: RuntimeClass",
            r#"you cannot create resource "pods" without the label owner"#,
            "does not support dry run",
            "insufficient quota to match these scopes",
        ] {
            for (code, message) in [
                (403, format!(r#"admission webhook "w" denied the request: {phrase}"#)),
                (
                    422,
                    format!(
                        r#"pods "x" is forbidden: ValidatingAdmissionPolicy 'p' with binding 'b' denied request: {phrase}"#
                    ),
                ),
            ] {
                are_refusals(&[(code, &message, Refusal::Policy)]);
            }
            let down =
                format!(r#"Internal error occurred: failed calling webhook "w": failed to call webhook: {phrase}"#);
            are_refusals(&[(500, &down, Refusal::WebhookDown)]);
        }
    }

    #[test]
    fn refusals_of_webhooks_and_of_the_api_itself_are_recognized() {
        are_refusals(&[
            (500, "etcdserver: request timed out", Refusal::Unknown),
            (
                500,
                r#"Internal error occurred: failed calling webhook "w": connection refused"#,
                Refusal::WebhookDown,
            ),
            (
                403,
                r#"pods "x" is forbidden: maximum memory usage per Container is 512Mi, but limit is 1Gi"#,
                Refusal::LimitRange,
            ),
            (404, r#"namespaces "ns" not found"#, Refusal::NoNamespace),
            (422, r#"Job.batch "x" is invalid: spec.template"#, Refusal::Invalid),
            (
                400,
                r#"admission webhook "w" does not support dry run"#,
                Refusal::NoDryRun,
            ),
            (400, r#"admission webhook "w" denied the request: no"#, Refusal::Policy),
            (
                422,
                r#"jobs.batch "x" is forbidden: ValidatingAdmissionPolicy 'p' with binding 'b' denied request: no"#,
                Refusal::Policy,
            ),
            (503, "busy", Refusal::Unknown),
        ]);
    }
}
