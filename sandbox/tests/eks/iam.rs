//! Trust policies, OIDC tokens, permissions, and signatures are judged as AWS judges them.

use libtest_mimic::Failed;
use sandbox::eks::{Credentials, ISSUER, ROLE_NAME};
use serde_json::{Value, json};

use crate::{Test, clean, documented, expect_code};

pub(crate) const TESTS: &[(&str, Test)] = sandbox::scenarios![
    trust_policy_decides_on_the_token,
    bad_tokens_are_refused,
    session_names_are_validated,
    assume_role_needs_trust_and_permission,
    simulated_policies_decide,
    callers_may_do_what_their_policies_say,
    wrong_secrets_are_refused,
];

fn trust_policy_decides_on_the_token() -> Result<(), Failed> {
    let (eks, runner) = documented()?;
    let assume = |org: &str, id: &str| eks.assume_role(&runner.role_arn, "a-session", &eks.oidc_token(org, id)?);
    assume("my-org", "my-runner")?;
    expect_code(assume("my-org", "another-runner"), "AccessDenied")?;

    let with_condition = |condition: Value| {
        let mut policy = eks.documented_trust_policy("my-org", "my-runner");
        policy["Statement"][0]["Condition"] = condition;
        eks.set_trust_policy(&policy)
    };
    with_condition(json!({"StringEquals": {"oidc.humanitec.dev:sub": "my-org+*"}}))?;
    expect_code(assume("my-org", "my-runner"), "AccessDenied")?;
    with_condition(json!({"StringLike": {"oidc.humanitec.dev:sub": "my-org+*"}}))?;
    assume("my-org", "another-runner")?;
    with_condition(json!({"StringEquals": {"OIDC.humanitec.dev:SUB": ["your-org+x", "my-org+my-runner"]}}))?;
    assume("my-org", "my-runner")?;
    with_condition(json!({"StringEquals": {"oidc.humanitec.dev:unknown": "x"}}))?;
    expect_code(assume("my-org", "my-runner"), "AccessDenied")?;
    with_condition(json!({"StringEqualsIfExists": {"oidc.humanitec.dev:unknown": "x"}}))?;
    assume("my-org", "my-runner")?;
    with_condition(json!({"ForAnyValue:StringEquals": {"oidc.humanitec.dev:aud": ["x", "sts.amazonaws.com"]}}))?;
    assume("my-org", "my-runner")?;

    let mut policy = eks.documented_trust_policy("my-org", "my-runner");
    let mut deny = policy["Statement"][0].clone();
    deny["Effect"] = json!("Deny");
    deny["Condition"] = json!({"StringLike": {"oidc.humanitec.dev:sub": "my-org+my-*"}});
    policy["Statement"] = json!([policy["Statement"][0], deny]);
    eks.set_trust_policy(&policy)?;
    expect_code(assume("my-org", "my-runner"), "AccessDenied")?;

    policy["Statement"] = json!([policy["Statement"][0]]);
    policy["Statement"][0]["Principal"] =
        json!({"Federated": "arn:aws:iam::123456789012:oidc-provider/oidc.example.com"});
    eks.set_trust_policy(&policy)?;
    expect_code(assume("my-org", "my-runner"), "AccessDenied")
}

fn bad_tokens_are_refused() -> Result<(), Failed> {
    let (eks, runner) = documented()?;
    let assume = |token: &str| eks.assume_role(&runner.role_arn, "a-session", token);
    let claims = json!({"iss": ISSUER, "aud": "sts.amazonaws.com", "sub": "my-org+my-runner"});
    assume(&eks.oidc_token_of(&claims, 60)?)?;
    expect_code(assume(&eks.oidc_token_of(&claims, -60)?), "ExpiredTokenException")?;
    expect_code(assume(&eks.forged_oidc_token(&claims)?), "InvalidIdentityToken")?;
    expect_code(assume("no-token-at-all"), "InvalidIdentityToken")?;
    let other_audience = json!({"iss": ISSUER, "aud": "api.example.com", "sub": "my-org+my-runner"});
    expect_code(assume(&eks.oidc_token_of(&other_audience, 60)?), "InvalidIdentityToken")?;
    let other_issuer =
        json!({"iss": "https://oidc.example.com", "aud": "sts.amazonaws.com", "sub": "my-org+my-runner"});
    expect_code(assume(&eks.oidc_token_of(&other_issuer, 60)?), "InvalidIdentityToken")?;
    let provider = json!({"OpenIDConnectProviderArn": "arn:aws:iam::123456789012:oidc-provider/oidc.humanitec.dev"});
    eks.aws("iam", "DeleteOpenIDConnectProvider", &provider)?;
    expect_code(assume(&eks.oidc_token_of(&claims, 60)?), "InvalidIdentityToken")
}

