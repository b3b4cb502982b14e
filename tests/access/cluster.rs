//! Problems of the cluster in AWS, and of the role's access entry.

use std::time::Duration;

use sandbox::eks::Faults;
use serde_json::{Value, json};

use crate::Scenario;
use crate::cloud::{BEHIND_API, BEHIND_CLUSTER, BY_USER, Checked, Cloud, RBAC};
use crate::fix;

pub(crate) const SCENARIOS: &[Scenario] = sandbox::scenarios![
    absent,
    wrong_region,
    not_active,
    private,
    restricted,
    entry_missing,
    entry_for_nodes,
    role_recreated,
    entries_for_nodes_admit_nobody,
    entry_with_an_instance_template,
    another_user_name_as_the_runner,
    entry_with_name_and_groups,
];

fn absent(cloud: &Cloud) {
    let checked = cloud.check(&cloud.with("cluster/name", json!("another")));
    // The role is not allowed to describe that cluster either.
    checked.only(&["role-permission", "cluster-active"], &BEHIND_CLUSTER);
    checked.says("cluster-active", &["does not exist", "\"another\"", "us-west-2"]);
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
    cloud.eks.set_cluster(&json!({"status": "UPDATING"})).unwrap();
    cloud.check_documented().all_pass();
}

fn private(cloud: &Cloud) {
    let network = json!({"resourcesVpcConfig": {"endpointPublicAccess": false}});
    cloud.eks.set_cluster(&network).unwrap();
    // From inside the VPC, the cluster can be reached.
    cloud.check_documented().only(&["cluster-endpoint"], &[]);
    // A self-hosted installation can be inside the VPC.
    let elsewhere = [
        "--api-url",
        "https://po.example.com",
        "--oidc-issuer",
        sandbox::eks::ISSUER,
    ];
    cloud
        .check_with(&cloud.configuration(), &elsewhere)
        .outcome(&[], &["cluster-endpoint"], &[]);
    cloud.faults(Faults {
        cluster_unreachable: true,
        ..Faults::default()
    });
    let checked = cloud.check_documented();
    checked
        .only(&["cluster-endpoint"], &[&["api-server"][..], &BEHIND_API].concat())
        .says("cluster-endpoint", &["no public endpoint"])
        .says("api-server", &["see cluster-endpoint"]);
    cloud.faults(Faults::default());
    fix::works(cloud, &checked, "cluster-endpoint");
}

fn restricted(cloud: &Cloud) {
    let network = json!({"resourcesVpcConfig": {"publicAccessCidrs": ["203.0.113.0/24"]}});
    cloud.eks.set_cluster(&network).unwrap();
    let with_cidrs = |cidrs: &[&str]| {
        let arguments: Vec<_> = cidrs.iter().flat_map(|cidr| ["--orchestrator-cidr", cidr]).collect();
        cloud.check_with(&cloud.configuration(), &arguments)
    };
    with_cidrs(&[]).outcome(&[], &["cluster-endpoint"], &[]).says(
        "cluster-endpoint",
        &["35.198.140.114/32, 35.246.198.96/32", "Humanitec publishes"],
    );
    let elsewhere = [
        "--api-url",
        "https://po.example.com",
        "--oidc-issuer",
        sandbox::eks::ISSUER,
    ];
    cloud
        .check_with(&cloud.configuration(), &elsewhere)
        .outcome(&[], &["cluster-endpoint"], &[])
        .says(
            "cluster-endpoint",
            &["203.0.113.0/24", "--orchestrator-cidr is not set"],
        );
    with_cidrs(&["203.0.113.9"]).all_pass();
    let checked = with_cidrs(&["203.0.113.9", "198.51.100.7/32"]);
    checked
        .only(&["cluster-endpoint"], &[])
        .says("cluster-endpoint", &["198.51.100.7/32"]);
    fix::shell(cloud, checked.fix("cluster-endpoint"));
    with_cidrs(&["203.0.113.9", "198.51.100.7/32"]).all_pass();
    fix::shell(cloud, with_cidrs(&[]).fix("cluster-endpoint"));
    with_cidrs(&[]).all_pass();
    // EKS refuses private addresses there.
    let checked = with_cidrs(&["10.1.0.0/16"]);
    checked
        .outcome(&[], &["cluster-endpoint"], &[])
        .says("cluster-endpoint", &["no private endpoint", "10.1.0.0/16"]);
    fix::shell(cloud, checked.fix("cluster-endpoint"));
    with_cidrs(&["10.1.0.0/16"])
        .outcome(&[], &["cluster-endpoint"], &[])
        .says(
            "cluster-endpoint",
            &["has a private endpoint, which the Orchestrator's addresses 10.1.0.0/16 use"],
        );
}

fn entry_missing(cloud: &Cloud) {
    cloud.aws("eks", "DeleteAccessEntry", &cloud.entry());
    let checked = cloud.check_documented();
    checked
        .only(&["access-entry"], &BY_USER)
        .says("access-entry", &[&cloud.runner().role_arn]);
    fix::works(cloud, &checked, "access-entry");
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
    entry_is_replaced(cloud, &checked);
}

