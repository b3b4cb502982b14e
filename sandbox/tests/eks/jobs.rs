//! Jobs run as on a real cluster, except for their containers, and fail in the ways that a test selects.

use libtest_mimic::Failed;
use sandbox::eks::Eks;
use sandbox::{Pool, Taken};
use serde_json::{Value, json};

use crate::{Test, eventually};

pub(crate) const TESTS: &[(&str, Test)] = sandbox::scenarios![
    a_job_completes_and_is_deleted,
    a_pod_waits_for_a_node,
    a_pod_that_does_not_start_says_why,
    a_quota_keeps_the_pod_out,
    a_job_ends_at_its_deadline_and_is_removed,
];

/// The small EKS's that run Jobs.
pub(crate) static EKS: Pool<Eks> = Pool::new();

const NAMESPACE: &str = "--namespace=humanitec-runner";

fn clean() -> Result<Taken<Eks>, Failed> {
    let eks = EKS.take(|| {
        let options = sandbox::eks::EksOptions {
            runs_jobs: true,
            ..sandbox::eks::EksOptions::default()
        };
        Eks::start(options).expect("the small EKS starts")
    });
    eks.reset()?;
    eks.set_up_as_documented("my-org", "my-runner")?;
    Ok(eks)
}

/// Creates a Job with changes to its spec and to the spec of its pod.
fn create(eks: &Eks, job: &Value, pod: &Value) -> Result<(), Failed> {
    let mut spec = json!({"backoffLimit": 0, "template": {"spec": {
        "restartPolicy": "Never",
        "serviceAccountName": "humanitec-runner",
        "containers": [{"name": "main", "image": "ghcr.io/runner:1", "resources": {"requests": {"memory": "1Gi"}}}],
    }}});
    for (changes, at) in [(job, ""), (pod, "/template/spec")] {
        let target = spec.pointer_mut(at).ok_or("no such path")?;
        for (name, value) in changes.as_object().into_iter().flatten() {
            target[name] = value.clone();
        }
    }
    let job = json!({
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": "j", "namespace": "humanitec-runner"},
        "spec": spec,
    });
    Ok(eks.apply(&job.to_string())?)
}

fn get(eks: &Eks, what: &str, path: &str) -> String {
    let output = format!("--output=jsonpath={{{path}}}");
    eks.kubectl(&["get", what, NAMESPACE, &output]).unwrap_or_default()
}

fn events(eks: &Eks) -> String {
    get(eks, "events", ".items[*].reason")
}

#[track_caller]
fn becomes(eks: &Eks, what: &str, path: &str, expected: &str) {
    let found = || get(eks, what, path);
    assert!(
        eventually(|| found().contains(expected)),
        "{path} is {:?}, not {expected:?}; events: {}",
        found(),
        events(eks)
    );
}

fn a_job_completes_and_is_deleted() -> Result<(), Failed> {
    let eks = clean()?;
    create(&eks, &json!({}), &json!({}))?;
    becomes(&eks, "pods", ".items[*].spec.nodeName", &eks.node_name());
    becomes(&eks, "pods", ".items[*].status.phase", "Running");
    becomes(&eks, "jobs", ".items[*].status.succeeded", "1");
    let events = events(&eks);
    for reason in [
        "SuccessfulCreate",
        "Scheduled",
        "Pulling",
        "Pulled",
        "Started",
        "Completed",
    ] {
        assert!(events.contains(reason), "{reason}: {events}");
    }
    eks.kubectl(&["delete", "job", "j", NAMESPACE, "--cascade=foreground", "--timeout=20s"])?;
    assert_eq!(get(&eks, "pods,jobs", ".items[*].metadata.name"), "");
    Ok(())
}

fn a_pod_waits_for_a_node() -> Result<(), Failed> {
    let eks = clean()?;
    let node = eks.node_name();
    eks.kubectl(&["cordon", &node])?;
    create(&eks, &json!({}), &json!({}))?;
    becomes(&eks, "pods", ".items[*].status.conditions[*].reason", "Unschedulable");
    becomes(&eks, "events", ".items[*].reason", "FailedScheduling");
    eks.kubectl(&["uncordon", &node])?;
    becomes(&eks, "jobs", ".items[*].status.succeeded", "1");
    // The next test finds the node as it was.
    eks.kubectl(&["delete", "node", &node])?;
    eks.reset()?;
    assert_eq!(
        eks.kubectl(&["get", "nodes", "--output=jsonpath={.items[*].spec.taints}"])?,
        ""
    );
    Ok(())
}

fn a_pod_that_does_not_start_says_why() -> Result<(), Failed> {
    let eks = clean()?;
    let image = json!({"containers": [{"name": "main", "image": "registry.invalid/runner:1"}]});
    create(&eks, &json!({}), &image)?;
    let waiting = ".items[*].status.containerStatuses[*].state.waiting.reason";
    becomes(&eks, "pods", waiting, "ImagePullBackOff");
    becomes(&eks, "events", ".items[*].message", "Failed to pull image");
    eks.kubectl(&["delete", "job", "j", NAMESPACE])?;
    let volume = json!({"volumes": [{"name": "credentials", "secret": {"secretName": "missing-credentials"}}]});
    create(&eks, &json!({}), &volume)?;
    becomes(&eks, "events", ".items[*].reason", "FailedMount");
    becomes(&eks, "pods", waiting, "ContainerCreating");
    Ok(())
}

fn a_quota_keeps_the_pod_out() -> Result<(), Failed> {
    let eks = clean()?;
    eks.kubectl(&["create", "quota", "no-pods", NAMESPACE, "--hard=pods=0"])?;
    // The controller of quotas writes the status.
    becomes(&eks, "quota", ".items[*].status.hard.pods", "0");
    create(&eks, &json!({}), &json!({}))?;
    becomes(&eks, "events", ".items[*].message", "exceeded quota: no-pods");
    assert_eq!(get(&eks, "pods", ".items[*].metadata.name"), "");
    Ok(())
}

fn a_job_ends_at_its_deadline_and_is_removed() -> Result<(), Failed> {
    let eks = clean()?;
    eks.kubectl(&["cordon", &eks.node_name()])?;
    let limits = json!({"activeDeadlineSeconds": 2, "ttlSecondsAfterFinished": 1});
    create(&eks, &limits, &json!({}))?;
    becomes(&eks, "pods", ".items[*].status.phase", "Pending");
    assert!(eventually(
        || get(&eks, "jobs,pods", ".items[*].metadata.name").is_empty()
    ));
    Ok(())
}
