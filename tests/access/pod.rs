//! What the Job's pod needs: the objects that it names, and the state storage.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::Scenario;
use crate::cloud::{Cloud, set};
use crate::fix;
use crate::volumes::{Driver, mounted};

pub(crate) const SCENARIOS: &[Scenario] = sandbox::scenarios![
    objects,
    secret_provider_class,
    claims,
    inline_driver,
    binary_data,
    image_pull_secret,
    classes,
    state_rights,
    state_proxy,
    state_token,
    state_token_projected,
];

fn objects(cloud: &Cloud) {
    let _inline = Driver::new(cloud, "d", "Ephemeral");
    let _ebs = Driver::new(cloud, "ebs.csi.aws.com", "Persistent");
    let mut runner = cloud.with("job/pod_template", mounted(&json!([
        {"name": "a", "persistentVolumeClaim": {"claimName": "s3-pvc"}},
        {"name": "b", "azureFile": {"secretName": "share-key", "shareName": "s"}},
        {"name": "c", "csi": {"driver": "d", "nodePublishSecretRef": {"name": "csi-key"}}},
        {"name": "d", "projected": {"sources": [{"configMap": {"name": "parts", "items": [{"key": "k", "path": "p"}]}}]}},
        {"name": "e", "secret": {"secretName": "maybe", "optional": true}},
    ])));
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
    create_storage_class(cloud, "WaitForFirstConsumer");
    fix::works_for(cloud, &mut runner, &checked, "pod-template-refs");
    cloud.kubectl(&["delete", "storageclass", "default"]);
    delete_claim(cloud, "s3-pvc");
}

/// Creates the cluster's default StorageClass.
fn create_storage_class(cloud: &Cloud, binding_mode: &str) {
    let class = json!({
        "apiVersion": "storage.k8s.io/v1", "kind": "StorageClass",
        "metadata": {
            "name": "default",
            "annotations": {"storageclass.kubernetes.io/is-default-class": "true"},
        },
        "provisioner": "ebs.csi.aws.com",
        "volumeBindingMode": binding_mode,
    });
    cloud.eks.apply(&class.to_string()).unwrap();
}

fn delete_claim(cloud: &Cloud, name: &str) {
    let namespace = format!("--namespace={}", cloud.runner().namespace);
    cloud.kubectl(&["delete", "pvc", name, &namespace, "--wait=false"]);
}

/// A pod waits for a claim that is not bound, unless the claim waits for the pod.
fn claims(cloud: &Cloud) {
    let claim = |name: &str, class: Value| {
        let claim = json!({
            "apiVersion": "v1", "kind": "PersistentVolumeClaim",
            "metadata": {"name": name, "namespace": cloud.runner().namespace},
            "spec": {
                "accessModes": ["ReadWriteOnce"],
                "resources": {"requests": {"storage": "1Gi"}},
                "storageClassName": class,
            },
        });
        cloud.eks.apply(&claim.to_string()).unwrap();
        let volume = json!({"name": "a", "persistentVolumeClaim": {"claimName": name}});
        cloud.with("job/pod_template", json!({"spec": {"volumes": [volume]}}))
    };
    let runner = claim("unbound", json!("default"));
    let waits = |part: &str| {
        let checked = cloud.check(&runner);
        checked
            .outcome(&[], &["pod-template-refs"], &[])
            .says("pod-template-refs", &[part]);
    };
    waits("its StorageClass \"default\" does not exist");
    create_storage_class(cloud, "Immediate");
    waits("the pod stays Pending until StorageClass \"default\" has created one");
    cloud.kubectl(&["delete", "storageclass", "default"]);
    create_storage_class(cloud, "WaitForFirstConsumer");
    waits("StorageClass \"default\" needs the CSI driver ebs.csi.aws.com");
    let driver = Driver::new(cloud, "ebs.csi.aws.com", "Persistent");
    cloud.check(&runner).all_pass();
    drop(driver);
    cloud.kubectl(&["delete", "storageclass", "default"]);
    let static_only = cloud.check(&claim("static", json!("")));
    static_only
        .outcome(&[], &["pod-template-refs"], &[])
        .says("pod-template-refs", &["no StorageClass"]);
    let lost = r#"--patch={"status":{"phase":"Lost"}}"#;
    let namespace = format!("--namespace={}", cloud.runner().namespace);
    cloud.kubectl(&[
        "patch",
        "pvc",
        "unbound",
        &namespace,
        "--subresource=status",
        "--type=merge",
        lost,
    ]);
    cloud
        .check(&runner)
        .only(&["pod-template-refs"], &[])
        .says("pod-template-refs", &["\"unbound\" has lost its volume"]);
    delete_claim(cloud, "unbound");
    delete_claim(cloud, "static");
}

