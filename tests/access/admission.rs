//! Whether the cluster admits the Orchestrator's Job and its pod.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::Scenario;
use crate::cloud::{Checked, Cloud, set};
use crate::fix;

pub(crate) const SCENARIOS: &[Scenario] = sandbox::scenarios![
    policies_that_the_job_meets,
    policies_that_the_job_does_not_meet,
    overridden_variables,
    pod_security,
    built_in,
    uncounted_quota,
    quotas,
    quota_that_is_used_up,
    quota_that_wants_limits,
    quota_in_another_unit,
    limit_range,
    invalid_pod_template,
];

/// A ValidatingAdmissionPolicy for the runner's namespace, which is removed at the end.
struct Policy<'a>(&'a Cloud);

const POLICY: &str = "test-policy";

impl<'a> Policy<'a> {
    fn new(cloud: &'a Cloud, resource: &str, expressions: &[&str]) -> Self {
        let group = if resource == "jobs" { "batch" } else { "" };
        let validations: Vec<Value> = expressions
            .iter()
            .map(|expression| json!({"expression": expression, "message": format!("no: {expression}")}))
            .collect();
        let selector = json!({"matchLabels": {"kubernetes.io/metadata.name": cloud.runner().namespace}});
        let api = "admissionregistration.k8s.io/v1";
        let policy = json!({
            "apiVersion": api, "kind": "ValidatingAdmissionPolicy", "metadata": {"name": POLICY},
            "spec": {
                "failurePolicy": "Fail",
                "matchConstraints": {
                    "namespaceSelector": selector,
                    "resourceRules": [{
                        "apiGroups": [group], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": [resource],
                    }],
                },
                "validations": validations,
            },
        });
        let binding = json!({
            "apiVersion": api, "kind": "ValidatingAdmissionPolicyBinding", "metadata": {"name": POLICY},
            "spec": {"policyName": POLICY, "validationActions": ["Deny"]},
        });
        cloud.eks.apply(&policy.to_string()).unwrap();
        cloud.eks.apply(&binding.to_string()).unwrap();
        Self(cloud)
    }
}

impl Drop for Policy<'_> {
    fn drop(&mut self) {
        for kind in ["validatingadmissionpolicybinding", "validatingadmissionpolicy"] {
            let _ = self.0.eks.kubectl(&["delete", kind, POLICY]);
        }
    }
}

/// Checks until the outcome is as expected: the API server sees a change after a moment.
#[track_caller]
fn until(cloud: &Cloud, runner: &Value, expected: impl Fn(&Checked) -> bool) -> Checked {
    let start = Instant::now();
    loop {
        let checked = cloud.check(runner);
        if expected(&checked) {
            return checked;
        }
        assert!(start.elapsed() < Duration::from_secs(20), "\n{}", checked.text());
    }
}

const UUID_4: &str = "[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}";

fn policies_that_the_job_meets(cloud: &Cloud) {
    // Refuses the marked pod alone, which shows when the policy is in force.
    let marked = "!has(object.metadata.annotations) || !('marked' in object.metadata.annotations)";
    let name = format!("object.metadata.generateName.matches('^{UUID_4}-$')");
    let variables = format!(
        "object.spec.containers.all(c, ['DEPLOYMENT_ID', 'DEPLOYMENT_ENV_UUID'].all(n, \
         c.env.exists(e, e.name == n && e.value.matches('^{UUID_4}$'))))"
    );
    let pods = [
        marked,
        &name,
        &variables,
        "object.spec.containers.all(c, c.image.contains(':') && !c.image.endsWith(':latest'))",
        "object.spec.containers.all(c, c.image.startsWith('ghcr.io/'))",
        "object.spec.containers.all(c, c.imagePullPolicy == 'IfNotPresent')",
        "object.spec.containers.all(c, !has(c.securityContext.privileged))",
        "object.spec.containers.all(c, has(c.resources.requests) && 'memory' in c.resources.requests)",
        "object.spec.containers.all(c, ['ORG_ID', 'RUNNER_ID', 'MODE', 'LOG_LEVEL', 'RUNNER_GATEWAY_URL', 'TOKEN']\
         .all(n, c.env.exists(e, e.name == n && e.value != '')))",
        "object.spec.containers.all(c, c.env.exists(e, e.name == 'ORG_ID' && e.value == 'my-org') && \
         c.env.exists(e, e.name == 'RUNNER_ID' && e.value == 'my-runner'))",
        "['job-name', 'batch.kubernetes.io/job-name', 'controller-uid', 'batch.kubernetes.io/controller-uid']\
         .all(l, l in object.metadata.labels)",
        "object.metadata.ownerReferences.exists(o, o.kind == 'Job' && o.apiVersion == 'batch/v1' && o.controller && \
         o.blockOwnerDeletion && o.name == object.metadata.labels['job-name'] && \
         o.uid == object.metadata.labels['controller-uid'])",
        "object.metadata.finalizers == ['batch.kubernetes.io/job-tracking']",
        "request.userInfo.username == 'system:serviceaccount:kube-system:job-controller'",
    ];
    let refused = cloud.with(
        "job/pod_template",
        json!({"metadata": {"annotations": {"marked": "x"}}}),
    );
    let policy = Policy::new(cloud, "pods", &pods);
    until(cloud, &refused, |checked| checked.status("job-dry-run") == "failed")
        .only(&["job-dry-run"], &[])
        .says("job-dry-run", &["pod of the Orchestrator's Job", "'marked'"]);
    cloud.check_documented().all_pass();
    drop(policy);

    let name = format!("object.metadata.name.matches('^{UUID_4}$')");
    let marked = "!has(object.spec.template.metadata.annotations)";
    let _policy = Policy::new(cloud, "jobs", &[marked, &name, "!has(object.metadata.labels)"]);
    until(cloud, &refused, |checked| checked.status("job-dry-run") == "failed");
    cloud.check_documented().all_pass();
}

