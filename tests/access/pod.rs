//! What the Job's pod needs: admission by the cluster's policies, objects, and a place for the state.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::Scenario;
use crate::cloud::{Checked, Cloud, set};
use crate::fix;

pub(crate) const SCENARIOS: &[Scenario] = &[
    (
        "pod::policies_that_the_job_meets",
        policies_that_the_job_meets,
    ),
    (
        "pod::policies_that_the_job_does_not_meet",
        policies_that_the_job_does_not_meet,
    ),
    ("pod::quota_that_is_used_up", quota_that_is_used_up),
    ("pod::overridden_variables", overridden_variables),
    ("pod::objects", objects),
    ("pod::image_pull_secret", image_pull_secret),
    ("pod::classes", classes),
    ("pod::state_rights", state_rights),
    ("pod::state_token", state_token),
    ("pod::state_token_projected", state_token_projected),
    ("pod::merge_error", merge_error),
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
        let selector =
            json!({"matchLabels": {"kubernetes.io/metadata.name": cloud.runner().namespace}});
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
        for kind in [
            "validatingadmissionpolicybinding",
            "validatingadmissionpolicy",
        ] {
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
        assert!(
            start.elapsed() < Duration::from_secs(20),
            "\n{}",
            checked.text()
        );
    }
}

const UUID_4: &str = "[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}";

fn policies_that_the_job_meets(cloud: &Cloud) {
    // Refuses the marked pod alone, so that one sees when the policy is in force.
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
    until(cloud, &refused, |checked| {
        checked.status("job-dry-run") == "failed"
    })
    .only(&["job-dry-run"], &[])
    .says("job-dry-run", &["Job's pod", "'marked'"]);
    cloud.check_documented().all_pass();
    drop(policy);

    let name = format!("object.metadata.name.matches('^{UUID_4}$')");
    let marked = "!has(object.spec.template.metadata.annotations)";
    let _policy = Policy::new(
        cloud,
        "jobs",
        &[marked, &name, "!has(object.metadata.labels)"],
    );
    until(cloud, &refused, |checked| {
        checked.status("job-dry-run") == "failed"
    });
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
        (
            "pods",
            "object.spec.containers.all(c, has(c.resources.limits))",
        ),
        (
            "pods",
            "object.spec.containers.all(c, c.env.all(e, e.name != 'TOKEN' || !has(e.value)))",
        ),
        ("pods", "'team' in object.metadata.labels"),
        ("jobs", "has(object.metadata.labels)"),
    ] {
        let _policy = Policy::new(cloud, resource, &[expression]);
        let checked = until(cloud, &cloud.configuration(), |checked| {
            checked.status("job-dry-run") == "failed"
        });
        checked
            .only(&["job-dry-run"], &[])
            .says("job-dry-run", &[expression, "--runner-image", "ghcr.io/"]);
        // The tried objects' names are new each time, and the message is the same.
        let again = cloud.check_documented();
        assert_eq!(checked.message("job-dry-run"), again.message("job-dry-run"));
    }
    // The image of a pod template is no setting of the check.
    let _policy = Policy::new(
        cloud,
        "pods",
        &["object.spec.containers.all(c, c.image != 'mine:1')"],
    );
    let image = json!({"spec": {"containers": [{"name": "main", "image": "mine:1"}]}});
    let runner = cloud.with("job/pod_template", image);
    let checked = until(cloud, &runner, |checked| {
        checked.status("job-dry-run") == "failed"
    });
    assert!(!checked.message("job-dry-run").contains("--runner-image"));
}

/// Others use the quota up: what is wrong now may be right in a minute.
fn quota_that_is_used_up(cloud: &Cloud) {
    crate::inside::quota_of(cloud, &json!({"pods": "3"}), &json!({"pods": "3"}));
    let checked = until(cloud, &cloud.configuration(), |checked| {
        checked.status("job-dry-run") != "passed"
    });
    checked.outcome(&[], &["job-dry-run"], &[]).says(
        "job-dry-run",
        &["exceeded quota: none", "used up at the moment"],
    );
    fix::shell(cloud, checked.fix("job-dry-run"));
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
            .says(
                "job-dry-run",
                &[&format!("pod_template sets {name}"), "and its pod"],
            );
    }
}

