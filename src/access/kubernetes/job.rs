//! The Job that the Orchestrator creates for a deployment, and its pod.
//!
//! Source: the Orchestrator's data plane (stellwerk-labs/platform-orchestrator), which builds the Job, and
//! kube-controller-manager 1.34 (pkg/controller/controller_utils.go, `GetPodFromTemplate`), which builds the pod.

use serde_json::{Map, Value, json};

use crate::runner::JobTemplate;
use crate::runner::job_container::DEPLOYMENT_ID;
use crate::runner::pod_template::merge::MergeError;

/// The finalizer of every Job's pod.
const FINALIZER: &str = "batch.kubernetes.io/job-tracking";

/// The values that the Orchestrator fills into its Job.
pub(crate) struct JobValues<'a> {
    /// The organization's ID.
    pub(crate) org: &'a str,
    /// The runner's ID.
    pub(crate) runner_id: &'a str,
    /// The namespace of the Job.
    pub(crate) namespace: &'a str,
    /// The service account of the pod.
    pub(crate) service_account: &'a str,
    /// The image of the container [`MAIN`].
    pub(crate) image: &'a str,
    /// The runner's `pod_template`.
    pub(crate) pod_template: Option<&'a Map<String, Value>>,
}

impl JobValues<'_> {
    /// Returns the Orchestrator's Job, with the runner's pod template merged into its own.
    ///
    /// # Errors
    /// If the pod template cannot be merged. The Orchestrator cannot merge it either.
    pub(crate) fn job(&self) -> Result<Value, MergeError> {
        let template = JobTemplate {
            org: self.org,
            runner_id: self.runner_id,
            service_account: self.service_account,
            image: self.image,
        };
        let template = template.merged(self.pod_template)?;
        Ok(json!({
            "apiVersion": "batch/v1",
            "kind": "Job",
            "metadata": {"name": DEPLOYMENT_ID, "namespace": self.namespace},
            "spec": {
                "backoffLimit": 0,
                "parallelism": 1,
                "ttlSecondsAfterFinished": 3600,
                "template": template,
            },
        }))
    }
}

/// Returns the pod template of a Job of the Orchestrator with the labels that the API server adds to the template of every Job,
/// unless it has them. They contain the Job's name and its UID, which differ with each deployment and have the same form.
///
/// Source: kube-apiserver 1.34 (`generateSelector` in pkg/registry/batch/job/strategy.go; the names of the labels are in
/// pkg/apis/batch/types.go).
pub(crate) fn with_job_labels(mut template: Value) -> Value {
    const LABELS: [&str; 4] = [
        "job-name",
        "batch.kubernetes.io/job-name",
        "controller-uid",
        "batch.kubernetes.io/controller-uid",
    ];
    for label in LABELS {
        let found = &mut template["metadata"]["labels"][label];
        if found.is_null() {
            *found = DEPLOYMENT_ID.into();
        }
    }
    template
}

/// Returns the pod that the cluster's Job controller creates for a Job that the API admitted, which has a UID and the
/// controller's labels in its template.
pub(crate) fn pod_of(job: &Value) -> Value {
    let (own, template) = (&job["metadata"], &job["spec"]["template"]);
    let name = own["name"].as_str().unwrap_or_default();
    let mut finalizers = match &template["metadata"]["finalizers"] {
        Value::Array(finalizers) => finalizers.clone(),
        _ => Vec::new(),
    };
    if !finalizers.iter().any(|one| one == FINALIZER) {
        finalizers.push(FINALIZER.into());
    }
    json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "generateName": format!("{name}-"),
            "namespace": own["namespace"],
            "labels": template["metadata"]["labels"],
            "annotations": template["metadata"]["annotations"],
            "finalizers": finalizers,
            "ownerReferences": [{
                "apiVersion": "batch/v1",
                "kind": "Job",
                "name": name,
                "uid": own["uid"],
                "controller": true,
                "blockOwnerDeletion": true,
            }],
        },
        "spec": template["spec"],
    })
}

