//! The documented set-up passes, and session names are checked.

use sandbox::eks::EksOptions;
use serde_json::json;

use crate::Scenario;
use crate::cloud::{BY_USER, CHECKS, Cloud, RBAC};
use crate::cluster::role_with_a_path;
use crate::fix;

pub(crate) const SCENARIOS: &[Scenario] = sandbox::scenarios![
    as_documented,
    with_a_role_path,
    by_kubeconfig,
    in_another_partition,
    state_in_the_cluster,
    session_name_that_sts_refuses,
    session_name_with_an_at_sign,
    session_name_that_is_cut,
];

fn as_documented(cloud: &Cloud) {
    let checked = cloud.check_documented();
    checked.all_pass();
    let ids = CHECKS.iter().map(|check| check.id);
    assert!(checked.all_ids().eq(ids), "\n{}", checked.text());
    checked
        .says("aws-credentials", &["user/admin", "123456789012"])
        .says("assume-role", &["runner"])
        .says("job-dry-run", &["admits the Orchestrator's Job and its pod"]);
    let runner = cloud.runner();
    assert_eq!(checked.report["kubernetes_user"], runner.kubernetes_user.as_str());
    assert_eq!(checked.report["session_name"], "my-org-my-runner");
    assert_eq!(checked.report["oidc_subject"], "my-org+my-runner");
    nothing_is_left(cloud);
}

/// The dry runs left nothing behind.
pub(crate) fn nothing_is_left(cloud: &Cloud) {
    let left = cloud.kubectl(&["get", "jobs,pods", "--all-namespaces", "--output=name"]);
    assert_eq!(left, "");
}

fn with_a_role_path(cloud: &Cloud) {
    let (role, mut runner) = role_with_a_path(cloud);
    let mut entry = cloud.entry();
    entry["principalArn"] = json!(role);
    cloud.aws("eks", "CreateAccessEntry", &entry);
    let checked = cloud.check(&runner);
    checked.only(&RBAC, &["job-dry-run"]);
    let user = "arn:aws:sts::123456789012:assumed-role/pathed/my-org-my-runner";
    assert_eq!(checked.report["kubernetes_user"], user);
    fix::works_for(cloud, &mut runner, &checked, "rbac-create-jobs");
}

fn by_kubeconfig(cloud: &Cloud) {
    let kubeconfig = cloud.eks.kubeconfig().display().to_string();
    cloud
        .check_with(&cloud.configuration(), &["--kubeconfig", &kubeconfig])
        .outcome(&[], &["api-server"], &[])
        .says("api-server", &["Make sure that the kubeconfig is for this cluster"]);
}

/// A small EKS of another partition: ARNs, host names, and the token's STS differ.
fn in_another_partition(_: &Cloud) {
    let mut cloud = Cloud::start_with(EksOptions {
        partition: "aws-cn".to_owned(),
        region: "cn-north-1".to_owned(),
        ..EksOptions::default()
    });
    cloud.reset();
    let checked = cloud.check_documented();
    checked.all_pass();
    assert_eq!(
        checked.report["kubernetes_user"],
        "arn:aws-cn:sts::123456789012:assumed-role/humanitec-runner-eks-role/my-org-my-runner"
    );
    let (_directory, file) = cloud.token_file(&cloud.eks.oidc_token("my-org", "my-runner").unwrap());
    let arguments = ["--as", "runner", "--web-identity-token-file", &file];
    let checked = cloud.check_with(&cloud.configuration(), &arguments);
    assert_eq!(checked.status("job-dry-run"), "passed", "\n{}", checked.text());
    fixes_are_of_the_partition(&cloud, "aws-cn");
}

/// If the cluster does not know the caller, or the role and its entry do not exist, every printed ARN is of
/// the caller's partition, and the printed fix for the caller works.
fn fixes_are_of_the_partition(cloud: &Cloud, partition: &str) {
    let all = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]});
    let ops = cloud.eks.create_user("ops", &all).unwrap();
    let checked = cloud.check_as(&ops);
    let fix = checked.fix("api-server");
    for part in [
        format!("arn:{partition}:eks::aws:cluster-access-policy/AmazonEKSAdminViewPolicy"),
        format!("arn:{partition}:iam::123456789012:user/ops"),
    ] {
        assert!(fix.contains(&part), "{part}: {fix}");
    }
    fix::shell(cloud, fix);
    let role = format!("arn:{partition}:iam::123456789012:role/nobody");
    let missing = cloud.check(&cloud.with("cluster/auth/role_arn", json!(role)));
    cloud.aws("eks", "DeleteAccessEntry", &cloud.entry());
    for checked in [checked, missing, cloud.check_documented()] {
        assert!(
            !checked.report.to_string().contains("arn:aws:"),
            "\n{:#}",
            checked.report
        );
    }
    for format in ["terraform", "aws-cli", "yaml"] {
        let text = cloud.setup(&cloud.configuration(), format);
        assert!(!text.contains("arn:aws:"), "{text}");
    }
}

