//! Trust policies in many forms: STS decides on each as the check reports.

use serde_json::{Value, json};

use crate::cloud::{Checked, Cloud};
use crate::fix;

const PROVIDER: &str = "arn:aws:iam::123456789012:oidc-provider/oidc.humanitec.dev";
const SUB: &str = "oidc.humanitec.dev:sub";
const SUB_OF_GITHUB: &str = "token.actions.githubusercontent.com:sub";
const OWN_SUBJECT: &str = "my-org+my-runner";

/// A statement that trusts the Orchestrator's tokens with this condition.
fn statement(condition: Value) -> Value {
    json!({
        "Effect": "Allow",
        "Principal": {"Federated": PROVIDER},
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": condition,
    })
}

/// The statement that trusts the runner, with another value of one element.
fn changed(element: &str, value: Value) -> Value {
    let mut changed = statement(json!({"StringEquals": {SUB: OWN_SUBJECT}}));
    changed[element] = value;
    changed
}

/// A statement that trusts GitHub's tokens.
fn of_github() -> Value {
    let provider = "arn:aws:iam::123456789012:oidc-provider/token.actions.githubusercontent.com";
    let mut statement = statement(json!({"StringLike": {SUB_OF_GITHUB: "repo:x/*"}}));
    statement["Principal"]["Federated"] = json!(provider);
    statement
}

/// The statements of policies that trust the runner and no runner of another organization.
fn trusting() -> Vec<Value> {
    let own = statement(json!({"StringEquals": {SUB: OWN_SUBJECT}}));
    let actions = json!(["sts:AssumeRole", "sts:AssumeRoleWithWebIdentity"]);
    let principals = json!({
        "AWS": "arn:aws:iam::123456789012:root",
        "Federated": [PROVIDER, "cognito-identity.amazonaws.com"],
    });
    let deny_others = json!({
        "Effect": "Deny",
        "Principal": {"Federated": PROVIDER},
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": {"StringNotLike": {SUB: "my-org+*"}},
    });
    vec![
        changed("Action", actions),
        changed("Principal", principals),
        json!([of_github(), own.clone()]),
        json!([own, deny_others]),
        own,
        statement(json!({"StringLike": {SUB: "my-org+*"}})),
        statement(json!({"StringEqualsIgnoreCase": {SUB: "MY-ORG+my-runner"}})),
        statement(json!({"StringLike": {SUB: "my-org+my-runne?"}})),
    ]
}

/// The statements of policies that trust the runner and those of other organizations.
fn trusting_others_too() -> Vec<Value> {
    [
        json!({}),
        json!({"StringLike": {SUB: "*"}}),
        json!({"StringLike": {SUB: "*+*"}}),
        json!({"StringLike": {SUB: "my-org*"}}),
        json!({"StringLike": {SUB: "*+my-runner"}}),
        json!({"ForAllValues:StringEquals": {"OIDC.Humanitec.DEV:AUD": ["sts.amazonaws.com"]}}),
        json!({"Null": {SUB: false}, "StringNotEquals": {SUB: "my-org+x"}}),
        json!({"StringEqualsIfExists": {SUB_OF_GITHUB: "x"}}),
        json!({"StringNotLike": {SUB_OF_GITHUB: "x"}}),
        json!({"Bool": {"aws:SecureTransport": true}}),
        json!({"BoolIfExists": {"aws:MultiFactorAuthPresent": "true"}}),
    ]
    .map(statement)
    .into_iter()
    .chain([shared_statement()])
    .collect()
}

/// A statement that trusts the Orchestrator's tokens and the account.
fn shared_statement() -> Value {
    let mut shared = changed("Action", json!(["sts:AssumeRole", "sts:AssumeRoleWithWebIdentity"]));
    shared["Principal"] = json!({"AWS": "arn:aws:iam::123456789012:root", "Federated": PROVIDER});
    shared["Condition"] = json!({});
    shared
}