fn session_names_are_validated() -> Result<(), Failed> {
    let (eks, runner) = documented()?;
    let token = eks.oidc_token("my-org", "my-runner")?;
    eks.assume_role(&runner.role_arn, &"x".repeat(64), &token)?;
    // botocore itself refuses a name that is too short.
    expect_code(
        eks.assume_role(&runner.role_arn, "my/session", &token),
        "ValidationError",
    )?;
    expect_code(
        eks.assume_role(&runner.role_arn, &"x".repeat(65), &token),
        "ValidationError",
    )?;
    expect_code(
        eks.assume_role(&format!("{}-gone", runner.role_arn), "a-session", &token),
        "AccessDenied",
    )
}

fn assume_role_needs_trust_and_permission() -> Result<(), Failed> {
    let eks = clean()?;
    let may_assume = |effect: &str| {
        json!({
            "Version": "2012-10-17",
            "Statement": {"Effect": effect, "Action": "sts:AssumeRole", "Resource": "*"},
        })
    };
    let with = eks.create_user("with", &may_assume("Allow"))?;
    let without = eks.create_user(
        "without",
        &json!({
            "Version": "2012-10-17",
            "Statement": {"Effect": "Allow", "Action": "iam:GetRole", "Resource": "*"},
        }),
    )?;
    let denied = eks.create_user("denied", &may_assume("Deny"))?;
    let trusting = |principal: &str| {
        json!({
            "Version": "2012-10-17",
            "Statement": {"Effect": "Allow", "Principal": {"AWS": principal}, "Action": "sts:AssumeRole"},
        })
    };
    let role = json!({
        "RoleName": ROLE_NAME,
        "AssumeRolePolicyDocument": trusting("arn:aws:iam::123456789012:root").to_string(),
    });
    eks.aws("iam", "CreateRole", &role)?;
    let arn = format!("arn:aws:iam::123456789012:role/{ROLE_NAME}");
    let assume = |who: &Credentials| {
        eks.aws_as(
            who,
            "sts",
            "AssumeRole",
            &json!({"RoleArn": arn, "RoleSessionName": "a-session"}),
        )
    };
    let session = assume(&with)?;
    assert_eq!(
        session["AssumedRoleUser"]["Arn"],
        format!("arn:aws:sts::123456789012:assumed-role/{ROLE_NAME}/a-session")
    );
    expect_code(assume(&without), "AccessDenied")?;
    eks.set_trust_policy(&trusting("arn:aws:iam::123456789012:user/without"))?;
    assume(&without)?;
    expect_code(assume(&with), "AccessDenied")?;
    eks.set_trust_policy(&trusting("*"))?;
    expect_code(assume(&denied), "AccessDenied")
}

