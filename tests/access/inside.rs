//! Problems of objects in the cluster.

use serde_json::{Value, json};

use crate::Scenario;
use crate::cloud::{Cloud, IN_NAMESPACE, ONLY_WARN, RBAC};
use crate::fix;

pub(crate) const SCENARIOS: &[Scenario] = sandbox::scenarios![
    namespace,
    terminating_namespace,
    service_account,
    each_verb,
    wrong_user,
    binding_of_another_role,
    rules_are_kept,
    near_misses,
    access_policy,
    references,
    references_by_strange_names,
];

fn namespace(cloud: &Cloud) {
    let mut runner = cloud.with("job/namespace", json!("nowhere"));
    let checked = cloud.check(&runner);
    checked
        .only(&["namespace"], &IN_NAMESPACE)
        .says("namespace", &["Namespace \"nowhere\" does not exist"]);
    fix::apply(cloud, &mut runner, &checked, "namespace");
    let checked = cloud.check(&runner);
    let failed = [&["service-account"][..], &RBAC].concat();
    checked.only(&failed, &["pod-identity", "job-dry-run"]);
    fix::apply(cloud, &mut runner, &checked, "service-account");
    fix::works_for(cloud, &mut runner, &checked, "rbac-list-pods");
}

fn terminating_namespace(cloud: &Cloud) {
    // No controller here ends the deletion.
    cloud.kubectl(&["delete", "namespace", &cloud.runner().namespace, "--wait=false"]);
    let checked = cloud.check_documented();
    checked
        .only(&["namespace"], &["service-account", "pod-identity", "job-dry-run"])
        .says("namespace", &["being deleted"]);
    cloud.finish_deletion(&cloud.runner().namespace);
    let mut runner = cloud.configuration();
    fix::apply(cloud, &mut runner, &checked, "namespace");
    assert_eq!(cloud.check(&runner).status("namespace"), "passed");
}

fn service_account(cloud: &Cloud) {
    let namespace = format!("--namespace={}", cloud.runner().namespace);
    cloud.kubectl(&["delete", "serviceaccount", &cloud.runner().service_account, &namespace]);
    let checked = cloud.check_documented();
    checked
        .only(&["service-account"], &["pod-identity", "job-dry-run"])
        .says("service-account", &["\"humanitec-runner\""]);
    fix::works(cloud, &checked, "service-account");
}

fn each_verb(cloud: &Cloud) {
    let namespace = &cloud.runner().namespace;
    let all = [
        ("batch", "jobs", "create"),
        ("batch", "jobs", "get"),
        ("", "pods", "list"),
        ("", "events", "list"),
    ];
    for (id, missing) in RBAC.iter().zip(all) {
        let rules = all
            .iter()
            .filter(|right| **right != missing)
            .map(|(group, resource, verb)| json!({"apiGroups": [group], "resources": [resource], "verbs": [verb]}));
        let role = json!({
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "Role",
            "metadata": {"name": "humanitec-runner-orchestrator-access", "namespace": namespace},
            "rules": rules.collect::<Vec<_>>(),
        });
        cloud.eks.apply(&role.to_string()).unwrap();
        let checked = cloud.check_documented();
        let skipped: &[&str] = if *id == "rbac-create-jobs" {
            &["job-dry-run"]
        } else {
            &[]
        };
        checked.only(&[id], skipped);
        checked.says(
            id,
            &["RoleBinding \"humanitec-runner-orchestrator-access\"", "does not grant"],
        );
        if ONLY_WARN.contains(id) {
            checked.says(id, &["Deployments still work"]);
        }
        fix::works(cloud, &checked, id);
    }
}

fn wrong_user(cloud: &Cloud) {
    let mut runner = cloud.with("cluster/auth/session_name", json!("new-session"));
    let checked = cloud.check(&runner);
    checked.only(&RBAC, &["job-dry-run"]);
    let old = "assumed-role/humanitec-runner-eks-role/my-org-my-runner";
    checked.says(
        "rbac-get-jobs",
        &[old, "not this runner's user", "humanitec-runner-eks-role/new-session"],
    );
    fix::works_for(cloud, &mut runner, &checked, "rbac-create-jobs");
}

/// Deletes the documented binding.
fn unbind(cloud: &Cloud) -> String {
    let namespace = format!("--namespace={}", cloud.runner().namespace);
    let name = "humanitec-runner-orchestrator-access";
    cloud.kubectl(&["delete", "rolebinding", name, &namespace]);
    namespace
}