/// Variables use the data of a ConfigMap, and files also its binary data.
fn binary_data(cloud: &Cloud) {
    let map = json!({
        "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": "settings", "namespace": cloud.runner().namespace},
        "binaryData": {"key": "eA=="},
    });
    cloud.eks.apply(&map.to_string()).unwrap();
    let volume = json!({"name": "settings", "items": [{"key": "key", "path": "key"}]});
    let file = mounted(&json!([{"name": "a", "configMap": volume}]));
    cloud.check(&cloud.with("job/pod_template", file)).all_pass();
    let key = json!({"configMapKeyRef": {"name": "settings", "key": "key"}});
    let main = json!({"name": "main", "env": [{"name": "A", "valueFrom": key}]});
    let variable = json!({"spec": {"containers": [main]}});
    cloud
        .check(&cloud.with("job/pod_template", variable))
        .only(&["pod-template-refs"], &[])
        .says(
            "pod-template-refs",
            &["ConfigMap \"settings\" has the key \"key\" only in binaryData"],
        );
}

/// The kubelet mounts an inline volume only with a driver that has a CSIDriver for such volumes.
fn inline_driver(cloud: &Cloud) {
    const NAME: &str = "csi.spiffe.io";
    let volume = json!({"name": "v", "csi": {"driver": NAME, "readOnly": true}});
    let runner = cloud.with("job/pod_template", mounted(&json!([volume])));
    let unmounted = json!({"spec": {"volumes": [volume]}});
    let fails = |part: &str| {
        let checked = cloud.check(&runner);
        checked
            .only(&["pod-template-refs"], &[])
            .says("pod-template-refs", &[part]);
        fix::shell(cloud, checked.fix("pod-template-refs"));
    };
    fails("CSIDriver \"csi.spiffe.io\" does not exist");
    let persistent = Driver::new(cloud, NAME, "Persistent");
    fails("does not support inline volumes; its volumeLifecycleModes are Persistent");
    drop(persistent);
    cloud.check(&cloud.with("job/pod_template", unmounted)).all_pass();
    let _ephemeral = Driver::new(cloud, NAME, "Ephemeral");
    cloud.check(&runner).all_pass();
}

/// The Secrets Store CSI driver mounts what a SecretProviderClass names.
fn secret_provider_class(cloud: &Cloud) {
    let driver = Driver::new(cloud, "secrets-store.csi.k8s.io", "Ephemeral");
    let csi = json!({
        "driver": "secrets-store.csi.k8s.io",
        "readOnly": true,
        "volumeAttributes": {"secretProviderClass": "aws-secrets"},
    });
    let template = mounted(&json!([{"name": "a", "csi": csi}]));
    let runner = cloud.with("job/pod_template", template);
    cloud
        .check(&runner)
        .outcome(&[], &[], &["pod-template-refs"])
        .says("pod-template-refs", &["does not serve secretproviderclasses"]);
    let crd = json!({
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "secretproviderclasses.secrets-store.csi.x-k8s.io"},
        "spec": {
            "group": "secrets-store.csi.x-k8s.io",
            "scope": "Namespaced",
            "names": {
                "kind": "SecretProviderClass",
                "plural": "secretproviderclasses",
                "singular": "secretproviderclass",
            },
            "versions": [{
                "name": "v1", "served": true, "storage": true,
                "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": true}},
            }],
        },
    });
    cloud.eks.apply(&crd.to_string()).unwrap();
    let class = json!({
        "apiVersion": "secrets-store.csi.x-k8s.io/v1", "kind": "SecretProviderClass",
        "metadata": {"name": "other", "namespace": cloud.runner().namespace},
        "spec": {"provider": "aws"},
    });
    let start = Instant::now();
    // The API serves a new kind after a moment.
    while let Err(error) = cloud.eks.apply(&class.to_string()) {
        assert!(start.elapsed() < Duration::from_secs(20), "{error}");
    }
    cloud.check(&runner).only(&["pod-template-refs"], &[]).says(
        "pod-template-refs",
        &["SecretProviderClass \"aws-secrets\" does not exist"],
    );
    let mut class = class;
    class["metadata"]["name"] = json!("aws-secrets");
    cloud.eks.apply(&class.to_string()).unwrap();
    cloud.check(&runner).all_pass();
    drop(driver);
    cloud.check(&runner).only(&["pod-template-refs"], &[]).says(
        "pod-template-refs",
        &["CSIDriver \"secrets-store.csi.k8s.io\" does not exist"],
    );
    cloud.kubectl(&["delete", "crd", "secretproviderclasses.secrets-store.csi.x-k8s.io"]);
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
        &["image pull Secret \"pull\" does not exist", "without its credentials"],
    );
    fix::works_for(cloud, &mut runner, &checked, "pod-template-refs");
}