fn policies_that_the_job_does_not_meet(cloud: &Cloud) {
    for (resource, expression) in [
        (
            "pods",
            "object.spec.containers.all(c, has(c.securityContext.privileged) && c.securityContext.privileged == false)",
        ),
        (
            "pods",
            "object.spec.containers.all(c, c.image.startsWith('registry.example/'))",
        ),
        ("pods", "object.spec.containers.all(c, has(c.resources.limits))"),
        (
            "pods",
            "object.spec.containers.all(c, c.env.all(e, e.name != 'TOKEN' || !has(e.value)))",
        ),
        ("pods", "'team' in object.metadata.labels"),
        ("jobs", "has(object.metadata.labels)"),
    ] {
        let _policy = Policy::new(cloud, resource, &[expression]);
        let checked = once_refused(cloud, expression);
        checked
            .only(&["job-dry-run"], &[])
            .says("job-dry-run", &[expression, "--runner-image", "ghcr.io/"]);
        // The names of the objects are new each time, and the message stays the same.
        let again = cloud.check_documented();
        assert_eq!(checked.message("job-dry-run"), again.message("job-dry-run"));
    }
    // The check has no setting for the image of a pod template.
    let _policy = Policy::new(cloud, "pods", &["object.spec.containers.all(c, c.image != 'mine:1')"]);
    let image = json!({"spec": {"containers": [{"name": "main", "image": "mine:1"}]}});
    let runner = cloud.with("job/pod_template", image);
    let checked = until(cloud, &runner, |checked| checked.status("job-dry-run") == "failed");
    assert!(!checked.message("job-dry-run").contains("--runner-image"));
}

/// Other pods use up the quota, which can change in a minute: the check warns.
fn quota_that_is_used_up(cloud: &Cloud) {
    quota_of(cloud, &json!({"pods": "3"}), &json!({"pods": "3"}));
    let checked = until(cloud, &cloud.configuration(), |checked| {
        checked.status("job-dry-run") != "passed"
    });
    checked
        .outcome(&[], &["job-dry-run"], &[])
        .says("job-dry-run", &["exceeded quota: none", "used up at the moment"]);
    fix::shell(cloud, checked.fix("job-dry-run"));
}

/// A built-in admission plugin refuses a field of the pod, whatever the image is.
fn built_in(cloud: &Cloud) {
    let runner = cloud.with("job/pod_template", json!({"spec": {"priority": 100}}));
    let checked = cloud.check(&runner);
    checked.only(&["job-dry-run"], &[]).says(
        "job-dry-run",
        &["the integer value of priority (100) must not be provided in pod spec"],
    );
    let image = "--runner-image";
    assert!(!checked.message("job-dry-run").contains(image));
    assert_eq!(
        checked.fix("job-dry-run").trim(),
        "# Change the field that the message names in job.pod_template."
    );
}