/// The printed fix changes nothing, because nodes might need the entry. What it has for a role without nodes works.
fn entry_is_replaced(cloud: &Cloud, checked: &Checked) {
    let fix = checked.fix("access-entry");
    assert!(fix.lines().all(|line| line.starts_with("# ")), "{fix}");
    let commands: Vec<&str> = fix
        .lines()
        .filter_map(|line| line.strip_prefix("# "))
        .skip_while(|line| !line.starts_with("aws "))
        .collect();
    fix::shell(cloud, &commands.join("\n"));
    cloud.check_documented().all_pass();
}

/// An entry of each type for nodes fails, whatever aws-auth contains.
fn entries_for_nodes_admit_nobody(cloud: &Cloud) {
    let role = &cloud.runner().role_arn;
    crate::aws_auth::map(cloud, "mapRoles", &format!("- rolearn: {role}\n  username: x\n"));
    for kind in [
        "EC2",
        "EC2_LINUX",
        "EC2_WINDOWS",
        "FARGATE_LINUX",
        "HYBRID_LINUX",
        "HYPERPOD_LINUX",
    ] {
        cloud.aws("eks", "DeleteAccessEntry", &cloud.entry());
        let mut nodes = cloud.entry();
        nodes["type"] = json!(kind);
        cloud.aws("eks", "CreateAccessEntry", &nodes);
        let checked = cloud.check_documented();
        checked
            .only(&["access-entry"], &BY_USER)
            .says("access-entry", &[kind, "for nodes"]);
        let template = checked.report["kubernetes_user"].to_string();
        assert!(!template.contains("{{"), "{template}");
        // The cluster refuses the runner as well.
        crate::aws_auth::as_runner(cloud, |checked| {
            checked.status("rbac-create-jobs") != "passed" && checked.status("job-dry-run") != "passed"
        });
    }
    entry_is_replaced(cloud, &cloud.check_documented());
}

fn entry_with_an_instance_template(cloud: &Cloud) {
    let mut entry = cloud.entry();
    entry["username"] = json!("node:{{EC2PrivateDNSName}}");
    cloud.aws("eks", "UpdateAccessEntry", &entry);
    let checked = cloud.check_documented();
    checked
        .only(&["access-entry"], &BY_USER)
        .says("access-entry", &["node:{{EC2PrivateDNSName}}", "EC2 instance"]);
    let refused = crate::aws_auth::as_runner(cloud, |checked| checked.status("api-server") == "failed");
    // One cause, one fix: EKS would refuse to create a second entry.
    assert_eq!(refused.fix("api-server"), checked.fix("access-entry"));
    fix::works(cloud, &checked, "access-entry");
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
    let refused = crate::aws_auth::as_runner(cloud, |checked| checked.status("api-server") == "failed");
    assert_eq!(refused.fix("api-server"), checked.fix("access-entry"));
    fix::works(cloud, &checked, "access-entry");
}

/// As the runner, the user is also the one that the entry names, and the fix binds that user.
fn another_user_name_as_the_runner(cloud: &Cloud) {
    let mut entry = cloud.entry();
    cloud.aws("eks", "DeleteAccessEntry", &entry);
    entry["type"] = json!("STANDARD");
    entry["username"] = json!("run:{{SessionName}}");
    cloud.aws("eks", "CreateAccessEntry", &entry);
    let (_directory, file) = cloud.token_file(&cloud.eks.oidc_token("my-org", "my-runner").unwrap());
    let arguments = ["--as", "runner", "--web-identity-token-file", &file];
    let checked = cloud.check_with(&cloud.configuration(), &arguments);
    checked.says("rbac-create-jobs", &["run:my-org-my-runner is not allowed to"]);
    assert_eq!(checked.report["kubernetes_user"], "run:my-org-my-runner");
    fix::shell(cloud, checked.fix("rbac-create-jobs"));
    let checked = cloud.check_with(&cloud.configuration(), &arguments);
    assert_eq!(checked.status("job-dry-run"), "passed", "\n{}", checked.text());
}

/// A role with a path that trusts the Orchestrator, and a runner of it.
pub(crate) fn role_with_a_path(cloud: &Cloud) -> (String, Value) {
    let policy = cloud.eks.documented_trust_policy("my-org", "my-runner").to_string();
    let role = json!({"RoleName": "pathed", "Path": "/team/x/", "AssumeRolePolicyDocument": policy});
    let arn = cloud.aws("iam", "CreateRole", &role)["Role"]["Arn"]
        .as_str()
        .unwrap()
        .to_owned();
    let permission = json!({"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow", "Action": "eks:DescribeCluster", "Resource": cloud.eks.cluster_arn(),
    }]});
    let permission = json!({"RoleName": "pathed", "PolicyName": "p", "PolicyDocument": permission.to_string()});
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
        &["runner:my-org-my-runner", "not this runner's user"],
    );
    assert_eq!(checked.report["kubernetes_user"], "runner:my-org-my-runner");
    let namespace = format!("--namespace={}", cloud.runner().namespace);
    let role = "--role=humanitec-runner-orchestrator-access";
    cloud.kubectl(&["create", "rolebinding", "by-group", &namespace, role, "--group=runners"]);
    cloud.check_documented().all_pass();
    cloud.kubectl(&["delete", "rolebinding", "by-group", &namespace]);
    fix::works(cloud, &checked, "rbac-create-jobs");
}