/// A binding's role cannot be changed.
fn binding_of_another_role(cloud: &Cloud) {
    let namespace = unbind(cloud);
    let name = "humanitec-runner-orchestrator-access:my-org:my-runner";
    let user = "--user=arn:aws:sts::123456789012:assumed-role/humanitec-runner-eks-role/my-org-my-runner";
    let view = "--clusterrole=view";
    cloud.kubectl(&["create", "rolebinding", name, &namespace, view, user]);
    let checked = cloud.check_documented();
    checked.says("rbac-create-jobs", &[name, "ClusterRole \"view\""]);
    fix::works(cloud, &checked, "rbac-create-jobs");

    let mut runner = cloud.configuration();
    let state = json!({"type": "kubernetes", "namespace": cloud.runner().namespace});
    runner["state_storage_configuration"] = state;
    let name = format!(
        "humanitec-runner-state:{}:{}",
        cloud.runner().namespace,
        cloud.runner().service_account
    );
    cloud.kubectl(&["create", "rolebinding", &name, &namespace, view, user]);
    let checked = cloud.check(&runner);
    fix::works_for(cloud, &mut runner, &checked, "state-storage");
}

/// The fix keeps rules that someone has added to the Roles.
fn rules_are_kept(cloud: &Cloud) {
    let namespace = unbind(cloud);
    let mut runner = cloud.configuration();
    let state = json!({"type": "kubernetes", "namespace": cloud.runner().namespace});
    runner["state_storage_configuration"] = state;
    let own = json!({"apiGroups": [""], "resources": ["pods/log"], "verbs": ["get"]});
    for (role, id) in [
        ("humanitec-runner-orchestrator-access", "rbac-create-jobs"),
        ("humanitec-runner-state", "state-storage"),
    ] {
        let object = json!({
            "apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role",
            "metadata": {"name": role, "namespace": cloud.runner().namespace},
            "rules": [own],
        });
        cloud.eks.apply(&object.to_string()).unwrap();
        let checked = cloud.check(&runner);
        fix::apply(cloud, &mut runner, &checked, id);
        let rules = "--output=jsonpath={.rules}";
        let rules = cloud.kubectl(&["get", "role", role, &namespace, rules]);
        let rules: Value = serde_json::from_str(&rules).unwrap();
        assert!(rules.as_array().unwrap().contains(&own), "{rules}");
    }
    cloud.check(&runner).all_pass();
}

/// The binding of another runner of the same role is not reported as wrong. A ClusterRoleBinding is named as well.
fn near_misses(cloud: &Cloud) {
    unbind(cloud);
    let other = "arn:aws:sts::123456789012:assumed-role/humanitec-runner-eks-role/my-org-r1";
    let user = format!("--user={other}");
    let view = "--clusterrole=view";
    cloud.kubectl(&["create", "clusterrolebinding", "near", view, &user]);
    let checked = cloud.check_documented();
    cloud.kubectl(&["delete", "clusterrolebinding", "near"]);
    checked.only(&RBAC, &["job-dry-run"]).says(
        "rbac-get-jobs",
        &[
            "The ClusterRoleBinding \"near\"",
            other,
            "might belong to another runner",
        ],
    );
}

fn access_policy(cloud: &Cloud) {
    let namespace = format!("--namespace={}", cloud.runner().namespace);
    cloud.kubectl(&[
        "delete",
        "rolebinding",
        "humanitec-runner-orchestrator-access",
        &namespace,
    ]);
    let without = cloud.check_documented();
    without.only(&RBAC, &["job-dry-run"]);
    // No policy grants it, so the cluster's refusal is about the runner.
    let skipped = cloud.check_with(&cloud.configuration(), &["--skip", "rbac-create-jobs"]);
    assert_eq!(skipped.status("job-dry-run"), "failed");
    skipped.says("job-dry-run", &["cannot create resource \"jobs\""]);
    let associate = |name: &str, scope: Value| {
        let mut policy = cloud.entry();
        policy["policyArn"] = json!(format!("arn:aws:eks::aws:cluster-access-policy/{name}"));
        policy["accessScope"] = scope;
        cloud.aws("eks", "AssociateAccessPolicy", &policy);
    };
    let here = json!({"type": "namespace", "namespaces": ["other", "humanitec-*"]});
    associate("AmazonEKSSecretReaderPolicy", here.clone());
    cloud.check_documented().only(&RBAC, &["job-dry-run"]);
    associate("AmazonEKSViewPolicy", here.clone());
    cloud.check_documented().only(&["rbac-create-jobs"], &["job-dry-run"]);
    associate(
        "AmazonEKSEditPolicy",
        json!({"type": "namespace", "namespaces": ["elsewhere", "humanitec"]}),
    );
    cloud.check_documented().only(&["rbac-create-jobs"], &["job-dry-run"]);
    associate("AmazonEKSEditPolicy", here);
    let checked = cloud.check_documented();
    // The access policy applies to the session and not to the user name, so impersonation cannot show it.
    checked
        .only(&[], &["job-dry-run"])
        .says("job-dry-run", &["access policy"]);
    for id in RBAC.iter() {
        checked.says(id, &["The EKS access policy AmazonEKS"]);
    }
    let (_directory, token) = cloud.token_file(&cloud.eks.oidc_token("my-org", "my-runner").unwrap());
    let as_runner = ["--as", "runner", "--web-identity-token-file", &token];
    let checked = cloud.check_with(&cloud.configuration(), &as_runner);
    for id in RBAC.iter().copied().chain(["job-dry-run"]) {
        assert_eq!(checked.status(id), "passed", "\n{}", checked.text());
    }
    fix::works(cloud, &without, "rbac-create-jobs");
}