/// Admission refuses a pod of a class that does not exist.
fn classes(cloud: &Cloud) {
    for (field, message) in [
        ("priorityClassName", "PriorityClass \"absent\" does not exist"),
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
    cloud.check(&cloud.with("job/pod_template", system)).all_pass();
}

/// A runner with kubernetes state storage in its own namespace.
pub(crate) fn with_state(cloud: &Cloud) -> Value {
    let mut runner = cloud.configuration();
    let state = json!({"type": "kubernetes", "namespace": cloud.runner().namespace});
    runner["state_storage_configuration"] = state;
    runner
}

/// A Role of the Job's service account with the Orchestrator's documented verbs but one, and its binding.
pub(crate) fn state_role(cloud: &Cloud, without: Option<(&str, &str)>) {
    let (namespace, account) = (&cloud.runner().namespace, &cloud.runner().service_account);
    let rule = |group: &str, resource: &str, verbs: &[&str]| {
        let kept = verbs.iter().filter(|verb| Some((resource, **verb)) != without);
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
    let checked = cloud.check(&runner);
    checked.all_pass();
    assert_eq!(checked.status("state-storage"), "passed");
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
        checked
            .only(&["state-storage"], &[])
            .says("state-storage", &[&format!("not allowed to {verb} {resource} in")]);
        fix::works_for(cloud, &mut runner, &checked, "state-storage");
    }
    for verb in ["delete", "watch"] {
        state_role(cloud, Some(("secrets", verb)));
        cloud.check(&runner).all_pass();
    }
}

/// OpenTofu calls the cluster's API by the address of its Service, which no proxy reaches.
fn state_proxy(cloud: &Cloud) {
    state_role(cloud, None);
    let with_env = |env: &Value| {
        let main = json!({"name": "main", "env": env});
        let mut runner = with_state(cloud);
        let template = json!({"spec": {"containers": [main]}});
        set(&mut runner, "job/pod_template", template);
        runner
    };
    let proxy = |name: &str| json!({"name": name, "value": "http://proxy.example:3128"});
    cloud.check(&with_env(&json!([proxy("HTTP_PROXY")]))).all_pass();
    let mut env = json!([proxy("HTTPS_PROXY"), {"name": "NO_PROXY", "value": ".internal"}]);
    let checked = cloud.check(&with_env(&env));
    checked.outcome(&[], &["state-storage"], &[]).says(
        "state-storage",
        &["pod_template sets HTTPS_PROXY, but NO_PROXY does not contain 172.20.0.1"],
    );
    let (_, entry) = checked.fix("state-storage").split_once("\n# ").unwrap();
    env[1] = serde_json::from_str(entry).unwrap();
    cloud.check(&with_env(&env)).all_pass();
    env[1]["value"] = json!("172.20.0.0/16");
    cloud.check(&with_env(&env)).all_pass();
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
        &["in_cluster_config", "pod_template", "automountServiceAccountToken"],
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
    let namespace =
        json!({"downwardAPI": {"items": [{"path": "namespace", "fieldRef": {"fieldPath": "metadata.namespace"}}]}});
    // No controller creates it here.
    let root_ca = json!({
        "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": "kube-root-ca.crt", "namespace": cloud.runner().namespace},
        "data": {"ca.crt": "x"},
    });
    cloud.eks.apply(&root_ca.to_string()).unwrap();
    let mut runner = with_state(cloud);
    set(&mut runner, "job/pod_template", template(json!([token, ca, namespace])));
    let checked = cloud.check(&runner);
    checked.all_pass();
    assert_eq!(checked.status("state-storage"), "passed", "\n{}", checked.text());
    set(&mut runner, "job/pod_template", template(json!([ca, namespace])));
    cloud
        .check(&runner)
        .only(&["state-storage"], &[])
        .says("state-storage", &["without token"]);
    // It works in an image with a link from /var/run to /run.
    let mut linked = template(json!([token, ca, namespace]));
    linked["spec"]["containers"][0]["volumeMounts"][0]["mountPath"] =
        json!("/run/secrets/kubernetes.io/serviceaccount");
    set(&mut runner, "job/pod_template", linked);
    cloud
        .check(&runner)
        .outcome(&[], &["state-storage"], &[])
        .says("state-storage", &["only if the image has a link"]);
}
