//! What is wrong inside the cluster.

use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::Scenario;
use crate::cloud::{Checked, Cloud, RBAC, set};
use crate::fix;

pub(crate) const SCENARIOS: &[Scenario] = &[
    ("inside::namespace", namespace),
    ("inside::terminating_namespace", terminating_namespace),
    ("inside::service_account", service_account),
    ("inside::each_verb", each_verb),
    ("inside::wrong_user", wrong_user),
    ("inside::binding_of_another_role", binding_of_another_role),
    ("inside::rules_are_kept", rules_are_kept),
    ("inside::near_misses", near_misses),
    ("inside::access_policy", access_policy),
    ("inside::references", references),
    (
        "inside::references_by_strange_names",
        references_by_strange_names,
    ),
    ("inside::pod_security", pod_security),
    ("inside::quotas", quotas),
    ("inside::limit_range", limit_range),
    ("inside::quota_that_wants_limits", quota_that_wants_limits),
    ("inside::quota_in_another_unit", quota_in_another_unit),
    ("inside::invalid_pod_template", invalid_pod_template),
];

/// What the fix of the namespace makes reachable.
const IN_NAMESPACE: [&str; 6] = [
    "service-account",
    "rbac-create-jobs",
    "rbac-get-jobs",
    "rbac-list-pods",
    "rbac-list-events",
    "job-dry-run",
];

fn namespace(cloud: &Cloud) {
    let mut runner = cloud.with("job/namespace", json!("nowhere"));
    let checked = cloud.check(&runner);
    checked
        .only(&["namespace"], &IN_NAMESPACE)
        .says("namespace", &["no namespace \"nowhere\""]);
    fix::apply(cloud, &mut runner, &checked, "namespace");
    let checked = cloud.check(&runner);
    let failed = [&["service-account"][..], &RBAC].concat();
    checked.only(&failed, &["job-dry-run"]);
    fix::apply(cloud, &mut runner, &checked, "service-account");
    fix::mends_runner(cloud, &mut runner, &checked, "rbac-list-pods");
}

fn terminating_namespace(cloud: &Cloud) {
    // Nothing here ends what is being deleted.
    cloud.kubectl(&[
        "delete",
        "namespace",
        &cloud.runner().namespace,
        "--wait=false",
    ]);
    let checked = cloud.check_documented();
    checked
        .only(&["namespace"], &["service-account", "job-dry-run"])
        .says("namespace", &["being deleted"]);
    cloud.finish_deletion(&cloud.runner().namespace);
    let mut runner = cloud.configuration();
    fix::apply(cloud, &mut runner, &checked, "namespace");
    assert_eq!(cloud.check(&runner).status("namespace"), "passed");
}

fn service_account(cloud: &Cloud) {
    let namespace = format!("--namespace={}", cloud.runner().namespace);
    cloud.kubectl(&[
        "delete",
        "serviceaccount",
        &cloud.runner().service_account,
        &namespace,
    ]);
    let checked = cloud.check_documented();
    checked
        .only(&["service-account"], &["job-dry-run"])
        .says("service-account", &["\"humanitec-runner\""]);
    fix::mends(cloud, &checked, "service-account");
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
        let rules = all.iter().filter(|right| **right != missing).map(|(group, resource, verb)| {
            json!({"apiGroups": [group], "resources": [resource], "verbs": [verb]})
        });
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
            &[
                "RoleBinding \"humanitec-runner-orchestrator-access\"",
                "does not allow",
            ],
        );
        fix::mends(cloud, &checked, id);
    }
}

fn wrong_user(cloud: &Cloud) {
    let mut runner = cloud.with("cluster/auth/session_name", json!("new-session"));
    let checked = cloud.check(&runner);
    checked.only(&RBAC, &["job-dry-run"]);
    let old = "assumed-role/humanitec-runner-eks-role/my-org-my-runner";
    checked.says(
        "rbac-get-jobs",
        &[old, "another name", "humanitec-runner-eks-role/new-session"],
    );
    fix::mends_runner(cloud, &mut runner, &checked, "rbac-create-jobs");
}

/// Takes the documented binding away.
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
    let user =
        "--user=arn:aws:sts::123456789012:assumed-role/humanitec-runner-eks-role/my-org-my-runner";
    let view = "--clusterrole=view";
    cloud.kubectl(&["create", "rolebinding", name, &namespace, view, user]);
    let checked = cloud.check_documented();
    checked.says("rbac-create-jobs", &[name, "ClusterRole \"view\""]);
    fix::mends(cloud, &checked, "rbac-create-jobs");

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
    fix::mends_runner(cloud, &mut runner, &checked, "state-storage");
}