fn objects(cloud: &Cloud) {
    let mut runner = cloud.with("job/pod_template", json!({"spec": {"volumes": [
        {"name": "a", "persistentVolumeClaim": {"claimName": "s3-pvc"}},
        {"name": "b", "azureFile": {"secretName": "share-key", "shareName": "s"}},
        {"name": "c", "csi": {"driver": "d", "nodePublishSecretRef": {"name": "csi-key"}}},
        {"name": "d", "projected": {"sources": [{"configMap": {"name": "parts", "items": [{"key": "k", "path": "p"}]}}]}},
        {"name": "e", "secret": {"secretName": "maybe", "optional": true}},
    ]}}));
    let checked = cloud.check(&runner);
    checked.only(&["pod-template-refs"], &[]).says(
        "pod-template-refs",
        &[
            "PersistentVolumeClaim \"s3-pvc\" does not exist",
            "Secret \"share-key\" does not exist",
            "Secret \"csi-key\" does not exist",
            "ConfigMap \"parts\" does not exist",
        ],
    );
    assert!(!checked.message("pod-template-refs").contains("maybe"));
    fix::mends_runner(cloud, &mut runner, &checked, "pod-template-refs");
    cloud.kubectl(&[
        "delete",
        "pvc",
        "s3-pvc",
        &format!("--namespace={}", cloud.runner().namespace),
        "--wait=false",
    ]);
}

/// The kubelet goes on without it.
fn image_pull_secret(cloud: &Cloud) {
    let mut runner = cloud.with(
        "job/pod_template",
        json!({"spec": {"imagePullSecrets": [{"name": "pull"}]}}),
    );
    let checked = cloud.check(&runner);
    checked.outcome(&[], &["pod-template-refs"], &[]).says(
        "pod-template-refs",
        &[
            "image pull Secret \"pull\" does not exist",
            "without its credentials",
        ],
    );
    fix::mends_runner(cloud, &mut runner, &checked, "pod-template-refs");
}

/// Admission refuses a pod of a class that does not exist.
fn classes(cloud: &Cloud) {
    for (field, message) in [
        (
            "priorityClassName",
            "PriorityClass \"absent\" does not exist",
        ),
        ("runtimeClassName", "RuntimeClass \"absent\" does not exist"),
    ] {
        let template = json!({"spec": {field: "absent"}});
        let checked = cloud.check(&cloud.with("job/pod_template", template));
        checked
            .only(&["pod-template-refs", "job-dry-run"], &[])
            .says("pod-template-refs", &[message])
            .says("job-dry-run", &["absent"]);
        fix::shell(cloud, checked.fix("job-dry-run"));
        fix::shell(cloud, checked.fix("pod-template-refs"));
    }
    cloud.kubectl(&["delete", "priorityclass", "absent"]);
    let system = json!({"spec": {"priorityClassName": "system-cluster-critical"}});
    cloud
        .check(&cloud.with("job/pod_template", system))
        .all_pass();
}

/// A runner with kubernetes state storage in its own namespace.
fn with_state(cloud: &Cloud) -> Value {
    let mut runner = cloud.configuration();
    let state = json!({"type": "kubernetes", "namespace": cloud.runner().namespace});
    runner["state_storage_configuration"] = state;
    runner
}

/// A Role of the Job's service account with the Orchestrator's documented verbs but one, and its binding.
fn state_role(cloud: &Cloud, without: Option<(&str, &str)>) {
    let (namespace, account) = (&cloud.runner().namespace, &cloud.runner().service_account);
    let rule = |group: &str, resource: &str, verbs: &[&str]| {
        let kept = verbs
            .iter()
            .filter(|verb| Some((resource, **verb)) != without);
        json!({"apiGroups": [group], "resources": [resource], "verbs": kept.collect::<Vec<_>>()})
    };
    let rbac = "rbac.authorization.k8s.io";
    let role = json!({
        "apiVersion": format!("{rbac}/v1"), "kind": "Role",
        "metadata": {"name": "humanitec-runner-state", "namespace": namespace},
        "rules": [
            rule("", "secrets", &["create", "get", "list", "watch", "update", "delete"]),
            rule("coordination.k8s.io", "leases", &["create", "get", "update"]),
        ],
    });
    let binding = json!({
        "apiVersion": format!("{rbac}/v1"), "kind": "RoleBinding",
        "metadata": {"name": "state", "namespace": namespace},
        "roleRef": {"apiGroup": rbac, "kind": "Role", "name": "humanitec-runner-state"},
        "subjects": [{"kind": "ServiceAccount", "name": account, "namespace": namespace}],
    });
    cloud.eks.apply(&role.to_string()).unwrap();
    cloud.eks.apply(&binding.to_string()).unwrap();
}