/// The printed fix of a role that trusts runners of any organization keeps the other principals of the statement.
pub(crate) fn restricted_with_others(cloud: &Cloud) {
    let policy = json!({"Version": "2012-10-17", "Statement": shared_statement()});
    cloud.eks.set_trust_policy(&policy).unwrap();
    let role = &cloud.runner().role_arn;
    let assume = json!({"RoleArn": role, "RoleSessionName": "admin"});
    cloud.aws("sts", "AssumeRole", &assume);
    fix::shell(cloud, cloud.check_documented().fix("role-trust"));
    cloud.aws("sts", "AssumeRole", &assume);
    cloud.check_documented().all_pass();
}

/// A policy that admits only some addresses, of an installation that publishes the Orchestrator's.
pub(crate) fn addresses(cloud: &Cloud) {
    let set = |effect: &str, operator: &str, ranges: &Value| {
        let own = statement(json!({"StringEquals": {SUB: OWN_SUBJECT}}));
        let mut restricted = own.clone();
        restricted["Effect"] = json!(effect);
        restricted["Condition"][operator] = json!({"aws:SourceIp": ranges});
        let statements = if effect == "Deny" {
            json!([own, restricted])
        } else {
            json!([restricted])
        };
        let policy = json!({"Version": "2012-10-17", "Statement": statements});
        cloud.eks.set_trust_policy(&policy).unwrap();
    };
    let everything = json!(["0.0.0.0/1", "128.0.0.0/1"]);
    let office = json!(["203.0.113.7", "198.51.100.0/24"]);
    for (effect, operator) in [("Allow", "IpAddress"), ("Deny", "NotIpAddress")] {
        set(effect, operator, &everything);
        let checked = cloud.check_documented();
        assert_eq!(checked.status("role-trust"), "passed", "\n{}", checked.text());
        set(effect, operator, &office);
        let checked = cloud.check_documented();
        assert_eq!(checked.status("role-trust"), "warned", "\n{}", checked.text());
        checked.says("role-trust", &["published for the Orchestrator", "--orchestrator-cidr"]);
        let own = ["--orchestrator-cidr", "203.0.113.7/32"];
        let checked = cloud.check_with(&cloud.configuration(), &own);
        assert_eq!(checked.status("role-trust"), "passed", "\n{}", checked.text());
        // The addresses of another installation are not known.
        let elsewhere = [
            "--api-url",
            "https://po.example.com",
            "--oidc-issuer",
            sandbox::eks::ISSUER,
        ];
        let checked = cloud.check_with(&cloud.configuration(), &elsewhere);
        assert_eq!(checked.of("role-trust")["skip"], "incomplete");
    }
    let from = |range: &str| {
        let own = ["--orchestrator-cidr", range];
        cloud.check_with(&cloud.configuration(), &own)
    };
    // Addresses that the user sets are certain.
    set("Allow", "IpAddress", &office);
    let checked = from("192.0.2.1/32");
    assert_eq!(checked.status("role-trust"), "failed");
    checked.says("role-trust", &["one of the Orchestrator's addresses"]);
    // A part of them is admitted, or the policy compares texts, of which an address has several.
    assert_eq!(from("203.0.113.0/24").of("role-trust")["skip"], "incomplete");
    set("Allow", "StringEquals", &office);
    assert_eq!(from("203.0.113.7/32").of("role-trust")["skip"], "incomplete");
    open_to_addresses(cloud, &everything);
}

/// A statement for some addresses can admit the runners of other organizations, and its fix excludes them.
fn open_to_addresses(cloud: &Cloud, ranges: &Value) {
    let open = statement(json!({"IpAddress": {"aws:SourceIp": ranges}}));
    let nowhere = json!({
        "IpAddress": {"aws:SourceIp": "192.0.2.1"},
        "StringEquals": {SUB: OWN_SUBJECT},
    });
    let policy = json!({"Version": "2012-10-17", "Statement": [open, statement(nowhere)]});
    cloud.eks.set_trust_policy(&policy).unwrap();
    let checked = cloud.check_documented();
    assert_eq!(checked.status("role-trust"), "warned");
    checked.says("role-trust", &["runners of other organizations"]);
    fix::shell(cloud, checked.fix("role-trust"));
    assert_eq!(cloud.check_documented().status("role-trust"), "passed");
}