/// The cluster counts what uses a quota a moment later: here, no controller does.
fn uncounted_quota(cloud: &Cloud) {
    quota_of(cloud, &json!({"pods": "10"}), &json!({}));
    let checked = until(cloud, &cloud.configuration(), |checked| {
        checked.status("job-dry-run") != "passed"
    });
    checked
        .is_incomplete("a ResourceQuota whose usage is unknown (1)")
        .says("job-dry-run", &["status unknown for quota: none"]);
}

fn overridden_variables(cloud: &Cloud) {
    let with = |name: &str| {
        let main = json!({"name": "main", "env": [{"name": name, "value": "debug"}]});
        cloud.with("job/pod_template", json!({"spec": {"containers": [main]}}))
    };
    cloud.check(&with("LOG_LEVEL")).all_pass();
    for name in ["RUNNER_GATEWAY_URL", "RUNNER_ID", "DEPLOYMENT_ENV_UUID"] {
        cloud
            .check(&with(name))
            .outcome(&[], &["job-dry-run"], &[])
            .says("job-dry-run", &[&format!("pod_template sets {name}"), "and its pod"]);
    }
}

fn pod_security(cloud: &Cloud) {
    let namespace = cloud.runner().namespace.as_str();
    let enforce = |level: &str| {
        let label = format!("pod-security.kubernetes.io/enforce={level}");
        cloud.kubectl(&["label", "namespace", namespace, "--overwrite", &label]);
    };
    enforce("restricted");
    // The Orchestrator's own Job is a restricted one.
    cloud.check_documented().all_pass();
    // Pod Security only warns about a Job. It refuses the pod.
    let root = json!({"spec": {"containers": [{"name": "main", "securityContext": {"runAsNonRoot": false}}]}});
    let mut runner = cloud.with("job/pod_template", root);
    let checked = cloud.check(&runner);
    checked
        .only(&["job-dry-run"], &[])
        .says("job-dry-run", &["violates PodSecurity", "runAsNonRoot"]);
    // The name of the pod is new each time, and the message stays the same.
    let again = cloud.check(&runner);
    assert_eq!(checked.message("job-dry-run"), again.message("job-dry-run"));
    fix::works_for(cloud, &mut runner, &checked, "job-dry-run");
    // What only the level `privileged` admits. The API server describes the first three as violations of `restricted`.
    let main = |context: Value| json!({"spec": {"containers": [{"name": "main", "securityContext": context}]}});
    for (template, reason) in [
        (
            json!({"spec": {"volumes": [{"name": "host", "hostPath": {"path": "/"}}]}}),
            "hostPath",
        ),
        (main(json!({"capabilities": {"add": ["SYS_ADMIN"]}})), "SYS_ADMIN"),
        (main(json!({"seccompProfile": {"type": "Unconfined"}})), "Unconfined"),
        (
            main(json!({"privileged": true, "allowPrivilegeEscalation": true})),
            "privileged",
        ),
    ] {
        enforce("restricted");
        set(&mut runner, "job/pod_template", template);
        let checked = cloud.check(&runner);
        checked
            .only(&["job-dry-run"], &[])
            .says("job-dry-run", &["restricted", reason]);
        fix::works_for(cloud, &mut runner, &checked, "job-dry-run");
    }
}

/// Checks the documented runner until its Job or pod is refused with this in the message: for a while, the API server
/// can still apply an earlier policy.
#[track_caller]
fn once_refused(cloud: &Cloud, expression: &str) -> Checked {
    until(cloud, &cloud.configuration(), |checked| {
        checked.status("job-dry-run") == "failed" && checked.message("job-dry-run").contains(expression)
    })
}

/// The container's limit then comes from the LimitRange, and its request is higher.
fn limit_range(cloud: &Cloud) {
    let namespace = &cloud.runner().namespace;
    for (limits, said) in [
        (
            json!({"type": "Container", "max": {"memory": "512Mi"}}),
            "must be less than or equal to memory limit",
        ),
        (
            json!({"type": "Pod", "min": {"memory": "2Gi"}}),
            "minimum memory usage per Pod",
        ),
    ] {
        let range = json!({
            "apiVersion": "v1", "kind": "LimitRange",
            "metadata": {"name": "small", "namespace": namespace},
            "spec": {"limits": [limits]},
        });
        cloud.eks.apply(&range.to_string()).unwrap();
        let checked = until(cloud, &cloud.configuration(), |checked| {
            checked.message("job-dry-run").contains(said)
        });
        checked
            .only(&["job-dry-run"], &[])
            .says("job-dry-run", &["pod of the Orchestrator's Job", said]);
        let fix = checked.fix("job-dry-run");
        let command = format!("kubectl describe limitrange -n {namespace}");
        assert!(fix.contains(&command) && !fix.contains("invalid"), "{fix}");
        fix::shell(cloud, fix);
    }
}

