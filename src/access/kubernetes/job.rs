//! The Job that the Orchestrator makes for a deployment.

use serde_json::{Map, Value, json};

use super::merge;

/// What the names of objects that are only tried start with.
const NAME: &str = "eks-access-check-";

/// The Orchestrator's Job, with the runner's pod template laid over its own as a strategic merge
/// patch. The image is one of ours: the Orchestrator's is not known beforehand.
pub(crate) fn orchestrator_job(
    namespace: &str,
    service_account: &str,
    pod_template: Option<&Map<String, Value>>,
) -> Value {
    let mut template = base_template(service_account);
    if let Some(patch) = pod_template {
        merge::apply(&mut template, patch);
    }
    json!({
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"generateName": NAME, "namespace": namespace},
        "spec": {
            "backoffLimit": 0,
            "parallelism": 1,
            "ttlSecondsAfterFinished": 3600,
            "template": template,
        },
    })
}

/// A message about an object that was tried, without the letters that the cluster added to its name, so that the same
/// refusal is the same text each time.
pub(crate) fn without_generated_name(message: &str) -> String {
    let mut parts = message.split(NAME);
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        text += NAME.trim_end_matches('-');
        text += part.trim_start_matches(|c: char| c.is_ascii_alphanumeric());
    }
    text
}

/// The pod that the cluster's Job controller would make for a Job.
pub(crate) fn pod_of(job: &Value) -> Value {
    let template = &job["spec"]["template"];
    let mut metadata = match &template["metadata"] {
        Value::Object(metadata) => metadata.clone(),
        _ => Map::new(),
    };
    metadata.insert("generateName".to_owned(), NAME.into());
    metadata.insert("namespace".to_owned(), job["metadata"]["namespace"].clone());
    json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": metadata,
        "spec": template["spec"],
    })
}

/// The pod template before the runner's own is laid over it.
fn base_template(service_account: &str) -> Map<String, Value> {
    let template = json!({
        "spec": {
            "restartPolicy": "Never",
            "serviceAccountName": service_account,
            "containers": [{
                "name": "main",
                "image": "humanitec/runner",
                "args": ["standard"],
                "resources": {"requests": {"memory": "1Gi"}},
                "volumeMounts": [{"name": "tofu", "mountPath": "/opt/runner/tofu"}],
                "securityContext": {
                    "allowPrivilegeEscalation": false,
                    "capabilities": {"drop": ["ALL"]},
                    "privileged": false,
                    "runAsNonRoot": true,
                    "seccompProfile": {"type": "RuntimeDefault"},
                },
            }],
            "volumes": [{"name": "tofu", "emptyDir": {}}],
        },
    });
    match template {
        Value::Object(template) => template,
        _ => Map::new(),
    }
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::batch::v1::Job;
    use k8s_openapi::api::core::v1::Pod;

    use super::*;

    fn typed(job: &Value) -> Job {
        serde_json::from_value(job.clone()).unwrap()
    }

    #[test]
    fn the_job_is_the_documented_one() {
        let job = typed(&orchestrator_job("ns", "sa", None));
        let spec = job.spec.unwrap();
        assert_eq!((spec.backoff_limit, spec.parallelism), (Some(0), Some(1)));
        assert_eq!(spec.ttl_seconds_after_finished, Some(3600));
        let pod = spec.template.spec.unwrap();
        assert_eq!(pod.restart_policy.as_deref(), Some("Never"));
        assert_eq!(pod.service_account_name.as_deref(), Some("sa"));
        assert!(pod.volumes.unwrap()[0].empty_dir.is_some());
        let [main] = pod.containers.as_slice() else {
            panic!("one container");
        };
        assert_eq!(main.name, "main");
        assert_eq!(main.args.as_deref(), Some(&["standard".to_owned()][..]));
        assert_eq!(
            main.resources.as_ref().unwrap().requests.as_ref().unwrap()["memory"].0,
            "1Gi"
        );
        let security = main.security_context.as_ref().unwrap();
        assert_eq!(security.allow_privilege_escalation, Some(false));
        assert_eq!(security.run_as_non_root, Some(true));
        assert_eq!(
            security.seccomp_profile.as_ref().unwrap().type_,
            "RuntimeDefault"
        );
        assert_eq!(
            security.capabilities.as_ref().unwrap().drop.as_deref(),
            Some(&["ALL".to_owned()][..])
        );
    }

    #[test]
    fn a_refusal_is_the_same_each_time() {
        let message = r#"pods "eks-access-check-x2bqp" is forbidden: exceeded quota: q"#;
        assert_eq!(
            without_generated_name(message),
            r#"pods "eks-access-check" is forbidden: exceeded quota: q"#
        );
        assert_eq!(without_generated_name("busy"), "busy");
    }

    #[test]
    fn the_pod_template_is_laid_over() {
        let patch = json!({
            "metadata": {"labels": {"app": "x"}},
            "spec": {"containers": [{"name": "main", "image": "mine", "env": [{"name": "A", "value": "1"}]}]},
        });
        let job = orchestrator_job("ns", "sa", patch.as_object());
        let template = typed(&job).spec.unwrap().template;
        let container = &template.spec.unwrap().containers[0];
        assert_eq!(container.image.as_deref(), Some("mine"));
        assert_eq!(
            container.args.as_deref(),
            Some(&["standard".to_owned()][..])
        );
        let pod: Pod = serde_json::from_value(pod_of(&job)).unwrap();
        assert_eq!(pod.metadata.labels.unwrap()["app"], "x");
        assert_eq!(pod.metadata.namespace.as_deref(), Some("ns"));
        assert_eq!(
            pod.spec.unwrap().service_account_name.as_deref(),
            Some("sa")
        );
    }
}
