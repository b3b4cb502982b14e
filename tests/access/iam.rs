//! The role, and its trust policy.

use sandbox::eks::Faults;
use serde_json::{Value, json};

use crate::Scenario;
use crate::cloud::{BEHIND_CLUSTER, BEHIND_ROLE, BY_USER, Cloud, RBAC};
use crate::cluster::role_with_a_path;
use crate::{fix, trust_policies};

pub(crate) const SCENARIOS: &[Scenario] = sandbox::scenarios![
    trust,
    trust_that_is_not_judged,
    trust_policies::in_many_forms,
    trust_policies::restricted_with_others,
    trust_policies::addresses,
    role_missing,
    role_deleted,
    role_path,
    provider,
    permission,
    other_account,
    other_partition,
    caller_role_with_a_path,
];

fn trust(cloud: &Cloud) {
    let good = cloud.eks.documented_trust_policy("my-org", "my-runner");
    let with = |pointer: &str, value: Value| {
        let mut policy = good.clone();
        *policy.pointer_mut(pointer).unwrap() = value;
        policy
    };
    let condition = |key: &str| format!("/Statement/0/Condition/StringEquals/oidc.humanitec.dev:{key}");
    let mut deny = good.clone();
    let mut statement = good["Statement"][0].clone();
    statement["Effect"] = json!("Deny");
    deny["Statement"].as_array_mut().unwrap().push(statement);
    let other = "arn:aws:iam::123456789012:oidc-provider/token.actions.githubusercontent.com";
    let sub = "StringEquals on oidc.humanitec.dev:sub";
    let aud = "StringEquals on oidc.humanitec.dev:aud";
    for (policy, parts) in [
        (
            with(&condition("sub"), json!("my-org+other")),
            [sub, "\"my-org+my-runner\"", "\"my-org+other\""],
        ),
        (
            with(&condition("sub"), json!("my-org+*")),
            [sub, "only StringLike has wildcards", "my-org+*"],
        ),
        (
            with(&condition("sub"), json!("My-Org+my-runner")),
            [sub, "My-Org+my-runner", "my-org+my-runner"],
        ),
        (
            with(&condition("aud"), json!("eks")),
            [aud, "\"sts.amazonaws.com\"", "\"eks\""],
        ),
        (deny, ["denies", "Deny overrides", "Statement 2"]),
        (
            with("/Statement/0/Principal", json!({"Federated": other})),
            ["Principal", "oidc-provider/oidc.humanitec.dev", "githubusercontent"],
        ),
        (
            with("/Statement/0/Action", json!("sts:AssumeRole")),
            ["Action", "sts:AssumeRoleWithWebIdentity", "\"sts:AssumeRole\""],
        ),
    ] {
        cloud.eks.set_trust_policy(&policy).unwrap();
        let checked = cloud.check_documented();
        checked.only(&["role-trust"], &[]).says("role-trust", &parts);
        // STS refuses as well.
        let token = cloud.eks.oidc_token("my-org", "my-runner").unwrap();
        assert!(
            cloud
                .eks
                .assume_role(&cloud.runner().role_arn, "a-session", &token)
                .is_err()
        );
        fix::works(cloud, &checked, "role-trust");
    }
    let like =
        json!({"StringLike": {"oidc.humanitec.dev:sub": "my-org+*", "oidc.humanitec.dev:aud": "sts.amazonaws.com"}});
    cloud
        .eks
        .set_trust_policy(&with("/Statement/0/Condition", like))
        .unwrap();
    cloud.check_documented().all_pass();
}

fn trust_that_is_not_judged(cloud: &Cloud) {
    let mut policy = cloud.eks.documented_trust_policy("my-org", "my-runner");
    policy["Statement"][0]["Condition"]["StringEquals"]["aws:SourceVpc"] = json!("vpc-1");
    cloud.eks.set_trust_policy(&policy).unwrap();
    cloud
        .check_documented()
        .only(&[], &["role-trust"])
        .says("role-trust", &["Could not check", "aws:SourceVpc"]);
}

fn role_missing(cloud: &Cloud) {
    let mut runner = cloud.with("cluster/auth/role_arn", json!("arn:aws:iam::123456789012:role/nobody"));
    let checked = cloud.check(&runner);
    checked
        .only(&["role-exists"], &BEHIND_ROLE)
        .says("role-exists", &["role/nobody"]);
    fix::apply(cloud, &mut runner, &checked, "role-exists");
    let checked = cloud.check(&runner);
    checked.only(&["role-permission", "access-entry"], &BY_USER);
    fix::apply(cloud, &mut runner, &checked, "role-permission");
    fix::apply(cloud, &mut runner, &checked, "access-entry");
    let checked = cloud.check(&runner);
    checked.only(&RBAC, &["job-dry-run"]);
    fix::works_for(cloud, &mut runner, &checked, "rbac-create-jobs");
}

