//! Checks that `--only` and `--skip` exclude: what they would report is not lost.

use serde_json::{Value, json};

use crate::Scenario;
use crate::cloud::{CHECKS, Checked, Cloud};

pub(crate) const SCENARIOS: &[Scenario] =
    sandbox::scenarios![each_check_alone, missing_namespace, missing_role, as_the_runner,];

/// Asserts that every check that a report refers to is in the report: one that failed, if another check is blocked, and one
/// that runs, if it verifies what another check does not.
#[track_caller]
fn is_whole(checked: &Checked) {
    let checks = checked.report["checks"].as_array().unwrap();
    for check in checks {
        let message = check["message"].as_str().unwrap();
        if check["skip"] == "blocked" {
            assert_ne!(checked.ids("failed"), [""; 0], "\n{}", checked.text());
        }
        if check["skip"] == "not-applicable" && message.contains("verifies") {
            let verifies = |other: &&Value| message.contains(other["id"].as_str().unwrap());
            let other = checks.iter().find(verifies);
            let other = other.unwrap_or_else(|| panic!("{message}\n{}", checked.text()));
            assert_ne!(other["skip"], "requested", "\n{}", checked.text());
        }
    }
}

/// Runs each check alone: with those that it needs, and without them.
fn each_alone(cloud: &Cloud, runner: &Value, arguments: &[&str]) {
    for check in CHECKS {
        if check.id == "state-storage" && crate::cloud::is_documented(runner) {
            continue;
        }
        let only = [arguments, &["--only", check.id]].concat();
        let checked = cloud.check_with(runner, &only);
        if checked.report["checks"].is_null() {
            // A check that makes no call refuses the options of calls.
            assert!(arguments.contains(&"--as"), "{:#}", checked.report);
            continue;
        }
        is_whole(&checked);
        let needs: Vec<&str> = checked.all_ids().filter(|id| *id != check.id).collect();
        if !needs.is_empty() {
            let needs = needs.join(",");
            is_whole(&cloud.check_with(runner, &[&only[..], &["--skip", &needs]].concat()));
        }
    }
}

fn each_check_alone(cloud: &Cloud) {
    let mut broken = cloud.with("job/namespace", json!("absent"));
    let namespace = broken.clone();
    crate::cloud::set(
        &mut broken,
        "cluster/auth/role_arn",
        json!("arn:aws:iam::123456789012:role/nobody"),
    );
    let (_directory, file) = cloud.token_file(&cloud.eks.oidc_token("my-org", "my-runner").unwrap());
    each_alone(cloud, &broken, &[]);
    each_alone(
        cloud,
        &namespace,
        &["--as", "runner", "--web-identity-token-file", &file],
    );
}

fn missing_namespace(cloud: &Cloud) {
    let mut runner = cloud.with("job/namespace", json!("absent"));
    let names = ["Namespace \"absent\" does not exist in the cluster"];
    for id in ["service-account", "rbac-create-jobs", "rbac-get-jobs"] {
        let checked = cloud.check_with(&runner, &["--only", id]);
        checked.only(&[id], &[]).says(id, &names);
    }
    let checked = cloud.check_with(&runner, &["--skip", "namespace"]);
    is_whole(&checked);
    checked.says("service-account", &names);
    let checked = cloud.check_with(&runner, &["--only", "job-dry-run"]);
    checked.only(&["service-account", "rbac-create-jobs"], &["job-dry-run"]);
    let checked = cloud.check_with(&runner, &["--only", "rbac-list-pods"]);
    checked.only(&["rbac-list-pods"], &[]).says("rbac-list-pods", &names);
    let key = json!({"name": "my-secret", "key": "key"});
    let main = json!({"name": "main", "env": [{"name": "A", "valueFrom": {"secretKeyRef": key}}]});
    let template = json!({"spec": {"containers": [main]}});
    crate::cloud::set(&mut runner, "job/pod_template", template);
    let checked = cloud.check_with(&runner, &["--only", "pod-template-refs"]);
    checked.only(&["pod-template-refs"], &[]);
    crate::fix::apply(cloud, &mut runner, &checked, "pod-template-refs");
    let checked = cloud.check_with(&runner, &["--only", "namespace"]);
    checked.only(&[], &[]);
    let namespace = ["delete", "namespace", "absent", "--wait=false"];
    cloud.kubectl(&namespace);
    cloud.finish_deletion("absent");
}

fn missing_role(cloud: &Cloud) {
    let role = json!("arn:aws:iam::123456789012:role/nobody");
    let runner = cloud.with("cluster/auth/role_arn", role);
    cloud
        .check_with(&runner, &["--only", "access-entry"])
        .only(&["access-entry"], &[])
        .says("access-entry", &["role/nobody does not exist"]);
    let checked = cloud.check_with(&runner, &["--skip", "role-exists"]);
    is_whole(&checked);
    checked.says("access-entry", &["role/nobody does not exist"]);
}

/// The documented role is not allowed to read its access entry and its namespace.
fn as_the_runner(cloud: &Cloud) {
    let (_directory, file) = cloud.token_file(&cloud.eks.oidc_token("my-org", "my-runner").unwrap());
    let check = |arguments: &[&str]| {
        let token = ["--as", "runner", "--web-identity-token-file", &file];
        let arguments = [&token[..], arguments].concat();
        cloud.check_in(cloud.no_credentials(), &cloud.configuration(), &arguments)
    };
    check(&["--only", "namespace"]).is_incomplete("no permission to read namespace \"humanitec-runner\" (1)");
    check(&["--only", "namespace,job-dry-run"]).says("namespace", &["job-dry-run verifies that the namespace exists"]);
    cloud.aws("eks", "DeleteAccessEntry", &cloud.entry());
    // The authenticator sees a change within seconds.
    let refused = crate::runner::eventually(
        || check(&["--only", "access-entry"]),
        |checked| checked.status("access-entry") != "passed",
    );
    refused.is_incomplete("no permission for eks:DescribeAccessEntry (1)");
    check(&["--only", "access-entry,api-server"]).says("access-entry", &["api-server verifies that the cluster"]);
}