fn state_rights(cloud: &Cloud) {
    let mut runner = with_state(cloud);
    state_role(cloud, None);
    cloud.check(&runner).all_pass();
    assert_eq!(cloud.check(&runner).status("state-storage"), "passed");
    for (resource, verb) in [
        ("secrets", "get"),
        ("secrets", "list"),
        ("secrets", "create"),
        ("secrets", "update"),
        ("leases", "get"),
        ("leases", "create"),
        ("leases", "update"),
    ] {
        state_role(cloud, Some((resource, verb)));
        let checked = cloud.check(&runner);
        checked.only(&["state-storage"], &[]).says(
            "state-storage",
            &[&format!("not allowed to {verb} {resource} in")],
        );
        fix::mends_runner(cloud, &mut runner, &checked, "state-storage");
    }
    for verb in ["delete", "watch"] {
        state_role(cloud, Some(("secrets", verb)));
        cloud.check(&runner).all_pass();
    }
}

fn state_token(cloud: &Cloud) {
    state_role(cloud, None);
    let mut runner = with_state(cloud);
    set(
        &mut runner,
        "job/pod_template",
        json!({"spec": {"automountServiceAccountToken": false}}),
    );
    let checked = cloud.check(&runner);
    checked.only(&["state-storage"], &[]).says(
        "state-storage",
        &[
            "in_cluster_config",
            "pod_template",
            "automountServiceAccountToken",
        ],
    );
    assert!(checked.fix("state-storage").contains("job.pod_template"));

    let namespace = format!("--namespace={}", cloud.runner().namespace);
    let account = &cloud.runner().service_account;
    let off = r#"--patch={"automountServiceAccountToken": false}"#;
    cloud.kubectl(&["patch", "serviceaccount", account, &namespace, off]);
    // The pod's own value counts first.
    set(
        &mut runner,
        "job/pod_template",
        json!({"spec": {"automountServiceAccountToken": true}}),
    );
    cloud.check(&runner).all_pass();
    let mut runner = with_state(cloud);
    let checked = cloud.check(&runner);
    checked.only(&["state-storage"], &[]).says(
        "state-storage",
        &["service account \"humanitec-runner\" sets automountServiceAccountToken"],
    );
    fix::mends_runner(cloud, &mut runner, &checked, "state-storage");
}

fn state_token_projected(cloud: &Cloud) {
    state_role(cloud, None);
    let template = |sources: Value| {
        json!({"spec": {
            "automountServiceAccountToken": false,
            "containers": [{"name": "main", "volumeMounts": [
                {"name": "token", "mountPath": "/var/run/secrets/kubernetes.io/serviceaccount", "readOnly": true},
            ]}],
            "volumes": [{"name": "token", "projected": {"sources": sources}}],
        }})
    };
    let token = json!({"serviceAccountToken": {"path": "token", "expirationSeconds": 3600}});
    let ca = json!({"configMap": {"name": "kube-root-ca.crt", "items": [{"key": "ca.crt", "path": "ca.crt"}]}});
    let namespace = json!({"downwardAPI": {"items": [{"path": "namespace", "fieldRef": {"fieldPath": "metadata.namespace"}}]}});
    // No controller is here that makes it.
    let root_ca = json!({
        "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": "kube-root-ca.crt", "namespace": cloud.runner().namespace},
        "data": {"ca.crt": "x"},
    });
    cloud.eks.apply(&root_ca.to_string()).unwrap();
    let mut runner = with_state(cloud);
    set(
        &mut runner,
        "job/pod_template",
        template(json!([token, ca, namespace])),
    );
    let checked = cloud.check(&runner);
    checked.all_pass();
    assert_eq!(
        checked.status("state-storage"),
        "passed",
        "\n{}",
        checked.text()
    );
    set(
        &mut runner,
        "job/pod_template",
        template(json!([ca, namespace])),
    );
    cloud
        .check(&runner)
        .only(&["state-storage"], &[])
        .says("state-storage", &["without token"]);
}

/// What the Orchestrator's own merge refuses.
fn merge_error(cloud: &Cloud) {
    let template = json!({"spec": {"volumes": [{"emptyDir": {}}]}});
    let checked = cloud.check(&cloud.with("job/pod_template", template));
    checked
        .only(&["pod-template-refs", "job-dry-run"], &[])
        .says(
            "job-dry-run",
            &["cannot merge pod_template", "`volumes`", "`name`"],
        );
}
