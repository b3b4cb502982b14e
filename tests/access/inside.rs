//! What is wrong inside the cluster.

use serde_json::json;

use crate::Scenario;
use crate::cloud::Cloud;
use crate::healthy::apply;

pub(crate) const SCENARIOS: &[Scenario] = &[
    ("inside::namespace", namespace),
    ("inside::service_account", service_account),
    ("inside::each_verb", each_verb),
    ("inside::wrong_user", wrong_user),
    ("inside::access_policy", access_policy),
    ("inside::references", references),
    ("inside::pod_security", pod_security),
    ("inside::quota", quota),
];

fn namespace(cloud: &Cloud) {
    let mut runner = cloud.configuration();
    runner["runner_configuration"]["job"]["namespace"] = json!("nowhere");
    let checked = cloud.check(&runner, &json!({}));
    checked.only(
        &[
            "namespace",
            "rbac-create-jobs",
            "rbac-get-jobs",
            "rbac-list-pods",
            "rbac-list-events",
        ],
        &["service-account", "pod-template-refs", "job-dry-run"],
    );
    apply(cloud, checked.fix("namespace"));
    apply(cloud, checked.fix("rbac-create-jobs"));
    let checked = cloud.check(&runner, &json!({}));
    apply(cloud, checked.fix("service-account"));
    cloud.check(&runner, &json!({})).only(&[], &[]);
}

fn service_account(cloud: &Cloud) {
    let mut runner = cloud.configuration();
    runner["runner_configuration"]["job"]["service_account"] = json!("nobody");
    let checked = cloud.check(&runner, &json!({}));
    checked.only(&["service-account"], &["job-dry-run"]);
    apply(cloud, checked.fix("service-account"));
    cloud.check(&runner, &json!({})).only(&[], &[]);
}

fn each_verb(cloud: &Cloud) {
    let namespace = &cloud.runner().namespace;
    let all = [
        ("batch", "jobs", "create"),
        ("batch", "jobs", "get"),
        ("", "pods", "list"),
        ("", "events", "list"),
    ];
    let ids = [
        "rbac-create-jobs",
        "rbac-get-jobs",
        "rbac-list-pods",
        "rbac-list-events",
    ];
    for (missing, id) in ids.iter().enumerate() {
        let rules: Vec<_> = all
            .iter()
            .enumerate()
            .filter(|(index, _)| *index != missing)
            .map(|(_, (group, resource, verb))| json!({"apiGroups": [group], "resources": [resource], "verbs": [verb]}))
            .collect();
        let role = json!({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role",
            "metadata": {"name": "humanitec-runner-orchestrator-access", "namespace": namespace}, "rules": rules});
        cloud.eks.apply(&role.to_string()).unwrap();
        let checked = cloud.check_documented();
        let skipped: &[&str] = if missing == 0 { &["job-dry-run"] } else { &[] };
        checked.only(&[id], skipped);
        checked.says(
            id,
            &[
                "RoleBinding \"humanitec-runner-orchestrator-access\"",
                "does not allow",
            ],
        );
        apply(cloud, checked.fix(id));
        cloud.check_documented().only(&[], &[]);
    }
}

fn wrong_user(cloud: &Cloud) {
    let mut runner = cloud.configuration();
    runner["runner_configuration"]["cluster"]["auth"]["session_name"] = json!("new-session");
    let checked = cloud.check(&runner, &json!({}));
    checked.only(
        &[
            "rbac-create-jobs",
            "rbac-get-jobs",
            "rbac-list-pods",
            "rbac-list-events",
        ],
        &["job-dry-run"],
    );
    checked.says(
        "rbac-get-jobs",
        &[
            "assumed-role/humanitec-runner-eks-role/my-org-my-runner",
            "another name",
        ],
    );
    apply(cloud, checked.fix("rbac-create-jobs"));
    cloud.check(&runner, &json!({})).only(&[], &[]);
}