/// What somebody has added to the Roles stays there.
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

/// The binding of another runner of the same role is not said to be wrong, and one of the cluster is named, too.
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
            "may be another runner's",
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
    let associate = |name: &str, scope: Value| {
        let mut policy = cloud.entry();
        policy["policyArn"] = json!(format!("arn:aws:eks::aws:cluster-access-policy/{name}"));
        policy["accessScope"] = scope;
        cloud.aws("eks", "AssociateAccessPolicy", &policy);
    };
    let here = json!({"type": "namespace", "namespaces": [cloud.runner().namespace]});
    associate("AmazonEKSViewPolicy", here.clone());
    cloud
        .check_documented()
        .only(&["rbac-create-jobs"], &["job-dry-run"]);
    associate(
        "AmazonEKSEditPolicy",
        json!({"type": "namespace", "namespaces": ["elsewhere"]}),
    );
    cloud
        .check_documented()
        .only(&["rbac-create-jobs"], &["job-dry-run"]);
    associate("AmazonEKSEditPolicy", here);
    let checked = cloud.check_documented();
    // The policy counts for the session and not for the name, so that nobody can try the Job as that.
    checked
        .only(&[], &["job-dry-run"])
        .says("job-dry-run", &["access policy"]);
    for id in RBAC {
        checked.says(id, &["by the EKS access policy AmazonEKS"]);
    }
    let (_directory, token) =
        cloud.token_file(&cloud.eks.oidc_token("my-org", "my-runner").unwrap());
    let as_runner = ["--as", "runner", "--web-identity-token-file", &token];
    let checked = cloud.check_with(&cloud.configuration(), &as_runner);
    for id in RBAC.into_iter().chain(["job-dry-run"]) {
        assert_eq!(checked.status(id), "passed", "\n{}", checked.text());
    }
    fix::mends(cloud, &without, "rbac-create-jobs");
}

fn references(cloud: &Cloud) {
    let key = |name: &str| json!({"name": name, "key": "key"});
    let mut runner = cloud.with("job/pod_template", json!({"spec": {
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
    }}));
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
    fix::mends_runner(cloud, &mut runner, &checked, "pod-template-refs");

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
    cloud.kubectl(&[
        "create",
        "secret",
        "generic",
        "my-secret",
        &namespace,
        other,
    ]);
    let checked = cloud.check(&runner);
    checked.only(&["pod-template-refs"], &[]);
    checked.says(
        "pod-template-refs",
        &["Secret \"my-secret\" has no key key", "it has: other"],
    );
    assert!(!checked.report.to_string().contains("a-secret-value"));
    let added = r#"--patch={"stringData": {"key": "x"}}"#;
    cloud.kubectl(&["patch", "secret", "my-secret", &namespace, added]);
    cloud.check(&runner).all_pass();
}

/// A name that no Secret can have leads to none, and stays one word of the printed command.
fn references_by_strange_names(cloud: &Cloud) {
    let namespace = format!("--namespace={}", cloud.runner().namespace);
    let literal = "--from-literal=key=x";
    cloud.kubectl(&["create", "secret", "generic", "good", &namespace, literal]);
    for name in ["good?x=1", "good/x", "../secrets/good", "good; exit 1"] {
        let key = json!({"name": name, "key": "key"});
        let main =
            json!({"name": "main", "env": [{"name": "A", "valueFrom": {"secretKeyRef": key}}]});
        let template = json!({"spec": {"containers": [main]}});
        let checked = cloud.check(&cloud.with("job/pod_template", template));
        checked.only(&["pod-template-refs", "job-dry-run"], &[]);
        checked.says(
            "pod-template-refs",
            &[&format!("Secret {name:?} does not exist")],
        );
        let fix = checked.fix("pod-template-refs");
        let quoted =
            ["../secrets/good", "good/x"].contains(&name) || fix.contains(&format!("'{name}'"));
        assert!(quoted, "{fix}");
    }
}