fn references(cloud: &Cloud) {
    let key = |name: &str| json!({"name": name, "key": "key"});
    let mut runner = cloud.with(
        "job/pod_template",
        json!({"spec": {
            "containers": [{"name": "main",
                "env": [
                    {"name": "A", "valueFrom": {"secretKeyRef": key("my-secret")}},
                    {"name": "B", "valueFrom": {"configMapKeyRef": key("my-map")}},
                    {"name": "C", "valueFrom": {"secretKeyRef": {"name": "maybe", "key": "key", "optional": true}}},
                ],
                "envFrom": [{"secretRef": {"name": "all"}}],
                "volumeMounts": [{"name": "v", "mountPath": "/v"}],
            }],
            "volumes": [{"name": "v", "secret": {"secretName": "files"}}],
            "imagePullSecrets": [{"name": "pull"}],
        }}),
    );
    let checked = cloud.check(&runner);
    checked.only(&["pod-template-refs"], &[]);
    for missing in [
        "Secret \"my-secret\"",
        "ConfigMap \"my-map\"",
        "Secret \"all\"",
        "Secret \"files\"",
        "Secret \"pull\"",
    ] {
        checked.says("pod-template-refs", &[&format!("{missing} does not exist")]);
    }
    assert!(!checked.message("pod-template-refs").contains("maybe"));
    fix::works_for(cloud, &mut runner, &checked, "pod-template-refs");

    let pull = [
        "get",
        "secret",
        "pull",
        &format!("--namespace={}", cloud.runner().namespace),
        "--output=jsonpath={.type}",
    ];
    assert_eq!(cloud.kubectl(&pull), "kubernetes.io/dockerconfigjson");

    let namespace = format!("--namespace={}", cloud.runner().namespace);
    cloud.kubectl(&["delete", "secret", "my-secret", &namespace]);
    let other = "--from-literal=other=a-secret-value";
    cloud.kubectl(&["create", "secret", "generic", "my-secret", &namespace, other]);
    let checked = cloud.check(&runner);
    checked.only(&["pod-template-refs"], &[]);
    checked.says(
        "pod-template-refs",
        &[
            "Secret \"my-secret\" does not have the key \"key\"",
            "its keys are other",
        ],
    );
    assert!(!checked.report.to_string().contains("a-secret-value"));
    let added = r#"--patch={"stringData": {"key": "x"}}"#;
    cloud.kubectl(&["patch", "secret", "my-secret", &namespace, added]);
    cloud.check(&runner).all_pass();
}

/// A name that no Secret can have is reported as missing, and stays one word of the printed command.
fn references_by_strange_names(cloud: &Cloud) {
    let namespace = format!("--namespace={}", cloud.runner().namespace);
    let literal = "--from-literal=key=x";
    cloud.kubectl(&["create", "secret", "generic", "good", &namespace, literal]);
    for name in ["good?x=1", "good/x", "../secrets/good", "good; exit 1"] {
        let key = json!({"name": name, "key": "key"});
        let main = json!({"name": "main", "env": [{"name": "A", "valueFrom": {"secretKeyRef": key}}]});
        let template = json!({"spec": {"containers": [main]}});
        let checked = cloud.check(&cloud.with("job/pod_template", template));
        checked.only(&["pod-template-refs", "job-dry-run"], &[]);
        checked.says("pod-template-refs", &[&format!("Secret {name:?} does not exist")]);
        let fix = checked.fix("pod-template-refs");
        let quoted = ["../secrets/good", "good/x"].contains(&name) || fix.contains(&format!("'{name}'"));
        assert!(quoted, "{fix}");
    }
}
