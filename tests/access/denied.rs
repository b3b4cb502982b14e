//! Callers without a permission, and services that do not respond: the checks are skipped with the reason, and
//! nothing fails.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::time::Duration;

use sandbox::eks::Faults;
use serde_json::json;

use crate::Scenario;
use crate::cloud::{BEHIND_API, BEHIND_CLUSTER, BY_USER, Cloud, ONLY_WARN, RBAC};

pub(crate) const SCENARIOS: &[Scenario] = sandbox::scenarios![
    each_action,
    access_policies,
    no_cluster_access,
    no_credentials,
    bad_credentials,
    role_to_assume_first,
    throttled,
    no_time,
];

fn each_action(cloud: &Cloud) {
    let everything = [
        &[
            "role-exists",
            "oidc-provider",
            "role-trust",
            "role-permission",
            "cluster-active",
        ][..],
        &BEHIND_CLUSTER,
    ]
    .concat();
    let with = |first: &[&'static str], rest: &[&'static str]| [first, rest].concat();
    for (action, skipped) in [
        ("sts:GetCallerIdentity", with(&["aws-credentials"], &everything)),
        ("iam:GetRole", vec!["role-exists", "role-trust", "role-permission"]),
        ("iam:GetOpenIDConnectProvider", vec!["oidc-provider"]),
        ("iam:SimulatePrincipalPolicy", vec!["role-permission"]),
        ("eks:DescribeCluster", with(&["cluster-active"], &BEHIND_CLUSTER)),
        ("eks:DescribeAccessEntry", with(&["access-entry"], &BY_USER)),
        ("eks:ListAssociatedAccessPolicies", vec![]),
    ] {
        cloud.deny(action);
        let checked = cloud.check_documented();
        checked.only(&[], &skipped);
        if let Some(first) = skipped.first() {
            checked.says(first, &["no permission", action]);
        }
    }
}

/// The caller is not allowed to assume the role of the settings: AWS's own words, and the fix.
fn role_to_assume_first(cloud: &Cloud) {
    let role = cloud.runner().role_arn.clone();
    let arguments = ["--assume-role-arn", &role];
    let checked = cloud.check_with(&cloud.configuration(), &arguments);
    checked.says(
        "aws-credentials",
        &[
            "is not authorized to perform: sts:AssumeRole",
            "The caller needs sts:AssumeRole on the role, and the role's trust policy must name the caller",
        ],
    );
    assert!(!checked.text().contains("Error {"), "\n{}", checked.text());
    let fix = checked.fix("aws-credentials");
    assert!(fix.contains(&format!("aws sts assume-role --role-arn {role}")), "{fix}");
}

fn access_policies(cloud: &Cloud) {
    let namespace = format!("--namespace={}", cloud.runner().namespace);
    cloud.kubectl(&[
        "delete",
        "rolebinding",
        "humanitec-runner-orchestrator-access",
        &namespace,
    ]);
    cloud.deny("eks:ListAssociatedAccessPolicies");
    // RBAC does not allow it, and whether an access policy does is unknown.
    let checked = cloud.check_documented();
    checked.outcome(&[], &ONLY_WARN, &["rbac-create-jobs", "rbac-get-jobs", "job-dry-run"]);
    for id in RBAC.iter() {
        checked.says(id, &["not allowed", "eks:ListAssociatedAccessPolicies", "denied"]);
    }
    // Without that denial, the check fails, which the caller's missing permission must not cause.
    cloud.faults(Faults::default());
    cloud.check_documented().only(&RBAC, &["job-dry-run"]);
}

fn no_cluster_access(cloud: &Cloud) {
    let actions = ["iam:Get*", "iam:Simulate*", "eks:Describe*", "eks:List*"];
    let policy =
        json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": actions, "Resource": "*"}]});
    let reader = cloud.eks.create_user("reader", &policy).unwrap();
    let checked = cloud.check_as(&reader);
    checked
        .only(&[], &[&["api-server"][..], &BEHIND_API].concat())
        .says("api-server", &["user/reader", "no access entry", "Unauthorized"]);
    // The printed fix works.
    crate::fix::shell(cloud, checked.fix("api-server"));
    let deadline = std::time::Instant::now() + Duration::from_secs(15);
    loop {
        let checked = cloud.check_as(&reader);
        if checked.status("api-server") == "passed" {
            break assert_eq!(checked.status("namespace"), "passed", "\n{}", checked.text());
        }
        assert!(std::time::Instant::now() < deadline, "\n{}", checked.text());
    }
}