/// The statements of policies that do not trust the runner.
fn not_trusting() -> Vec<Value> {
    let mut statements: Vec<Value> = [
        json!({"StringLike": {SUB: "my-org+my-runner?"}}),
        json!({"Null": {SUB: "true"}}),
        json!({"StringEquals": {SUB: "my-org+my-runner "}}),
        json!({"StringEquals": {SUB_OF_GITHUB: "x", SUB: OWN_SUBJECT}}),
        json!({"StringEquals": {"https://oidc.humanitec.dev:sub": OWN_SUBJECT}}),
        json!({"Bool": {"aws:MultiFactorAuthPresent": "true"}}),
        json!({"StringEquals": {"aws:PrincipalOrgID": "o-1", SUB: OWN_SUBJECT}}),
    ]
    .map(statement)
    .into();
    statements.push(of_github());
    let mut perimeter = statement(json!({"StringNotEquals": {"aws:PrincipalOrgID": "o-1"}}));
    perimeter["Effect"] = json!("Deny");
    let own = statement(json!({"StringEquals": {SUB: OWN_SUBJECT}}));
    statements.push(json!([own, perimeter]));
    statements
}

/// The statements of policies whose decision depends on what only STS knows.
fn unknown() -> Vec<Value> {
    vec![
        changed("Principal", json!("*")),
        statement(json!({"StringEquals": {SUB: "${aws:username}"}})),
        statement(json!({"StringEquals": {"aws:SourceVpce": "vpce-1"}})),
    ]
}

/// STS decides on each policy as the check reports.
pub(crate) fn in_many_forms(cloud: &Cloud) {
    for (policies, status) in [
        (trusting(), "passed"),
        (trusting_others_too(), "warned"),
        (not_trusting(), "failed"),
        (unknown(), "skipped"),
    ] {
        for statements in policies {
            let policy = json!({"Version": "2012-10-17", "Statement": statements});
            is_decided_as(cloud, &policy, status);
        }
    }
}

/// The check of this policy has this status, STS decides the same way, and the fix works.
fn is_decided_as(cloud: &Cloud, policy: &Value, status: &str) {
    cloud.eks.set_trust_policy(policy).unwrap();
    let checked = cloud.check_documented();
    let actual = checked.status("role-trust");
    assert_eq!(actual, status, "{policy:#}\n{}", checked.text());
    let token = cloud.eks.oidc_token("my-org", "my-runner").unwrap();
    let role = &cloud.runner().role_arn;
    let is_assumed = || cloud.eks.assume_role(role, "my-org-my-runner", &token).is_ok();
    match status {
        "passed" => assert!(is_assumed(), "{policy:#}"),
        "warned" => {
            assert!(is_assumed(), "{policy:#}");
            keeps_strangers_out(cloud, &checked);
        }
        "failed" => {
            assert!(!is_assumed(), "{policy:#}");
            fix::works(cloud, &checked, "role-trust");
            assert!(is_assumed(), "{policy:#}");
        }
        _ => {}
    }
}

/// The printed fix of a role that trusts runners of any organization works, and keeps the organization's own runners.
fn keeps_strangers_out(cloud: &Cloud, checked: &Checked) {
    checked.says("role-trust", &["other organizations", "oidc.humanitec.dev:sub"]);
    let assumes = |org: &str, id: &str| {
        let token = cloud.eks.oidc_token(org, id).unwrap();
        let role = &cloud.runner().role_arn;
        cloud.eks.assume_role(role, "a-session", &token).is_ok()
    };
    let before = [("my-org", "another"), ("my-org", "my-runner")].map(|(org, id)| assumes(org, id));
    fix::shell(cloud, checked.fix("role-trust"));
    let after = [("my-org", "another"), ("my-org", "my-runner")].map(|(org, id)| assumes(org, id));
    assert_eq!(before, after);
    assert!(!assumes("stranger", "my-runner"));
    cloud.check_documented().all_pass();
}
