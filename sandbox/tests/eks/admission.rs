//! What admission refuses once access is granted.

use libtest_mimic::Failed;

use crate::access::{CREATE, JOB};
use crate::{Test, documented, eventually};

pub(crate) const TESTS: &[(&str, Test)] = sandbox::scenarios![pod_security_and_quota_are_enforced];

fn pod_security_and_quota_are_enforced() -> Result<(), Failed> {
    let (eks, _) = documented()?;
    eks.apply(
        "
apiVersion: v1
kind: ResourceQuota
metadata: {name: no-jobs, namespace: humanitec-runner}
spec: {hard: {count/jobs.batch: '0'}}
",
    )?;
    eks.kubectl(&[
        "patch",
        "resourcequota",
        "no-jobs",
        "--namespace=humanitec-runner",
        "--subresource=status",
        "--type=merge",
        r#"--patch={"status":{"hard":{"count/jobs.batch":"0"},"used":{"count/jobs.batch":"0"}}}"#,
    ])?;
    let token = eks.cluster_token(eks.administrator())?;
    let refused = |manifest: &str| {
        eks.kubectl_as(&token, &CREATE, manifest)
            .err()
            .map(|error| error.to_string())
    };
    assert!(eventually(
        || refused(JOB).is_some_and(|message| message.contains("exceeded quota"))
    ));
    eks.kubectl(&[
        "label",
        "namespace",
        "humanitec-runner",
        "pod-security.kubernetes.io/enforce=restricted",
    ])?;
    let pod = r#"{
      "apiVersion": "v1", "kind": "Pod", "metadata": {"name": "a-pod", "namespace": "humanitec-runner"},
      "spec": {"serviceAccountName": "humanitec-runner", "containers": [{"name": "main", "image": "runner"}]}
    }"#;
    assert!(eventually(|| {
        refused(pod).is_some_and(|message| message.contains("violates PodSecurity"))
    }));
    Ok(())
}
