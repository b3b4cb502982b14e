//! What is wrong with the cluster as AWS sees it, and with the role's entry in it.

use std::time::{Duration, Instant};

use sandbox::eks::Faults;
use serde_json::{Value, json};

use crate::Scenario;
use crate::cloud::{BEHIND_CLUSTER, BY_USER, Cloud, RBAC};
use crate::fix;

pub(crate) const SCENARIOS: &[Scenario] = &[
    ("cluster::absent", absent),
    ("cluster::wrong_region", wrong_region),
    ("cluster::not_active", not_active),
    ("cluster::private", private),
    ("cluster::restricted", restricted),
    ("cluster::entry_missing", entry_missing),
    ("cluster::entry_for_nodes", entry_for_nodes),
    ("cluster::role_recreated", role_recreated),
    ("cluster::config_map", config_map),
    (
        "cluster::config_map_beside_entries",
        config_map_beside_entries,
    ),
    ("cluster::config_map_with_a_path", config_map_with_a_path),
    (
        "cluster::config_map_with_accounts",
        config_map_with_accounts,
    ),
    (
        "cluster::config_map_without_a_username",
        config_map_without_a_username,
    ),
    (
        "cluster::config_map_with_two_lines",
        config_map_with_two_lines,
    ),
    (
        "cluster::another_user_name_as_the_runner",
        another_user_name_as_the_runner,
    ),
    (
        "cluster::entry_with_name_and_groups",
        entry_with_name_and_groups,
    ),
];

fn absent(cloud: &Cloud) {
    let checked = cloud.check(&cloud.with("cluster/name", json!("another")));
    // Nor is the role allowed to describe that one.
    checked.only(&["role-permission", "cluster-active"], &BEHIND_CLUSTER);
    checked.says(
        "cluster-active",
        &["There is no", "\"another\"", "us-west-2"],
    );
    fix::shell(cloud, checked.fix("cluster-active"));
}

fn wrong_region(cloud: &Cloud) {
    let checked = cloud.check(&cloud.with("cluster/region", json!("eu-central-1")));
    checked.only(&["role-permission", "cluster-active"], &BEHIND_CLUSTER);
    checked.says("cluster-active", &["\"my-eks-cluster\"", "eu-central-1"]);
    fix::shell(cloud, checked.fix("cluster-active"));
}

fn not_active(cloud: &Cloud) {
    for status in ["DELETING", "FAILED", "CREATING"] {
        cloud.eks.set_cluster(&json!({"status": status})).unwrap();
        let checked = cloud.check_documented();
        checked
            .only(&["cluster-active"], &BEHIND_CLUSTER)
            .says("cluster-active", &[status]);
    }
    cloud
        .eks
        .set_cluster(&json!({"status": "UPDATING"}))
        .unwrap();
    cloud.check_documented().all_pass();
}

fn private(cloud: &Cloud) {
    let network = json!({"resourcesVpcConfig": {"endpointPublicAccess": false}});
    cloud.eks.set_cluster(&network).unwrap();
    // From inside the VPC, the cluster answers.
    cloud.check_documented().only(&["cluster-endpoint"], &[]);
    cloud.faults(Faults {
        cluster_unreachable: true,
        ..Faults::default()
    });
    let checked = cloud.check_documented();
    checked
        .only(&["cluster-endpoint"], BEHIND_CLUSTER.split_at(2).1)
        .says("cluster-endpoint", &["no public endpoint"])
        .says("api-server", &["see cluster-endpoint"]);
    cloud.faults(Faults::default());
    fix::mends(cloud, &checked, "cluster-endpoint");
}

fn restricted(cloud: &Cloud) {
    let network = json!({"resourcesVpcConfig": {"publicAccessCidrs": ["203.0.113.0/24"]}});
    cloud.eks.set_cluster(&network).unwrap();
    let ask = |cidrs: &[&str]| {
        let arguments: Vec<_> = cidrs
            .iter()
            .flat_map(|cidr| ["--orchestrator-cidr", cidr])
            .collect();
        cloud.check_with(&cloud.configuration(), &arguments)
    };
    ask(&[]).outcome(&[], &["cluster-endpoint"], &[]).says(
        "cluster-endpoint",
        &["203.0.113.0/24", "--orchestrator-cidr does not say"],
    );
    ask(&["203.0.113.9"]).all_pass();
    let checked = ask(&["203.0.113.9", "198.51.100.7/32"]);
    checked
        .only(&["cluster-endpoint"], &[])
        .says("cluster-endpoint", &["198.51.100.7/32"]);
    fix::shell(cloud, checked.fix("cluster-endpoint"));
    ask(&["203.0.113.9", "198.51.100.7/32"]).all_pass();
}

fn entry_missing(cloud: &Cloud) {
    cloud.aws("eks", "DeleteAccessEntry", &cloud.entry());
    let checked = cloud.check_documented();
    checked
        .only(&["access-entry"], &BY_USER)
        .says("access-entry", &[&cloud.runner().role_arn]);
    fix::mends(cloud, &checked, "access-entry");
}