fn pod_security(cloud: &Cloud) {
    let namespace = cloud.runner().namespace.as_str();
    cloud.kubectl(&[
        "label",
        "namespace",
        namespace,
        "pod-security.kubernetes.io/enforce=restricted",
    ]);
    // The Orchestrator's own Job is a restricted one.
    cloud.check_documented().all_pass();
    // Of a Job, Pod Security only warns: it is the pod that is refused.
    let root = json!({"spec": {"containers": [{"name": "main", "securityContext": {"runAsNonRoot": false}}]}});
    let mut runner = cloud.with("job/pod_template", root);
    let checked = cloud.check(&runner);
    checked
        .only(&["job-dry-run"], &[])
        .says("job-dry-run", &["violates PodSecurity", "runAsNonRoot"]);
    // The tried pod's name is made up each time, and the message is the same.
    let again = cloud.check(&runner);
    assert_eq!(checked.message("job-dry-run"), again.message("job-dry-run"));
    fix::mends_runner(cloud, &mut runner, &checked, "job-dry-run");
    let privileged = json!({"privileged": true, "allowPrivilegeEscalation": true});
    let template =
        json!({"spec": {"containers": [{"name": "main", "securityContext": privileged}]}});
    set(&mut runner, "job/pod_template", template);
    let checked = cloud.check(&runner);
    checked
        .only(&["job-dry-run"], &[])
        .says("job-dry-run", &["baseline", "privileged"]);
    fix::mends_runner(cloud, &mut runner, &checked, "job-dry-run");
}

/// Checks until the API server has seen what was changed last.
#[track_caller]
fn once_refused(cloud: &Cloud) -> Checked {
    let start = Instant::now();
    loop {
        let checked = cloud.check_documented();
        if checked.status("job-dry-run") == "failed" {
            return checked;
        }
        assert!(
            start.elapsed() < Duration::from_secs(10),
            "\n{}",
            checked.text()
        );
    }
}

/// A container's limit is the LimitRange's then, and its request is above that.
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
        let start = Instant::now();
        let checked = loop {
            let checked = once_refused(cloud);
            if checked.message("job-dry-run").contains(said) {
                break checked;
            }
            assert!(
                start.elapsed() < Duration::from_secs(10),
                "{said}\n{}",
                checked.text()
            );
        };
        checked
            .only(&["job-dry-run"], &[])
            .says("job-dry-run", &["Job's pod", said]);
        let fix = checked.fix("job-dry-run");
        let command = format!("kubectl describe limitrange -n {namespace}");
        assert!(
            fix.contains(&command) && !fix.contains("invalid Job"),
            "{fix}"
        );
        fix::shell(cloud, fix);
    }
}

fn quota_that_wants_limits(cloud: &Cloud) {
    let hard = json!({"limits.memory": "8Gi", "limits.cpu": "8", "requests.cpu": "8"});
    let used = json!({"limits.memory": "0", "limits.cpu": "0", "requests.cpu": "0"});
    quota_of(cloud, &hard, &used);
    let checked = once_refused(cloud);
    checked
        .only(&["job-dry-run"], &[])
        .says("job-dry-run", &["must specify limits.cpu for: main"]);
    let fix = checked.fix("job-dry-run");
    for name in ["limits.memory", "limits.cpu", "requests.cpu"] {
        assert!(fix.contains(&format!("resources.{name}")), "{fix}");
    }
    fix::shell(cloud, fix);
    let start = Instant::now();
    while cloud.check_documented().status("job-dry-run") != "passed" {
        assert!(start.elapsed() < Duration::from_secs(10), "{fix}");
    }
}

fn quota_in_another_unit(cloud: &Cloud) {
    let hard = json!({"requests.memory": "1G"});
    quota_of(cloud, &hard, &json!({"requests.memory": "512M"}));
    let checked = once_refused(cloud);
    checked.says("job-dry-run", &["requested: requests.memory=1Gi"]);
    fix::shell(cloud, checked.fix("job-dry-run"));
    let namespace = format!("--namespace={}", cloud.runner().namespace);
    let raised = "--output=jsonpath={.spec.hard.requests\\.memory}";
    let hard = cloud.kubectl(&["get", "resourcequota", "none", &namespace, raised]);
    assert_eq!(hard, (512_000_000 + (1_u64 << 30)).to_string());
}

/// Sets a quota of nothing.
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
    let status = format!(
        "--patch={}",
        json!({"status": {"hard": hard, "used": used}})
    );
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
        // What a controller does with a changed quota.
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
        let start = Instant::now();
        while cloud.check_documented().status("job-dry-run") != "passed" {
            assert!(start.elapsed() < Duration::from_secs(10), "{hard}");
        }
        cloud.check_documented().all_pass();
        cloud.kubectl(&["delete", "resourcequota", "none", &namespace]);
    }
}

fn invalid_pod_template(cloud: &Cloud) {
    let template = json!({"spec": {"containers": [{"name": "main", "volumeMounts": [{"name": "absent", "mountPath": "/x"}]}]}});
    let checked = cloud.check(&cloud.with("job/pod_template", template));
    checked
        .only(&["job-dry-run"], &[])
        .says("job-dry-run", &["volumeMounts", "absent"]);
}