/// Returns a message about an object that was tried, without what differs in each attempt: the UID of the Job and the end
/// of the pod's name. `job` is the Job that was sent, whose own UUIDs stay.
pub(crate) fn stable_message(message: &str, job: &Value) -> String {
    const LENGTH: usize = DEPLOYMENT_ID.len();
    let sent = job.to_string();
    let (mut text, mut rest) = (String::new(), message);
    while let Some(next) = rest.chars().next() {
        match rest.get(..LENGTH).filter(|one| uuid::Uuid::try_parse(one).is_ok()) {
            Some(DEPLOYMENT_ID) => {
                text += "<deployment id>";
                rest = &rest[LENGTH..];
                // The letters behind `generateName`.
                let ending = rest.strip_prefix('-').and_then(|rest| rest.get(..5));
                if ending.is_some_and(|end| end.bytes().all(|b| b.is_ascii_alphanumeric())) {
                    text += "-…";
                    rest = &rest[6..];
                }
            }
            Some(other) => {
                text += if sent.contains(other) { other } else { "<uid>" };
                rest = &rest[LENGTH..];
            }
            None => {
                text.push(next);
                rest = &rest[next.len_utf8()..];
            }
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use k8s_openapi::api::batch::v1::Job;
    use k8s_openapi::api::core::v1::Pod;

    use super::*;

    fn job(pod_template: Option<Value>) -> Value {
        let pod_template = pod_template.as_ref().and_then(Value::as_object);
        let values = JobValues {
            org: "o",
            runner_id: "r",
            namespace: "ns",
            service_account: "sa",
            image: "registry/runner:1",
            pod_template,
        };
        values.job().unwrap()
    }

    fn typed(job: &Value) -> Job {
        serde_json::from_value(job.clone()).unwrap()
    }

    #[test]
    fn the_job_is_the_orchestrator_s() {
        let value = job(None);
        let job = typed(&value);
        let uuid: uuid::Uuid = job.metadata.name.unwrap().parse().unwrap();
        assert_eq!(uuid.get_version_num(), 4);
        assert_eq!(job.metadata.labels, None);
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
        let names: Vec<_> = main.env.iter().flatten().map(|one| one.name.as_str()).collect();
        assert_eq!(
            names,
            [
                "ORG_ID",
                "RUNNER_ID",
                "DEPLOYMENT_ID",
                "DEPLOYMENT_ENV_UUID",
                "MODE",
                "LOG_LEVEL",
                "RUNNER_GATEWAY_URL",
                "TOKEN"
            ]
        );
        // Every other field of the container, and none besides.
        let mut main = value["spec"]["template"]["spec"]["containers"][0].clone();
        main.as_object_mut().unwrap().remove("env");
        assert_eq!(
            main,
            json!({
                "name": "main",
                "image": "registry/runner:1",
                "imagePullPolicy": "IfNotPresent",
                "args": ["standard"],
                "resources": {"requests": {"memory": "1Gi"}},
                "volumeMounts": [{"name": "tofu", "mountPath": "/opt/runner/tofu"}],
                "securityContext": {
                    "allowPrivilegeEscalation": false,
                    "capabilities": {"drop": ["ALL"]},
                    "runAsNonRoot": true,
                    "seccompProfile": {"type": "RuntimeDefault"},
                },
            })
        );
    }

    #[test]
    fn a_refusal_is_the_same_each_time() {
        let sent = json!({"label": "11111111-2222-4333-8444-555555555555"});
        for (message, stable) in [
            (
                format!(r#"pods "{DEPLOYMENT_ID}-x2bqp" is forbidden: exceeded quota: q"#),
                r#"pods "<deployment id>-…" is forbidden: exceeded quota: q"#,
            ),
            (
                format!("jobs.batch \"{DEPLOYMENT_ID}\" is forbidden: é"),
                "jobs.batch \"<deployment id>\" is forbidden: é",
            ),
            (
                "must be 0a1b2c3d-0000-4000-8000-0123456789ab, not 11111111-2222-4333-8444-555555555555".to_owned(),
                "must be <uid>, not 11111111-2222-4333-8444-555555555555",
            ),
            ("busy".to_owned(), "busy"),
        ] {
            assert_eq!(stable_message(&message, &sent), stable);
        }
    }

    #[test]
    fn the_pod_template_is_merged() {
        let job = job(Some(json!({
            "metadata": {"labels": {"app": "x"}},
            "spec": {"containers": [{"name": "main", "image": "mine", "env": [{"name": "LOG_LEVEL", "value": "debug"}]}]},
        })));
        let template = typed(&job).spec.unwrap().template;
        assert_eq!(template.metadata.unwrap().labels.unwrap()["app"], "x");
        let container = &template.spec.unwrap().containers[0];
        assert_eq!(container.image.as_deref(), Some("mine"));
        assert_eq!(container.args.as_deref(), Some(&["standard".to_owned()][..]));
        let variables = container.env.iter().flatten();
        let levels: Vec<_> = variables.filter(|one| one.name == "LOG_LEVEL").collect();
        assert_eq!(levels[0].value.as_deref(), Some("debug"));
        assert_eq!(levels.len(), 1);
    }

    #[test]
    fn the_api_server_adds_labels_to_the_pod_template() {
        for template in [
            json!({}),
            json!({"metadata": null}),
            json!({"metadata": {"labels": {"app": "x", "job-name": "own"}}}),
        ] {
            let name = template["metadata"]["labels"]["job-name"].as_str();
            let found = with_job_labels(template.clone());
            let labels = &found["metadata"]["labels"];
            assert_eq!(labels["job-name"], name.unwrap_or(DEPLOYMENT_ID));
            assert_eq!(labels["batch.kubernetes.io/job-name"], DEPLOYMENT_ID);
            for uid in ["controller-uid", "batch.kubernetes.io/controller-uid"] {
                assert!(uuid::Uuid::try_parse(labels[uid].as_str().unwrap()).is_ok());
            }
            assert_eq!(labels["app"], template["metadata"]["labels"]["app"]);
        }
    }

    #[test]
    fn the_pod_is_the_job_controller_s() {
        let admitted = json!({
            "metadata": {"name": "n", "namespace": "ns", "uid": "u", "labels": {"of": "the Job"}},
            "spec": {"template": {
                "metadata": {"name": "ignored", "labels": {"job-name": "n"}, "annotations": {"a": "b"}, "finalizers": ["own"]},
                "spec": {"serviceAccountName": "sa", "containers": []},
            }},
        });
        let pod: Pod = serde_json::from_value(pod_of(&admitted)).unwrap();
        let metadata = pod.metadata;
        assert_eq!((metadata.name, metadata.generate_name.as_deref()), (None, Some("n-")));
        assert_eq!(metadata.namespace.as_deref(), Some("ns"));
        assert_eq!(
            metadata.labels.unwrap().into_iter().collect::<Vec<_>>(),
            [("job-name".to_owned(), "n".to_owned())]
        );
        assert_eq!(metadata.annotations.unwrap()["a"], "b");
        assert_eq!(
            metadata.finalizers.unwrap(),
            ["own", "batch.kubernetes.io/job-tracking"]
        );
        let owner = &metadata.owner_references.unwrap()[0];
        assert_eq!(
            (owner.kind.as_str(), owner.name.as_str(), owner.uid.as_str()),
            ("Job", "n", "u")
        );
        assert_eq!((owner.controller, owner.block_owner_deletion), (Some(true), Some(true)));
        assert_eq!(pod.spec.unwrap().service_account_name.as_deref(), Some("sa"));
    }
}
