//! What the documentation sets up passes, in every way of asking.

use std::fs;

use sandbox::eks::Credentials;
use serde_json::{Value, json};

use crate::Scenario;
use crate::cloud::Cloud;

pub(crate) const SCENARIOS: &[Scenario] = &[
    ("healthy::as_caller", as_caller),
    ("healthy::as_runner_with_token", as_runner_with_token),
    ("healthy::as_runner_assumed", as_runner_assumed),
    ("healthy::by_kubeconfig", by_kubeconfig),
    ("healthy::state_in_the_cluster", state_in_the_cluster),
    ("healthy::session_names", session_names),
];

fn as_caller(cloud: &Cloud) {
    let checked = cloud.check_documented();
    checked.only(&[], &[]);
    assert_eq!(checked.ids("passed").len(), 18, "\n{}", checked.text());
    checked.says("job-dry-run", &["So is its pod"]);
    assert_eq!(
        checked.0["kubernetes_user"],
        cloud.runner().kubernetes_user.as_str()
    );
    let left = cloud
        .eks
        .kubectl(&["get", "jobs,pods", "--all-namespaces", "--output=name"])
        .unwrap();
    assert_eq!(left, "", "the dry run leaves nothing behind");
}

fn as_runner_with_token(cloud: &Cloud) {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("token");
    fs::write(&file, cloud.eks.oidc_token("my-org", "my-runner").unwrap()).unwrap();
    let settings = json!({"as": "runner", "web_identity_token_file": file});
    // Without any credentials of the caller's.
    let nobody = Credentials {
        access_key_id: String::new(),
        secret_access_key: String::new(),
        session_token: None,
    };
    let mut environment = cloud.eks.env_as(&nobody);
    environment
        .retain(|(name, _)| !name.starts_with("AWS_ACCESS") && !name.starts_with("AWS_SECRET"));
    let checked = cloud.check_as(environment, &cloud.configuration(), &settings);
    assert_eq!(checked.ids("failed"), [""; 0], "\n{}", checked.text());
    for id in [
        "assume-role",
        "cluster-active",
        "cluster-endpoint",
        "api-server",
        "rbac-create-jobs",
        "job-dry-run",
    ] {
        assert_eq!(checked.of(id)["status"], "passed", "\n{}", checked.text());
    }
    checked.says("namespace", &["may not"]);
}

fn as_runner_assumed(cloud: &Cloud) {
    let mut policy = cloud.eks.documented_trust_policy("my-org", "my-runner");
    let account = &cloud.eks.options().account;
    policy["Statement"].as_array_mut().unwrap().push(json!({
        "Effect": "Allow",
        "Principal": {"AWS": format!("arn:aws:iam::{account}:root")},
        "Action": "sts:AssumeRole",
    }));
    cloud.eks.set_trust_policy(&policy).unwrap();
    let checked = cloud.check(&cloud.configuration(), &json!({"as": "runner"}));
    assert_eq!(checked.ids("failed"), [""; 0], "\n{}", checked.text());
    for id in ["role-trust", "assume-role", "access-entry", "job-dry-run"] {
        assert_eq!(checked.of(id)["status"], "passed", "\n{}", checked.text());
    }
}

fn by_kubeconfig(cloud: &Cloud) {
    let settings = json!({"kubeconfig": cloud.eks.kubeconfig()});
    let checked = cloud.check(&cloud.configuration(), &settings);
    checked.only(&[], &[]);
    assert_eq!(checked.ids("warned"), ["api-server"]);
    checked.says("api-server", &["make sure that it is the same cluster"]);
}

fn state_in_the_cluster(cloud: &Cloud) {
    let mut runner = cloud.configuration();
    runner["state_storage_configuration"] = json!({"type": "kubernetes", "namespace": "states"});
    let checked = cloud.check(&runner, &json!({}));
    assert_eq!(checked.ids("failed"), ["state-storage"]);
    apply(cloud, checked.fix("state-storage"));
    let checked = cloud.check(&runner, &json!({}));
    checked.says("state-storage", &["get secrets", "delete leases"]);
    apply(cloud, checked.fix("state-storage"));
    let checked = cloud.check(&runner, &json!({}));
    assert_eq!(checked.ids("failed"), [""; 0], "\n{}", checked.text());
}

/// Does what a fix for the cluster says.
pub(crate) fn apply(cloud: &Cloud, fix: &str) {
    let manifests = fix
        .split_once("<<'EOF'\n")
        .unwrap()
        .1
        .strip_suffix("EOF\n")
        .unwrap();
    cloud.eks.apply(manifests).unwrap();
}

fn session_names(cloud: &Cloud) {
    let named = |name: Value| {
        let mut runner = cloud.configuration();
        runner["runner_configuration"]["cluster"]["auth"]["session_name"] = name;
        runner
    };
    let checked = cloud.check(&named(json!("a/b")), &json!({}));
    assert!(
        checked.ids("failed").contains(&"session-name"),
        "\n{}",
        checked.text()
    );

    let at = named(json!("me@org"));
    let checked = cloud.check(&at, &json!({}));
    checked.says("rbac-create-jobs", &["/me-org", "another name"]);
    apply(cloud, checked.fix("rbac-create-jobs"));
    cloud.check(&at, &json!({})).only(&[], &[]);

    let id = "r".repeat(70);
    let mut long = cloud.configuration();
    long["id"] = json!(id);
    let policy = cloud.eks.documented_trust_policy("my-org", &id);
    cloud.eks.set_trust_policy(&policy).unwrap();
    let checked = cloud.check(&long, &json!({}));
    assert_eq!(checked.ids("warned"), ["session-name"]);
    apply(cloud, checked.fix("rbac-create-jobs"));
    cloud.check(&long, &json!({})).only(&[], &[]);
}