fn quota_that_wants_limits(cloud: &Cloud) {
    let hard = json!({"limits.memory": "8Gi", "limits.cpu": "8", "requests.cpu": "8"});
    let used = json!({"limits.memory": "0", "limits.cpu": "0", "requests.cpu": "0"});
    quota_of(cloud, &hard, &used);
    let checked = once_refused(cloud, "must specify");
    checked
        .only(&["job-dry-run"], &[])
        .says("job-dry-run", &["must specify limits.cpu for: main"]);
    let fix = checked.fix("job-dry-run");
    for name in ["limits.memory", "limits.cpu", "requests.cpu"] {
        assert!(fix.contains(&format!("resources.{name}")), "{fix}");
    }
    fix::shell(cloud, fix);
    until(cloud, &cloud.configuration(), |checked| {
        checked.status("job-dry-run") == "passed"
    });
}

fn quota_in_another_unit(cloud: &Cloud) {
    let hard = json!({"requests.memory": "1G"});
    quota_of(cloud, &hard, &json!({"requests.memory": "512M"}));
    let checked = once_refused(cloud, "requested:");
    checked.says("job-dry-run", &["requested: requests.memory=1Gi"]);
    fix::shell(cloud, checked.fix("job-dry-run"));
    let namespace = format!("--namespace={}", cloud.runner().namespace);
    let raised = "--output=jsonpath={.spec.hard.requests\\.memory}";
    let hard = cloud.kubectl(&["get", "resourcequota", "none", &namespace, raised]);
    assert_eq!(hard, (512_000_000 + (1_u64 << 30)).to_string());
}

/// Sets a quota of zero.
fn quota(cloud: &Cloud, resource: &str) {
    let none = json!({resource: "0"});
    quota_of(cloud, &none, &none);
}

/// Sets a quota, with the status that a controller would write.
fn quota_of(cloud: &Cloud, hard: &Value, used: &Value) {
    let namespace = format!("--namespace={}", cloud.runner().namespace);
    let quota = json!({
        "apiVersion": "v1", "kind": "ResourceQuota",
        "metadata": {"name": "none", "namespace": cloud.runner().namespace},
        "spec": {"hard": hard},
    });
    cloud.eks.apply(&quota.to_string()).unwrap();
    let status = format!("--patch={}", json!({"status": {"hard": hard, "used": used}}));
    cloud.kubectl(&[
        "patch",
        "resourcequota",
        "none",
        &namespace,
        "--subresource=status",
        "--type=merge",
        &status,
    ]);
}

fn quotas(cloud: &Cloud) {
    let namespace = format!("--namespace={}", cloud.runner().namespace);
    for resource in ["count/jobs.batch", "pods", "requests.memory"] {
        quota(cloud, resource);
        let checked = cloud.check_documented();
        checked
            .only(&["job-dry-run"], &[])
            .says("job-dry-run", &["exceeded quota: none", resource]);
        fix::shell(cloud, checked.fix("job-dry-run"));
        // Writes the status, as the quota controller does.
        let raised = [
            "get",
            "resourcequota",
            "none",
            &namespace,
            "--output=jsonpath={.spec.hard}",
        ];
        let hard: Value = serde_json::from_str(&cloud.kubectl(&raised)).unwrap();
        let status = format!("--patch={}", json!({"status": {"hard": hard}}));
        let patch = [
            "patch",
            "resourcequota",
            "none",
            &namespace,
            "--subresource=status",
            "--type=merge",
            &status,
        ];
        cloud.kubectl(&patch);
        // The API server sees it in a moment.
        until(cloud, &cloud.configuration(), |checked| {
            checked.status("job-dry-run") == "passed"
        })
        .all_pass();
        cloud.kubectl(&["delete", "resourcequota", "none", &namespace]);
    }
}

fn invalid_pod_template(cloud: &Cloud) {
    let template =
        json!({"spec": {"containers": [{"name": "main", "volumeMounts": [{"name": "absent", "mountPath": "/x"}]}]}});
    let checked = cloud.check(&cloud.with("job/pod_template", template));
    checked
        .only(&["job-dry-run"], &[])
        .says("job-dry-run", &["volumeMounts", "absent"]);
}