fn simulated_policies_decide() -> Result<(), Failed> {
    let (eks, runner) = documented()?;
    let simulate = |cluster: &str| -> Result<Value, Failed> {
        let resource = format!("arn:aws:eks:us-west-2:123456789012:cluster/{cluster}");
        let parameters = json!({
            "PolicySourceArn": runner.role_arn,
            "ActionNames": ["eks:DescribeCluster"],
            "ResourceArns": [resource],
        });
        let response = eks.aws("iam", "SimulatePrincipalPolicy", &parameters)?;
        Ok(response["EvaluationResults"][0]["EvalDecision"].clone())
    };
    assert_eq!(simulate("my-eks-cluster")?, "allowed");
    assert_eq!(simulate("another")?, "implicitDeny");
    let inline = |effect: &str, action: &str, resource: &str| {
        let document = json!({
            "Version": "2012-10-17",
            "Statement": [{"Effect": effect, "Action": action, "Resource": resource}],
        });
        let policy = json!({"RoleName": ROLE_NAME, "PolicyName": "inline", "PolicyDocument": document.to_string()});
        eks.aws("iam", "PutRolePolicy", &policy)
    };
    inline("Allow", "eks:Describe*", "arn:aws:eks:*:123456789012:cluster/an?ther")?;
    assert_eq!(simulate("another")?, "allowed");
    inline("Deny", "eks:*", "*")?;
    assert_eq!(simulate("my-eks-cluster")?, "explicitDeny");
    let unknown = json!({
        "PolicySourceArn": "arn:aws:iam::123456789012:role/nobody",
        "ActionNames": ["eks:DescribeCluster"],
    });
    expect_code(eks.aws("iam", "SimulatePrincipalPolicy", &unknown), "NoSuchEntity")
}

fn callers_may_do_what_their_policies_say() -> Result<(), Failed> {
    let (eks, _) = documented()?;
    let policy = json!({
        "Version": "2012-10-17",
        "Statement": {
            "Effect": "Allow",
            "Action": ["iam:GetRole", "iam:GetPolicy", "eks:DescribeAccessEntry"],
            "Resource": [
                "arn:aws:iam::123456789012:role/humanitec-*",
                "arn:aws:iam::123456789012:policy/humanitec-runner-eks-policy",
                "arn:aws:eks:us-west-2:123456789012:access-entry/my-eks-cluster/role/123456789012/humanitec-runner-eks-role/*",
            ],
        },
    });
    let caller = eks.create_user("developer", &policy)?;
    let identity = eks.aws_as(&caller, "sts", "GetCallerIdentity", &json!({}))?;
    assert_eq!(identity["Arn"], "arn:aws:iam::123456789012:user/developer");
    eks.aws_as(&caller, "iam", "GetRole", &json!({"RoleName": ROLE_NAME}))?;
    let get_policy = |name: &str| {
        let policy = json!({"PolicyArn": format!("arn:aws:iam::123456789012:policy/{name}")});
        eks.aws_as(&caller, "iam", "GetPolicy", &policy)
    };
    get_policy("humanitec-runner-eks-policy")?;
    expect_code(get_policy("other"), "AccessDenied")?;
    let entry = json!({
        "clusterName": "my-eks-cluster",
        "principalArn": format!("arn:aws:iam::123456789012:role/{ROLE_NAME}"),
    });
    eks.aws_as(&caller, "eks", "DescribeAccessEntry", &entry)?;
    expect_code(
        eks.aws_as(&caller, "iam", "GetRole", &json!({"RoleName": "other"})),
        "AccessDenied",
    )?;
    let cluster = json!({"name": "my-eks-cluster"});
    expect_code(
        eks.aws_as(&caller, "eks", "DescribeCluster", &cluster),
        "AccessDeniedException",
    )
}

fn wrong_secrets_are_refused() -> Result<(), Failed> {
    let (eks, _) = documented()?;
    let mut wrong = eks.administrator().clone();
    wrong.secret_access_key = "not-the-secret".to_owned();
    expect_code(
        eks.aws_as(&wrong, "sts", "GetCallerIdentity", &json!({})),
        "SignatureDoesNotMatch",
    )?;
    let refused = eks.kubectl_as(&eks.cluster_token(&wrong)?, &["auth", "whoami"], "");
    assert!(refused.is_err_and(|error| error.to_string().contains("Unauthorized")));
    wrong.access_key_id = "AKIAIOSFODNN7EXAMPLE".to_owned();
    expect_code(
        eks.aws_as(&wrong, "sts", "GetCallerIdentity", &json!({})),
        "InvalidClientTokenId",
    )?;
    let cluster = json!({"name": "my-eks-cluster"});
    expect_code(
        eks.aws_as(&wrong, "eks", "DescribeCluster", &cluster),
        "UnrecognizedClientException",
    )
}