fn access_policy(cloud: &Cloud) {
    cloud
        .eks
        .kubectl(&[
            "delete",
            "rolebinding",
            "humanitec-runner-orchestrator-access",
            "-n",
            &cloud.runner().namespace,
        ])
        .unwrap();
    let associate = |name: &str| {
        cloud.aws(
            "eks",
            "AssociateAccessPolicy",
            &json!({
                "clusterName": cloud.eks.options().cluster_name,
                "principalArn": cloud.runner().role_arn,
                "policyArn": format!("arn:aws:eks::aws:cluster-access-policy/{name}"),
                "accessScope": {"type": "namespace", "namespaces": [cloud.runner().namespace]},
            }),
        )
    };
    associate("AmazonEKSViewPolicy");
    cloud
        .check_documented()
        .only(&["rbac-create-jobs"], &["job-dry-run"]);
    associate("AmazonEKSEditPolicy");
    let checked = cloud.check_documented();
    checked.only(&[], &["job-dry-run"]);
    checked.says("rbac-create-jobs", &["AmazonEKSEditPolicy"]);
}

fn references(cloud: &Cloud) {
    let mut runner = cloud.configuration();
    runner["runner_configuration"]["job"]["pod_template"] = json!({"spec": {"containers": [{"name": "main", "env": [
        {"name": "A", "valueFrom": {"secretKeyRef": {"name": "my-secret", "key": "key"}}},
        {"name": "B", "valueFrom": {"configMapKeyRef": {"name": "maybe", "key": "key", "optional": true}}},
    ]}]}});
    let checked = cloud.check(&runner, &json!({}));
    checked.only(&["pod-template-refs"], &[]);
    checked.says(
        "pod-template-refs",
        &["Secret \"my-secret\" does not exist"],
    );
    let namespace = cloud.runner().namespace.as_str();
    let create = ["create", "secret", "generic", "my-secret", "-n", namespace];
    cloud
        .eks
        .kubectl(&[&create[..], &["--from-literal=other=x"]].concat())
        .unwrap();
    let checked = cloud.check(&runner, &json!({}));
    checked.says("pod-template-refs", &["has no key key", "it has: other"]);
    cloud
        .eks
        .kubectl(&["delete", "secret", "my-secret", "-n", namespace])
        .unwrap();
    cloud
        .eks
        .kubectl(&[&create[..], &["--from-literal=key=x"]].concat())
        .unwrap();
    cloud.check(&runner, &json!({})).only(&[], &[]);
}

fn pod_security(cloud: &Cloud) {
    let namespace = cloud.runner().namespace.as_str();
    cloud
        .eks
        .kubectl(&[
            "label",
            "namespace",
            namespace,
            "pod-security.kubernetes.io/enforce=restricted",
        ])
        .unwrap();
    cloud.check_documented().only(&[], &[]);
    let mut runner = cloud.configuration();
    runner["runner_configuration"]["job"]["pod_template"] = json!({"spec": {"containers": [{"name": "main", "securityContext": {"privileged": true, "allowPrivilegeEscalation": true}}]}});
    let checked = cloud.check(&runner, &json!({}));
    checked
        .only(&["job-dry-run"], &[])
        .says("job-dry-run", &["violates PodSecurity", "privileged"]);
    let fix = checked.fix("job-dry-run").lines().last().unwrap();
    assert!(fix.starts_with("kubectl label namespace"), "{fix}");
}

fn quota(cloud: &Cloud) {
    let namespace = cloud.runner().namespace.as_str();
    let quota = json!({"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "none", "namespace": namespace},
        "spec": {"hard": {"pods": "0"}}});
    cloud.eks.apply(&quota.to_string()).unwrap();
    let status = json!({"status": {"hard": {"pods": "0"}, "used": {"pods": "0"}}}).to_string();
    cloud
        .eks
        .kubectl(&[
            "patch",
            "resourcequota",
            "none",
            "-n",
            namespace,
            "--subresource=status",
            "--type=merge",
            "-p",
            &status,
        ])
        .unwrap();
    cloud
        .check_documented()
        .only(&["job-dry-run"], &[])
        .says("job-dry-run", &["exceeded quota"]);
}