/// A deleted role whose access entry still exists.
fn role_deleted(cloud: &Cloud) {
    let role = json!({"RoleName": sandbox::eks::ROLE_NAME});
    let policy = "arn:aws:iam::123456789012:policy/humanitec-runner-eks-policy";
    let mut attached = role.clone();
    attached["PolicyArn"] = json!(policy);
    cloud.aws("iam", "DetachRolePolicy", &attached);
    cloud.aws("iam", "DeleteRole", &role);
    let checked = cloud.check_documented();
    checked.only(&["role-exists"], &["role-trust", "role-permission"]);
}

fn role_path(cloud: &Cloud) {
    let documented = "arn:aws:iam::123456789012:role/team/humanitec-runner-eks-role";
    let mut runner = cloud.with("cluster/auth/role_arn", json!(documented));
    let checked = cloud.check(&runner);
    checked
        .only(&["role-exists"], &BEHIND_ROLE)
        .says("role-exists", &["different path"]);
    fix::works_for(cloud, &mut runner, &checked, "role-exists");

    let (role, _) = role_with_a_path(cloud);
    let mut runner = cloud.with("cluster/auth/role_arn", json!("arn:aws:iam::123456789012:role/pathed"));
    let checked = cloud.check(&runner);
    checked
        .only(&["role-exists"], &BEHIND_ROLE)
        .says("role-exists", &["different path", &role]);
    fix::apply(cloud, &mut runner, &checked, "role-exists");
    assert_eq!(cloud.check(&runner).status("role-exists"), "passed");
}

fn provider(cloud: &Cloud) {
    let arn = "arn:aws:iam::123456789012:oidc-provider/oidc.humanitec.dev";
    let client = |operation: &str, id: &str| {
        let parameters = json!({"OpenIDConnectProviderArn": arn, "ClientID": id});
        cloud.aws("iam", operation, &parameters);
    };
    client("AddClientIDToOpenIDConnectProvider", "other");
    client("RemoveClientIDFromOpenIDConnectProvider", "sts.amazonaws.com");
    let checked = cloud.check_documented();
    checked
        .only(&["oidc-provider"], &[])
        .says("oidc-provider", &["client ID sts.amazonaws.com"]);
    assert_eq!(checked.of("oidc-provider")["found"], "other");
    fix::works(cloud, &checked, "oidc-provider");

    cloud.aws(
        "iam",
        "DeleteOpenIDConnectProvider",
        &json!({"OpenIDConnectProviderArn": arn}),
    );
    let checked = cloud.check_documented();
    checked
        .only(&["oidc-provider"], &[])
        .says("oidc-provider", &["https://oidc.humanitec.dev"]);
    fix::works(cloud, &checked, "oidc-provider");

    // Another installation of the Orchestrator has another issuer, which is never assumed.
    let other = ["--api-url", "https://po.example.com"];
    cloud
        .check_with(&cloud.configuration(), &other)
        .only(&[], &["oidc-issuer", "oidc-provider", "role-trust"])
        .says("oidc-provider", &["--oidc-issuer", "OIDC_ISSUER_URL"])
        .says("role-trust", &["--oidc-issuer", "OIDC_ISSUER_URL"]);
    let older = ["--oidc-issuer", "https://idtoken.humanitec.io"];
    cloud
        .check_with(&cloud.configuration(), &older)
        .outcome(&["oidc-provider", "role-trust"], &["oidc-issuer"], &[])
        .says(
            "oidc-provider",
            &["older Humanitec product", "https://oidc.humanitec.dev"],
        )
        .says("role-trust", &["older Humanitec product"]);
    let issuer = ["--oidc-issuer", "https://oidc.example.com"];
    let checked = cloud.check_with(&cloud.configuration(), &issuer);
    checked.only(&["oidc-provider", "role-trust"], &[]);
    fix::apply(cloud, &mut cloud.configuration(), &checked, "oidc-provider");
    fix::apply(cloud, &mut cloud.configuration(), &checked, "role-trust");
    cloud.check_with(&cloud.configuration(), &issuer).all_pass();
}