fn state_in_the_cluster(cloud: &Cloud) {
    let mut runner = cloud.configuration();
    runner["state_storage_configuration"] = json!({"type": "kubernetes", "namespace": "states"});
    let checked = cloud.check(&runner);
    checked
        .only(&["state-storage"], &[])
        .says("state-storage", &["Namespace \"states\" does not exist"]);
    fix::apply(cloud, &mut runner, &checked, "state-storage");
    let checked = cloud.check(&runner);
    checked
        .only(&["state-storage"], &[])
        .says("state-storage", &["get secrets", "update leases"]);
    fix::works_for(cloud, &mut runner, &checked, "state-storage");
    let rules = r#"--patch=[{"op": "replace", "path": "/rules/1/verbs", "value": ["get"]}]"#;
    let patch = [
        "patch",
        "role",
        "humanitec-runner-state",
        "--namespace=states",
        "--type=json",
        rules,
    ];
    cloud.kubectl(&patch);
    let checked = cloud.check(&runner);
    checked
        .only(&["state-storage"], &[])
        .says("state-storage", &["not allowed to create leases, update leases in"]);
    fix::works_for(cloud, &mut runner, &checked, "state-storage");
}

/// The command's file cannot have such a name, but the Orchestrator accepts it.
fn session_name_that_sts_refuses(cloud: &Cloud) {
    let mut runner = cloud.with("cluster/auth/session_name", json!("my-org/my-runner"));
    runner["id"] = json!("my-runner");
    let report = cloud.library(&json!({"runners": [runner]}))["reports"][0].take();
    let with_status = |status: &str| {
        let checks = report["checks"].as_array().unwrap().iter();
        let has = checks.filter(|check| check["status"] == status);
        has.map(|check| check["id"].as_str().unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(with_status("failed"), ["session-name"], "{report:#}");
    // STS refuses that name, so the user cannot exist.
    let skipped = [&["assume-role", "pod-identity"][..], &BY_USER, &["state-storage"]].concat();
    assert_eq!(with_status("skipped"), skipped, "{report:#}");
    let check = &report["checks"][0];
    assert!(check["message"].as_str().unwrap().contains("'/'"), "{check}");
    assert_eq!(check["fix"], "session_name = \"my-org-my-runner\"\n");
}

fn session_name_with_an_at_sign(cloud: &Cloud) {
    let mut runner = cloud.with("cluster/auth/session_name", json!("me@my-org"));
    // People bind the name as it is written.
    let user = "arn:aws:sts::123456789012:assumed-role/humanitec-runner-eks-role/me@my-org";
    let namespace = format!("--namespace={}", cloud.runner().namespace);
    let role = "--role=humanitec-runner-orchestrator-access";
    cloud.kubectl(&[
        "create",
        "rolebinding",
        "at",
        &namespace,
        role,
        &format!("--user={user}"),
    ]);
    let checked = cloud.check(&runner);
    checked.only(&RBAC, &["job-dry-run"]);
    checked.says("session-name", &["each @ is replaced by -"]);
    checked.says(
        "rbac-create-jobs",
        &["humanitec-runner-eks-role/me-my-org", "not this runner's user"],
    );
    fix::works_for(cloud, &mut runner, &checked, "rbac-list-events");
}

fn session_name_that_is_cut(cloud: &Cloud) {
    let id = format!("r{}", "unner".repeat(15));
    let policy = cloud.eks.documented_trust_policy("my-org", &id);
    cloud.eks.set_trust_policy(&policy).unwrap();
    let check = || cloud.check_id(&id, cloud.eks.env(), &cloud.configuration(), &[]);
    let checked = check();
    checked.outcome(
        &["rbac-create-jobs", "rbac-get-jobs"],
        &["session-name", "rbac-list-pods", "rbac-list-events"],
        &["job-dry-run"],
    );
    let cut: String = format!("my-org-{id}").chars().take(64).collect();
    checked.says("session-name", &[&format!("{cut:?}"), "cut to 64 characters"]);
    fix::shell(cloud, checked.fix("rbac-create-jobs"));
    check().outcome(&[], &["session-name"], &[]);
}
