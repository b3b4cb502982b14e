//! Runners that share a role, a namespace, or the namespace of their state: the fix of one keeps what the others need.

use std::fs;
use std::time::Instant;

use sandbox::eks::Place;
use serde_json::{Value, json};

use crate::Scenario;
use crate::cloud::{Checked, Cloud, RBAC, command, is_documented, set};
use crate::{fix, identity, storage};

pub(crate) const SCENARIOS: &[Scenario] = sandbox::scenarios![
    role_and_namespace,
    denied_by_the_role,
    set_up_beside_another,
    role_of_two_clusters,
    state_namespace,
    entry_made_anew,
    job_role,
    annotated_role,
    open_trust,
    bucket,
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
        let assumed = cloud.eks.assume_role(&cloud.runner().role_arn, &session, &token);
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
    assert_eq!(check(cloud, "second", &runner).status("role-trust"), "passed");
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
    runner["state_storage_configuration"] = json!({"type": "kubernetes", "namespace": cloud.runner().namespace});
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
    cloud.kubectl(&["create", "rolebinding", "by-group", &namespace, role, "--group=runners"]);
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

/// A second namespace with a service account of the same name, and the runner whose Jobs are there.
fn in_second_namespace(cloud: &Cloud) -> Value {
    let account = &cloud.runner().service_account;
    let objects = json!({"apiVersion": "v1", "kind": "List", "items": [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "second"}},
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": account, "namespace": "second"}},
    ]});
    cloud.eks.apply(&objects.to_string()).unwrap();
    cloud.with("job/namespace", json!("second"))
}

/// Checks several runners at once, each with its id, as the administrator.
fn check_together(cloud: &Cloud, runners: &[(&str, Value)]) -> Vec<Checked> {
    let directory = tempfile::tempdir().unwrap();
    let files: Vec<String> = runners
        .iter()
        .map(|(id, runner)| {
            let mut runner = runner.clone();
            runner["id"] = json!(id);
            let file = directory.path().join(format!("{id}.yaml"));
            fs::write(&file, runner.to_string()).unwrap();
            file.display().to_string()
        })
        .collect();
    let mut arguments = vec!["check", "--org", "my-org", "--output", "json"];
    if runners.iter().all(|(_, runner)| is_documented(runner)) {
        arguments.extend(["--skip", "state-storage"]);
    }
    arguments.extend(files.iter().map(String::as_str));
    let start = Instant::now();
    let (text, exit_code) = command(cloud.eks.env(), &Value::Null, &arguments);
    let found: Value = serde_json::from_str(&text).unwrap();
    let reports = found["runners"].as_array().unwrap().iter();
    reports
        .zip(runners)
        .map(|(report, (_, runner))| Checked::new(report.clone(), exit_code, start, runner))
        .collect()
}

/// Runs the printed fix of both runners, and asserts that both pass then.
fn both_fixes_work(cloud: &Cloud, id: &str, runners: &[(&str, Value)]) {
    let before = check_together(cloud, runners);
    for checked in &before {
        assert_ne!(checked.status(id), "passed", "\n{}", checked.text());
        fix::shell(cloud, checked.fix(id));
    }
    for checked in check_together(cloud, runners) {
        assert_eq!(checked.status(id), "passed", "\n{}", checked.text());
    }
}

/// A trust policy of a role for instances.
fn trusting_instances() -> Value {
    json!({"Version": "2012-10-17", "Statement": {
        "Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole",
    }})
}

/// Two service accounts with one role for their Jobs, and with one target role behind it.
fn job_role(cloud: &Cloud) {
    let trust = trusting_instances();
    let runners = [
        ("my-runner", cloud.configuration()),
        ("other", in_second_namespace(cloud)),
    ];
    identity::set_up(cloud, identity::ROLE);
    identity::associate(cloud, identity::ROLE, &json!({"namespace": "second"}));
    identity::set_trust(cloud, identity::ROLE, &trust);
    both_fixes_work(cloud, "pod-identity", &runners);
    // Now behind it.
    let list = json!({"clusterName": cloud.eks.options().cluster_name});
    let found = cloud.aws("eks", "ListPodIdentityAssociations", &list);
    identity::create_role(cloud, "target", &trust);
    for association in found["associations"].as_array().unwrap() {
        let mut update = list.clone();
        update["associationId"] = association["associationId"].clone();
        update["targetRoleArn"] = json!(identity::role_arn(cloud, "target"));
        cloud.aws("eks", "UpdatePodIdentityAssociation", &update);
    }
    both_fixes_work(cloud, "pod-identity", &runners);
}

/// Two service accounts that are annotated with one role.
fn annotated_role(cloud: &Cloud) {
    let runners = [
        ("my-runner", cloud.configuration()),
        ("other", in_second_namespace(cloud)),
    ];
    let annotation = format!(
        "eks.amazonaws.com/role-arn={}",
        identity::role_arn(cloud, identity::ROLE)
    );
    for namespace in [cloud.runner().namespace.as_str(), "second"] {
        let account = &cloud.runner().service_account;
        let namespace = format!("--namespace={namespace}");
        cloud.kubectl(&["annotate", "serviceaccount", account, &namespace, &annotation]);
    }
    // The provider and the role are missing, and the fix of the first one creates both.
    let checked = check_together(cloud, &runners);
    fix::shell(cloud, checked[0].fix("pod-identity"));
    for checked in check_together(cloud, &runners) {
        assert_eq!(checked.status("pod-identity"), "passed", "\n{}", checked.text());
    }
    identity::set_trust(cloud, identity::ROLE, &trusting_instances());
    both_fixes_work(cloud, "pod-identity", &runners);
}

/// The role trusts one runner, and with it those of every organization, and it does not trust the other one.
fn open_trust(cloud: &Cloud) {
    let mut policy = cloud.eks.documented_trust_policy("my-org", "my-runner");
    policy["Statement"][0]["Condition"] = json!({"StringEquals": {"sts:RoleSessionName": "my-org-my-runner"}});
    cloud.eks.set_trust_policy(&policy).unwrap();
    let runner = cloud.configuration();
    let runners = [("my-runner", runner.clone()), ("other", runner)];
    let checked = check_together(cloud, &runners);
    let statuses = [0, 1].map(|index| checked[index].status("role-trust").to_owned());
    assert_eq!(statuses, ["warned", "failed"]);
    both_fixes_work(cloud, "role-trust", &runners);
}

/// Runners whose states are in two folders of one bucket, with one role.
fn bucket(cloud: &Cloud) {
    storage::create_identity(cloud);
    storage::create_bucket(cloud, storage::BUCKET, Place::default());
    let runners = ["runners/mine", "runners-mine"].map(|prefix| {
        let mut runner = storage::runner(cloud);
        runner["state_storage_configuration"]["path_prefix"] = json!(prefix);
        (if prefix.contains('/') { "my-runner" } else { "other" }, runner)
    });
    both_fixes_work(cloud, "state-storage", &runners);
}