fn entry_for_nodes(cloud: &Cloud) {
    cloud.aws("eks", "DeleteAccessEntry", &cloud.entry());
    let mut nodes = cloud.entry();
    nodes["type"] = json!("EC2_LINUX");
    cloud.aws("eks", "CreateAccessEntry", &nodes);
    let checked = cloud.check_documented();
    checked
        .only(&["access-entry"], &BY_USER)
        .says("access-entry", &["EC2_LINUX"]);
    fix::mends(cloud, &checked, "access-entry");
}

fn role_recreated(cloud: &Cloud) {
    // IAM's times are in seconds.
    std::thread::sleep(Duration::from_millis(1100));
    let policy = cloud.eks.documented_trust_policy("my-org", "my-runner");
    cloud.eks.recreate_role(&policy).unwrap();
    let checked = cloud.check_documented();
    checked
        .only(&["access-entry"], &BY_USER)
        .says("access-entry", &["older than the role"]);
    fix::mends(cloud, &checked, "access-entry");
}

/// Writes lines into `mapRoles` of `aws-auth`.
fn map_roles(cloud: &Cloud, lines: &str) {
    let map = json!({
        "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": "aws-auth", "namespace": "kube-system"},
        "data": {"mapRoles": lines},
    });
    cloud.eks.apply(&map.to_string()).unwrap();
}

/// What the fix of a missing line has to paste.
fn line(fix: &str) -> String {
    let lines = fix.lines().filter(|line| !line.starts_with('#'));
    lines.map(|line| format!("{line}\n")).collect()
}

fn config_map(cloud: &Cloud) {
    cloud.authentication_mode("CONFIG_MAP");
    let checked = cloud.check_documented();
    // The administrator, who made the cluster, is let in without a line of its own.
    checked
        .only(&["access-entry"], &BY_USER)
        .says("access-entry", &["CONFIG_MAP", "aws-auth"]);
    map_roles(cloud, &line(checked.fix("access-entry")));
    cloud.check_documented().all_pass();
    map_roles(
        cloud,
        "- rolearn: arn:aws:iam::123456789012:role/nodes\n  username: node\n",
    );
    cloud.check_documented().only(&["access-entry"], &BY_USER);
}

fn config_map_beside_entries(cloud: &Cloud) {
    cloud.aws("eks", "DeleteAccessEntry", &cloud.entry());
    let role = &cloud.runner().role_arn;
    map_roles(
        cloud,
        &format!(
            "- rolearn: {role}\n  username: mapped:{{{{SessionName}}}}\n  groups: [runners]\n"
        ),
    );
    let checked = cloud.check_documented();
    checked
        .only(&RBAC, &["job-dry-run"])
        .says("access-entry", &["aws-auth"]);
    checked.says("rbac-create-jobs", &["mapped:my-org-my-runner"]);
    fix::mends(cloud, &checked, "rbac-create-jobs");
    // In mode API, aws-auth counts for nothing.
    cloud.authentication_mode("API");
    cloud.check_documented().only(&["access-entry"], &BY_USER);
}

fn config_map_with_a_path(cloud: &Cloud) {
    let (role, runner) = role_with_a_path(cloud);
    cloud.authentication_mode("CONFIG_MAP");
    map_roles(cloud, &format!("- rolearn: {role}\n  username: x\n"));
    let checked = cloud.check(&runner);
    checked
        .only(&["access-entry"], &BY_USER)
        .says("access-entry", &["without their path"]);
    map_roles(cloud, &line(checked.fix("access-entry")));
    let checked = cloud.check(&runner);
    checked.only(&RBAC, &["job-dry-run"]);
    checked.says(
        "rbac-create-jobs",
        &["arn:aws:sts::123456789012:assumed-role/pathed/my-org-my-runner"],
    );
    fix::mends_runner(cloud, &mut runner.clone(), &checked, "rbac-get-jobs");
}

/// The whole account is let in, and the role is known by its ARN: so says the authenticator too.
fn config_map_with_accounts(cloud: &Cloud) {
    cloud.authentication_mode("CONFIG_MAP");
    let map = json!({
        "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": {"name": "aws-auth", "namespace": "kube-system"},
        "data": {"mapAccounts": "- \"123456789012\"\n"},
    });
    cloud.eks.apply(&map.to_string()).unwrap();
    let checked = cloud.check_documented();
    checked.only(&RBAC, &["job-dry-run"]);
    let role = &cloud.runner().role_arn;
    checked.says("access-entry", &["aws-auth maps the role", role]);
    fix::mends(cloud, &checked, "rbac-create-jobs");
    let (_directory, file) =
        cloud.token_file(&cloud.eks.oidc_token("my-org", "my-runner").unwrap());
    let arguments = ["--as", "runner", "--web-identity-token-file", &file];
    let start = Instant::now();
    loop {
        let checked = cloud.check_with(&cloud.configuration(), &arguments);
        if checked.status("job-dry-run") == "passed" {
            break;
        }
        // The authenticator sees a change within seconds.
        assert!(
            start.elapsed() < Duration::from_secs(15),
            "\n{}",
            checked.text()
        );
    }
}