fn permission(cloud: &Cloud) {
    let role = sandbox::eks::ROLE_NAME;
    let attached = cloud.aws("iam", "ListAttachedRolePolicies", &json!({"RoleName": role}));
    let policy = &attached["AttachedPolicies"][0]["PolicyArn"];
    cloud.aws(
        "iam",
        "DetachRolePolicy",
        &json!({"RoleName": role, "PolicyArn": policy}),
    );
    let checked = cloud.check_documented();
    checked
        .only(&["role-permission"], &[])
        .says("role-permission", &["eks:DescribeCluster", "cluster/my-eks-cluster"]);
    fix::works(cloud, &checked, "role-permission");

    // A policy of the organization might have a condition that does not hold for the Orchestrator.
    cloud.faults(Faults {
        organization_denies: vec!["eks:DescribeCluster".to_owned()],
        ..Faults::default()
    });
    cloud
        .check_documented()
        .only(&[], &["role-permission"])
        .is_incomplete("policies that cannot be evaluated from outside AWS (1)")
        .says("role-permission", &["a policy of the AWS organization"]);
    cloud.faults(Faults::default());
    let put = |action: &str, condition: Value| {
        let deny = json!({"Effect": "Deny", "Action": action, "Resource": "*", "Condition": condition});
        let deny = json!({"Version": "2012-10-17", "Statement": [deny]}).to_string();
        let deny = json!({"RoleName": role, "PolicyName": "deny", "PolicyDocument": deny});
        cloud.aws("iam", "PutRolePolicy", &deny);
    };
    // A key that the Orchestrator's request might have decides, and one of another service does not.
    put(
        "*",
        json!({"StringNotEquals": {"aws:SourceVpce": "vpce-1", "s3:prefix": "x"}}),
    );
    cloud
        .check_documented()
        .only(&[], &["role-permission"])
        .says("role-permission", &["have conditions on aws:sourcevpce."]);
    // "Denies access based on source IP": without the second key, the Deny would not match.
    put(
        "*",
        json!({"NotIpAddress": {"aws:SourceIp": "192.0.2.0/24"}, "Bool": {"aws:ViaAWSService": "false"}}),
    );
    cloud
        .check_documented()
        .only(&[], &["role-permission"])
        .says("role-permission", &["have conditions on aws:sourceip."]);
    put(
        "*",
        json!({"ArnNotLike": {"aws:PrincipalArn": "arn:aws:iam::123456789012:role/*"}, "Null": {"aws:ResourceAccount": "false"}}),
    );
    cloud.check_documented().all_pass();
    put("*", json!({"StringNotEquals": {"s3:prefix": "x"}}));
    cloud.check_documented().only(&["role-permission"], &[]);
    put("eks:*", json!({}));
    let checked = cloud.check_documented();
    checked
        .only(&["role-permission"], &[])
        .says("role-permission", &["Deny"]);
    // Another policy would not fix it.
    let fix = checked.fix("role-permission");
    assert!(!fix.contains("put-role-policy"), "{fix}");
    fix::shell(cloud, fix);
}

fn other_account(cloud: &Cloud) {
    let role = "arn:aws:iam::999999999999:role/humanitec-runner-eks-role";
    let checked = cloud.check(&cloud.with("cluster/auth/role_arn", json!(role)));
    let mut skipped = vec![
        "role-exists",
        "oidc-provider",
        "role-trust",
        "role-permission",
        "cluster-active",
    ];
    skipped.extend(BEHIND_CLUSTER.iter());
    checked.only(&[], &skipped);
    for id in ["role-exists", "oidc-provider", "cluster-active"] {
        checked.says(id, &["999999999999", "123456789012"]);
    }
}

fn other_partition(cloud: &Cloud) {
    let role = "arn:aws-cn:iam::123456789012:role/humanitec-runner-eks-role";
    let mut runner = cloud.with("cluster/auth/role_arn", json!(role));
    let checked = cloud.check(&runner);
    let mut skipped = vec!["oidc-provider", "role-trust", "role-permission", "cluster-active"];
    skipped.extend(BEHIND_CLUSTER.iter());
    checked
        .only(&["role-exists"], &skipped)
        .says("role-exists", &["partition", role, "us-west-2"])
        .says("oidc-provider", &["aws-cn"]);
    fix::works_for(cloud, &mut runner, &checked, "role-exists");
}

/// As AWS IAM Identity Center creates its roles: the session's ARN lacks the path that the access entry needs.
fn caller_role_with_a_path(cloud: &Cloud) {
    let (path, name) = (
        "/aws-reserved/sso.amazonaws.com/eu-west-1/",
        "AWSReservedSSO_PlatformAdmin_0123456789abcdef",
    );
    let trust = json!({"Version": "2012-10-17", "Statement": [{
        "Effect": "Allow",
        "Principal": {"AWS": "arn:aws:iam::123456789012:root"},
        "Action": "sts:AssumeRole",
    }]});
    let role = json!({"RoleName": name, "Path": path, "AssumeRolePolicyDocument": trust.to_string()});
    cloud.aws("iam", "CreateRole", &role);
    let all = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]});
    let all = json!({"RoleName": name, "PolicyName": "all", "PolicyDocument": all.to_string()});
    cloud.aws("iam", "PutRolePolicy", &all);
    let arn = format!("arn:aws:iam::123456789012:role{path}{name}");
    let assume = ["--assume-role-arn", &arn];
    let check = || cloud.check_with(&cloud.configuration(), &assume);

    let checked = check();
    assert_eq!(checked.ids("failed"), [""; 0], "\n{}", checked.text());
    assert_eq!(checked.status("api-server"), "skipped");
    assert!(checked.fix("api-server").contains(&arn), "\n{}", checked.text());
    // A caller that cannot look up its own role gets a command that does.
    cloud.deny("iam:GetRole");
    let denied = check();
    cloud.faults(Faults::default());
    let fix = denied.fix("api-server");
    assert!(fix.contains(&format!("aws iam get-role --role-name {name}")), "{fix}");
    fix::shell(cloud, fix);
    let entry = json!({"clusterName": "my-eks-cluster", "principalArn": arn});
    cloud.aws("eks", "DeleteAccessEntry", &entry);
    fix::shell(cloud, checked.fix("api-server"));
    cloud.aws("eks", "DescribeAccessEntry", &entry);
}