fn no_credentials(cloud: &Cloud) {
    let mut environment = cloud.no_credentials();
    let skipped = [
        &[
            "aws-credentials",
            "role-exists",
            "oidc-provider",
            "role-trust",
            "role-permission",
            "cluster-active",
        ][..],
        &BEHIND_CLUSTER,
    ]
    .concat();
    let check = |environment| {
        let checked = cloud.check_in(environment, &cloud.configuration(), &[]);
        assert!(checked.took < Duration::from_secs(2), "{:?}", checked.took);
        checked.is_incomplete("no AWS credentials (");
        let mut others = checked.ids("skipped");
        others.retain(|id| !["assume-role", "state-storage"].contains(id));
        assert_eq!(others, skipped, "\n{}", checked.text());
        checked.says("aws-credentials", &["No AWS credentials were found"]);
    };
    check(environment.clone());
    // The metadata service does not exist, never responds, or is disabled.
    environment.retain(|(name, _)| name != "AWS_EC2_METADATA_DISABLED");
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let off = TcpListener::bind("127.0.0.1:0").unwrap();
    let refusing = format!("http://{}", off.local_addr().unwrap());
    std::thread::spawn(move || refuse(&off));
    let nobody = format!("http://{}", silent.local_addr().unwrap());
    for endpoint in ["http://127.0.0.1:9", &nobody, &refusing] {
        let variable = ("AWS_EC2_METADATA_SERVICE_ENDPOINT".to_owned(), endpoint.to_owned());
        check(environment.iter().cloned().chain([variable]).collect());
    }
}

/// A metadata service that is disabled.
fn refuse(listener: &TcpListener) {
    for mut connection in listener.incoming().flatten() {
        let _ = connection.read(&mut [0; 4096]);
        let _ = connection.write_all(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    }
}

fn bad_credentials(cloud: &Cloud) {
    let mut wrong = cloud.eks.administrator().clone();
    wrong.secret_access_key = "not-the-secret".to_owned();
    let checked = cloud.check_as(&wrong);
    checked.is_incomplete("unusable AWS credentials (");
    checked.says("aws-credentials", &["SignatureDoesNotMatch"]);
    assert!(!checked.report.to_string().contains("not-the-secret"));
    wrong.access_key_id = "AKIAIOSFODNN7EXAMPLE".to_owned();
    cloud
        .check_as(&wrong)
        .says("aws-credentials", &["InvalidClientTokenId"]);
}

fn throttled(cloud: &Cloud) {
    let throttle = |times: u32| {
        let actions = ["eks:DescribeCluster", "iam:GetRole", "sts:GetCallerIdentity"];
        cloud.faults(Faults {
            throttle: actions.map(|action| (action.to_owned(), times)).into(),
            ..Faults::default()
        });
    };
    throttle(2);
    cloud.check_documented().all_pass();
    throttle(1000);
    let checked = cloud.check_with(&cloud.configuration(), &["--timeout", "10s"]);
    assert!(checked.took < Duration::from_secs(12), "{:?}", checked.took);
    checked.is_incomplete("sts:GetCallerIdentity was throttled (");
    checked.says("aws-credentials", &["throttled", "Rate exceeded"]);
    // The throttling of one service says nothing about a cluster that does not respond.
    cloud.faults(Faults {
        throttle: [("iam:GetRole".to_owned(), 1000)].into(),
        kubernetes_delay_ms: 60_000,
        ..Faults::default()
    });
    cloud
        .check_with(&cloud.configuration(), &["--timeout", "10s"])
        .is_incomplete("iam:GetRole was throttled (")
        .is_incomplete("timed out (")
        .says("role-exists", &["iam:GetRole was throttled"])
        .says("api-server", &["Not checked: timed out."]);
}

fn no_time(cloud: &Cloud) {
    let slow = |delay_ms: u64, kubernetes_delay_ms: u64| {
        cloud.faults(Faults {
            delay_ms,
            kubernetes_delay_ms,
            ..Faults::default()
        });
        let checked = cloud.check_with(&cloud.configuration(), &["--timeout", "2s"]);
        assert!(checked.took < Duration::from_secs(4), "{:?}", checked.took);
        checked.is_incomplete("timed out (");
        checked
    };
    slow(5000, 0)
        .says("aws-credentials", &["timed out"])
        .says("cluster-active", &["Needs aws-credentials, which was skipped"]);
    let checked = slow(0, 5000);
    checked.says("api-server", &["timed out"]);
    for id in [
        "role-exists",
        "oidc-provider",
        "role-trust",
        "role-permission",
        "cluster-active",
        "access-entry",
    ] {
        assert_eq!(checked.status(id), "passed", "\n{}", checked.text());
    }
}
