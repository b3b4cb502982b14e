//! What is wrong with the role.

use serde_json::{Value, json};

use crate::Scenario;
use crate::cloud::Cloud;

pub(crate) const SCENARIOS: &[Scenario] = &[
    ("iam::trust", trust),
    ("iam::role_missing_and_path", role_missing_and_path),
    ("iam::provider", provider),
    ("iam::permission", permission),
    ("iam::other_account", other_account),
];

fn trust(cloud: &Cloud) {
    let good = cloud.eks.documented_trust_policy("my-org", "my-runner");
    let with = |key: &str, value: Value| {
        let mut policy = good.clone();
        policy["Statement"][0]["Condition"]["StringEquals"][key] = value;
        policy
    };
    let mut deny = good.clone();
    let mut statement = good["Statement"][0].clone();
    statement["Effect"] = json!("Deny");
    deny["Statement"].as_array_mut().unwrap().push(statement);
    let mut principal = good.clone();
    principal["Statement"][0]["Principal"] = json!({"Federated": "arn:aws:iam::123456789012:oidc-provider/token.actions.githubusercontent.com"});
    for (policy, parts) in [
        (
            with("oidc.humanitec.dev:sub", json!("my-org+other")),
            [
                "StringEquals on oidc.humanitec.dev:sub",
                "\"my-org+my-runner\"",
                "\"my-org+other\"",
            ],
        ),
        (
            with("oidc.humanitec.dev:aud", json!("eks")),
            [
                "StringEquals on oidc.humanitec.dev:aud",
                "\"sts.amazonaws.com\"",
                "\"eks\"",
            ],
        ),
        (
            with("oidc.humanitec.dev:sub", json!("my-org+*")),
            [
                "StringEquals on oidc.humanitec.dev:sub",
                "only StringLike has wildcards",
                "my-org+*",
            ],
        ),
        (deny, ["denies", "Deny wins", "Statement 2"]),
        (
            principal,
            [
                "Principal",
                "oidc-provider/oidc.humanitec.dev",
                "githubusercontent",
            ],
        ),
    ] {
        cloud.eks.set_trust_policy(&policy).unwrap();
        let checked = cloud.check_documented();
        checked
            .only(&["role-trust"], &[])
            .says("role-trust", &parts);
        let fix = checked.fix("role-trust");
        let document = fix.split('\'').nth(1).unwrap();
        cloud
            .eks
            .set_trust_policy(&serde_json::from_str(document).unwrap())
            .unwrap();
        cloud.check_documented().only(&[], &[]);
    }
    let unknown = json!({"aws:SourceVpc": "vpc-1"});
    let mut policy = good.clone();
    policy["Statement"][0]["Condition"]["StringEquals"] = unknown;
    cloud.eks.set_trust_policy(&policy).unwrap();
    cloud
        .check_documented()
        .only(&[], &["role-trust"])
        .says("role-trust", &["Can't tell", "aws:SourceVpc"]);
}

fn role_missing_and_path(cloud: &Cloud) {
    let mut runner = cloud.configuration();
    let role_arn = |arn: &str| json!(arn);
    let auth = "/runner_configuration/cluster/auth/role_arn";
    *runner.pointer_mut(auth).unwrap() = role_arn("arn:aws:iam::123456789012:role/nobody");
    let checked = cloud.check(&runner, &json!({}));
    let failed = checked.ids("failed");
    assert_eq!(
        failed,
        ["role-exists", "access-entry"],
        "\n{}",
        checked.text()
    );
    assert!(checked.fix("role-exists").contains("aws_iam_role"));
    assert_eq!(checked.of("role-exists")["not_yet"], true);

    *runner.pointer_mut(auth).unwrap() =
        role_arn("arn:aws:iam::123456789012:role/team/humanitec-runner-eks-role");
    let checked = cloud.check(&runner, &json!({}));
    checked.says("role-exists", &["another path"]);
    assert_eq!(
        checked.fix("role-exists"),
        format!("role_arn = \"{}\"\n", cloud.runner().role_arn)
    );
}

fn provider(cloud: &Cloud) {
    let arn = "arn:aws:iam::123456789012:oidc-provider/oidc.humanitec.dev";
    let client = |operation: &str, id: &str| {
        let parameters = json!({"OpenIDConnectProviderArn": arn, "ClientID": id});
        cloud.aws("iam", operation, &parameters);
    };
    client("AddClientIDToOpenIDConnectProvider", "other");
    client(
        "RemoveClientIDFromOpenIDConnectProvider",
        "sts.amazonaws.com",
    );
    let checked = cloud.check_documented();
    checked
        .only(&["oidc-provider"], &[])
        .says("oidc-provider", &["client id sts.amazonaws.com"]);
    assert_eq!(checked.of("oidc-provider")["found"], "other");

    cloud.aws(
        "iam",
        "DeleteOpenIDConnectProvider",
        &json!({"OpenIDConnectProviderArn": arn}),
    );
    let checked = cloud.check_documented();
    checked.only(&["oidc-provider"], &[]);
    assert!(
        checked
            .fix("oidc-provider")
            .contains("aws_iam_openid_connect_provider")
    );
}

fn permission(cloud: &Cloud) {
    let role = sandbox::eks::ROLE_NAME;
    let attached = cloud.aws(
        "iam",
        "ListAttachedRolePolicies",
        &json!({"RoleName": role}),
    );
    let policy = &attached["AttachedPolicies"][0]["PolicyArn"];
    cloud.aws(
        "iam",
        "DetachRolePolicy",
        &json!({"RoleName": role, "PolicyArn": policy}),
    );
    let checked = cloud.check_documented();
    checked
        .only(&["role-permission"], &[])
        .says("role-permission", &["eks:DescribeCluster"]);
    let document = checked.fix("role-permission").split('\'').nth(1).unwrap();
    cloud.aws(
        "iam",
        "PutRolePolicy",
        &json!({"RoleName": role, "PolicyName": "p", "PolicyDocument": document}),
    );
    cloud.check_documented().only(&[], &[]);
}

fn other_account(cloud: &Cloud) {
    let mut runner = cloud.configuration();
    runner["runner_configuration"]["cluster"]["auth"]["role_arn"] =
        json!("arn:aws:iam::999999999999:role/humanitec-runner-eks-role");
    let checked = cloud.check(&runner, &json!({}));
    assert_eq!(checked.ids("failed"), [""; 0], "\n{}", checked.text());
    for id in ["role-exists", "oidc-provider", "cluster-active"] {
        checked.says(id, &["999999999999", "123456789012"]);
    }
}