/// The authenticator makes no name up: nothing can be bound to the runner.
fn config_map_without_a_username(cloud: &Cloud) {
    let role = &cloud.runner().role_arn;
    map_roles(cloud, &format!("- rolearn: {role}\n"));
    cloud.authentication_mode("CONFIG_MAP");
    let checked = cloud.check_documented();
    checked
        .only(&["access-entry"], &BY_USER)
        .says("access-entry", &["without a username"]);
    let fix = line(checked.fix("access-entry"));
    map_roles(cloud, &format!("- rolearn: {role}\n  groups: [runners]\n"));
    let checked = cloud.check_documented();
    assert_eq!(
        checked.status("access-entry"),
        "warned",
        "\n{}",
        checked.text()
    );
    checked.says("access-entry", &["the rights of its groups, runners"]);
    assert_eq!(checked.ids("failed"), [""; 0], "\n{}", checked.text());
    map_roles(cloud, &fix);
    cloud.check_documented().all_pass();
}

/// The last line counts, as the authenticator has it.
fn config_map_with_two_lines(cloud: &Cloud) {
    let role = &cloud.runner().role_arn;
    let line = |name: &str| format!("- rolearn: {role}\n  username: {name}:{{{{SessionName}}}}\n");
    map_roles(cloud, &(line("first") + &line("last")));
    cloud.authentication_mode("CONFIG_MAP");
    let checked = cloud.check_documented();
    checked.only(&RBAC, &["job-dry-run"]);
    checked.says("rbac-create-jobs", &["last:my-org-my-runner"]);
    fix::mends(cloud, &checked, "rbac-create-jobs");
}

/// As the runner, too, the user is the one that the entry makes of it, and the fix binds that one.
fn another_user_name_as_the_runner(cloud: &Cloud) {
    let mut entry = cloud.entry();
    cloud.aws("eks", "DeleteAccessEntry", &entry);
    entry["type"] = json!("STANDARD");
    entry["username"] = json!("run:{{SessionName}}");
    cloud.aws("eks", "CreateAccessEntry", &entry);
    let (_directory, file) =
        cloud.token_file(&cloud.eks.oidc_token("my-org", "my-runner").unwrap());
    let arguments = ["--as", "runner", "--web-identity-token-file", &file];
    let checked = cloud.check_with(&cloud.configuration(), &arguments);
    checked.says(
        "rbac-create-jobs",
        &["run:my-org-my-runner is not allowed to"],
    );
    assert_eq!(checked.report["kubernetes_user"], "run:my-org-my-runner");
    fix::shell(cloud, checked.fix("rbac-create-jobs"));
    let checked = cloud.check_with(&cloud.configuration(), &arguments);
    assert_eq!(
        checked.status("job-dry-run"),
        "passed",
        "\n{}",
        checked.text()
    );
}

/// A role with a path that trusts the Orchestrator, and a runner of it.
pub(crate) fn role_with_a_path(cloud: &Cloud) -> (String, Value) {
    let policy = cloud
        .eks
        .documented_trust_policy("my-org", "my-runner")
        .to_string();
    let role =
        json!({"RoleName": "pathed", "Path": "/team/x/", "AssumeRolePolicyDocument": policy});
    let arn = cloud.aws("iam", "CreateRole", &role)["Role"]["Arn"]
        .as_str()
        .unwrap()
        .to_owned();
    let permission = json!({"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Action": "eks:DescribeCluster", "Resource": cloud.eks.cluster_arn(),
    }]});
    let permission =
        json!({"RoleName": "pathed", "PolicyName": "p", "PolicyDocument": permission.to_string()});
    cloud.aws("iam", "PutRolePolicy", &permission);
    let runner = cloud.with("cluster/auth/role_arn", json!(arn));
    (arn, runner)
}

fn entry_with_name_and_groups(cloud: &Cloud) {
    let mut changed = cloud.entry();
    changed["username"] = json!("runner:{{SessionName}}");
    changed["kubernetesGroups"] = json!(["runners"]);
    cloud.aws("eks", "UpdateAccessEntry", &changed);
    let checked = cloud.check_documented();
    checked.only(&RBAC, &["job-dry-run"]);
    checked.says(
        "rbac-create-jobs",
        &["runner:my-org-my-runner", "another name"],
    );
    assert_eq!(checked.report["kubernetes_user"], "runner:my-org-my-runner");
    let namespace = format!("--namespace={}", cloud.runner().namespace);
    let role = "--role=humanitec-runner-orchestrator-access";
    cloud.kubectl(&[
        "create",
        "rolebinding",
        "by-group",
        &namespace,
        role,
        "--group=runners",
    ]);
    cloud.check_documented().all_pass();
    cloud.kubectl(&["delete", "rolebinding", "by-group", &namespace]);
    fix::mends(cloud, &checked, "rbac-create-jobs");
}
