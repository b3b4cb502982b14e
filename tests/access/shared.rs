//! Runners that share a role, a namespace, or the namespace of their state: the fix of one keeps what the others need.

use serde_json::{Value, json};

use crate::Scenario;
use crate::cloud::{Checked, Cloud, RBAC, set};
use crate::fix;

pub(crate) const SCENARIOS: &[Scenario] = &[
    ("shared::role_and_namespace", role_and_namespace),
    ("shared::denied_by_the_role", denied_by_the_role),
    ("shared::set_up_beside_another", set_up_beside_another),
    ("shared::role_of_two_clusters", role_of_two_clusters),
    ("shared::state_namespace", state_namespace),
    ("shared::entry_made_anew", entry_made_anew),
];

fn check(cloud: &Cloud, id: &str, runner: &Value) -> Checked {
    cloud.check_id(id, cloud.eks.env(), runner, &[])
}

fn role_and_namespace(cloud: &Cloud) {
    let runner = cloud.configuration();
    cloud.check_documented().all_pass();
    for id in ["second", "third"] {
        let checked = check(cloud, id, &runner);
        let failed = [&["role-trust"][..], &RBAC].concat();
        checked.only(&failed, &["job-dry-run"]);
        fix::shell(cloud, checked.fix("role-trust"));
        fix::shell(cloud, checked.fix("rbac-create-jobs"));
    }
    for id in ["my-runner", "second", "third"] {
        check(cloud, id, &runner).all_pass();
        let token = cloud.eks.oidc_token("my-org", id).unwrap();
        let session = format!("my-org-{id}");
        let assumed = cloud
            .eks
            .assume_role(&cloud.runner().role_arn, &session, &token);
        assert!(assumed.is_ok(), "{id}: {:?}", assumed.err());
    }
}

fn denied_by_the_role(cloud: &Cloud) {
    let mut policy = cloud.eks.documented_trust_policy("my-org", "my-runner");
    policy["Statement"].as_array_mut().unwrap().push(json!({
        "Sid": "OnlyMine",
        "Effect": "Deny",
        "Principal": "*",
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": {"StringNotEquals": {"oidc.humanitec.dev:sub": "my-org+my-runner"}},
    }));
    cloud.eks.set_trust_policy(&policy).unwrap();
    cloud.check_documented().all_pass();
    let runner = cloud.configuration();
    let checked = check(cloud, "second", &runner);
    checked.says("role-trust", &["OnlyMine", "Deny overrides"]);
    fix::shell(cloud, checked.fix("role-trust"));
    assert_eq!(
        check(cloud, "second", &runner).status("role-trust"),
        "passed"
    );
    cloud.check_documented().all_pass();
    // A caller that the policy denied is still denied.
    let third = check(cloud, "third", &runner);
    third.says("role-trust", &["OnlyMine"]);
}

fn set_up_beside_another(cloud: &Cloud) {
    let runner = cloud.configuration();
    let manifests = cloud.setup_id("second", &runner, "yaml");
    cloud.eks.apply(&manifests).unwrap();
    cloud.check_documented().all_pass();
    check(cloud, "second", &runner).only(&["role-trust"], &[]);
}

fn role_of_two_clusters(cloud: &Cloud) {
    let policy = "arn:aws:iam::123456789012:policy/humanitec-runner-eks-policy";
    let detached = json!({"RoleName": sandbox::eks::ROLE_NAME, "PolicyArn": policy});
    cloud.aws("iam", "DetachRolePolicy", &detached);
    let elsewhere = cloud.with("cluster/name", json!("another"));
    for runner in [&cloud.configuration(), &elsewhere] {
        let checked = cloud.check(runner);
        assert_eq!(checked.status("role-permission"), "failed");
        fix::shell(cloud, checked.fix("role-permission"));
        assert_eq!(cloud.check(runner).status("role-permission"), "passed");
    }
    cloud.check_documented().all_pass();
}

fn state_namespace(cloud: &Cloud) {
    let mut runner = cloud.configuration();
    runner["state_storage_configuration"] =
        json!({"type": "kubernetes", "namespace": cloud.runner().namespace});
    let mut other = runner.clone();
    set(&mut other, "job/service_account", json!("other"));
    for runner in [&mut runner, &mut other] {
        for id in ["service-account", "state-storage"] {
            let checked = cloud.check(runner);
            if checked.status(id) == "failed" {
                fix::apply(cloud, runner, &checked, id);
            }
        }
    }
    for runner in [runner, other] {
        let checked = cloud.check(&runner);
        checked.all_pass();
        assert_eq!(checked.status("state-storage"), "passed");
    }
}

/// A recreated entry keeps its groups and access policies, so the runners bound through them still work.
fn entry_made_anew(cloud: &Cloud) {
    let namespace = format!("--namespace={}", cloud.runner().namespace);
    let documented = [
        "delete",
        "rolebinding",
        "humanitec-runner-orchestrator-access",
        &namespace,
    ];
    cloud.kubectl(&documented);
    let role = "--role=humanitec-runner-orchestrator-access";
    cloud.kubectl(&[
        "create",
        "rolebinding",
        "by-group",
        &namespace,
        role,
        "--group=runners",
    ]);
    let mut entry = cloud.entry();
    entry["username"] = json!("runner:{{SessionName}}");
    entry["kubernetesGroups"] = json!(["runners"]);
    cloud.aws("eks", "UpdateAccessEntry", &entry);
    let mut policy = cloud.entry();
    policy["policyArn"] = json!("arn:aws:eks::aws:cluster-access-policy/AmazonEKSViewPolicy");
    policy["accessScope"] = json!({"type": "namespace", "namespaces": ["one", "two"]});
    cloud.aws("eks", "AssociateAccessPolicy", &policy);
    cloud.check_documented().all_pass();
    let described = |operation: &str| {
        let mut found = cloud.aws("eks", operation, &cloud.entry());
        let list = found["associatedAccessPolicies"].take();
        match list.as_array() {
            Some(list) => json!([list[0]["policyArn"], list[0]["accessScope"]]),
            None => json!([
                found["accessEntry"]["username"],
                found["accessEntry"]["kubernetesGroups"]
            ]),
        }
    };
    let both = || ["DescribeAccessEntry", "ListAssociatedAccessPolicies"].map(described);
    let before = both();

    std::thread::sleep(std::time::Duration::from_millis(1100));
    let trust = cloud.eks.documented_trust_policy("my-org", "my-runner");
    cloud.eks.recreate_role(&trust).unwrap();
    let checked = cloud.check_documented();
    checked.says("access-entry", &["older than the role"]);
    fix::works(cloud, &checked, "access-entry");
    assert_eq!(both(), before);
}
