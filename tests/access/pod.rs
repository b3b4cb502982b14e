//! What the Job's pod needs: the objects that it names, and the state storage.

use serde_json::{Value, json};

use crate::Scenario;
use crate::cloud::{Cloud, set};
use crate::fix;

pub(crate) const SCENARIOS: &[Scenario] = &[
    ("pod::objects", objects),
    ("pod::image_pull_secret", image_pull_secret),
    ("pod::classes", classes),
    ("pod::state_rights", state_rights),
    ("pod::state_token", state_token),
    ("pod::state_token_projected", state_token_projected),
];

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
    fix::works_for(cloud, &mut runner, &checked, "pod-template-refs");
    cloud.kubectl(&[
        "delete",
        "pvc",
        "s3-pvc",
        &format!("--namespace={}", cloud.runner().namespace),
        "--wait=false",
    ]);
}

/// The kubelet continues without a missing image pull secret.
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
    fix::works_for(cloud, &mut runner, &checked, "pod-template-refs");
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
        fix::works_for(cloud, &mut runner, &checked, "state-storage");
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
    fix::works_for(cloud, &mut runner, &checked, "state-storage");
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
    // No controller creates it here.
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
