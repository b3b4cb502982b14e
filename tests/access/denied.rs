//! Whoever may not ask: what they do not learn is skipped, and nothing fails for it.

use sandbox::eks::Faults;
use serde_json::json;

use crate::Scenario;
use crate::cloud::{Cloud, IN_CLUSTER};

pub(crate) const SCENARIOS: &[Scenario] = &[
    ("denied::each_action", each_action),
    ("denied::no_cluster_access", no_cluster_access),
    ("denied::no_credentials", no_credentials),
    ("denied::throttled", throttled),
    ("denied::no_time", no_time),
];

fn each_action(cloud: &Cloud) {
    for (action, id) in [
        ("sts:GetCallerIdentity", "aws-credentials"),
        ("iam:GetRole", "role-exists"),
        ("iam:GetOpenIDConnectProvider", "oidc-provider"),
        ("iam:SimulatePrincipalPolicy", "role-permission"),
        ("eks:DescribeCluster", "cluster-active"),
        ("eks:DescribeAccessEntry", "access-entry"),
    ] {
        let faults = Faults {
            deny: vec![action.to_owned()],
            ..Faults::default()
        };
        cloud.eks.set_faults(&faults).unwrap();
        let checked = cloud.check_documented();
        assert_eq!(
            checked.ids("failed"),
            [""; 0],
            "{action}\n{}",
            checked.text()
        );
        assert_eq!(
            checked.of(id)["status"],
            "skipped",
            "{action}\n{}",
            checked.text()
        );
        checked.says(id, &["may not ask", action]);
    }
}

fn no_cluster_access(cloud: &Cloud) {
    let reader = cloud
        .eks
        .create_user(
            "reader",
            &json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": ["iam:Get*", "iam:Simulate*", "eks:Describe*", "eks:List*"], "Resource": "*"}]}),
        )
        .unwrap();
    let checked = cloud.check_as(
        cloud.eks.env_as(&reader),
        &cloud.configuration(),
        &json!({}),
    );
    let mut skipped = vec!["api-server"];
    skipped.extend(IN_CLUSTER);
    checked
        .only(&[], &skipped)
        .says("api-server", &["user/reader", "no access entry"]);
}

fn no_credentials(cloud: &Cloud) {
    let mut environment = cloud.eks.env();
    environment
        .retain(|(name, _)| !name.starts_with("AWS_ACCESS") && !name.starts_with("AWS_SECRET"));
    let asked = json!({"runners": [cloud.configuration()]});
    let start = std::time::Instant::now();
    let answer = cloud.run(environment.clone(), &asked);
    assert!(start.elapsed().as_millis() < 2000);
    let checks = answer["reports"][0]["checks"].as_array().unwrap();
    let failed: Vec<_> = checks.iter().filter(|c| c["status"] == "failed").collect();
    assert_eq!(failed.len(), 1);
    assert_eq!(failed[0]["id"], "aws-credentials");
    assert_eq!(failed[0]["no_credentials"], true);
    // With a metadata service to look for, and none there.
    environment.retain(|(name, _)| name != "AWS_EC2_METADATA_DISABLED");
    let start = std::time::Instant::now();
    let answer = cloud.run(environment, &asked);
    assert!(start.elapsed().as_millis() < 2000, "{:?}", start.elapsed());
    assert_eq!(answer["reports"][0]["checks"][1]["no_credentials"], true);
}

fn throttled(cloud: &Cloud) {
    let mut faults = Faults::default();
    faults.throttle.insert("eks:DescribeCluster".to_owned(), 2);
    cloud.eks.set_faults(&faults).unwrap();
    cloud.check_documented().only(&[], &[]);
    faults
        .throttle
        .insert("eks:DescribeCluster".to_owned(), 1000);
    cloud.eks.set_faults(&faults).unwrap();
    let checked = cloud.check_documented();
    assert_eq!(checked.ids("failed"), [""; 0], "\n{}", checked.text());
    checked.says("cluster-active", &["throttled"]);
}

fn no_time(cloud: &Cloud) {
    let faults = Faults {
        delay_ms: 5000,
        ..Faults::default()
    };
    cloud.eks.set_faults(&faults).unwrap();
    let asked = json!({"runners": [cloud.configuration()], "budget_s": 2});
    let answer = cloud.run(cloud.eks.env(), &asked);
    assert!(answer["took_ms"].as_u64().unwrap() < 2500, "{answer}");
    let message = answer["reports"][0]["checks"][1]["message"]
        .as_str()
        .unwrap();
    assert!(
        message.contains("the time for the checks was over"),
        "{message}"
    );
}
