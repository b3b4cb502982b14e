//! What IAM would say, element by element.

mod keys;

use super::web_identity::PROVIDER;
use super::*;
use crate::access::wildcard::like;

const AUD: &str = "oidc.humanitec.dev:aud";
const SUB: &str = "oidc.humanitec.dev:sub";

fn who() -> WebIdentity {
    WebIdentity::fixture("my-org+my-runner")
}

fn statement(condition: Value) -> Value {
    json!({
        "Effect": "Allow",
        "Principal": {"Federated": PROVIDER},
        "Action": "sts:AssumeRoleWithWebIdentity",
        "Condition": condition,
    })
}

fn decide(statement: Value) -> TrustDecision {
    evaluate(&json!({"Version": "2012-10-17", "Statement": statement}), &who())
}

fn allowed(statement: Value) -> bool {
    matches!(decide(statement), TrustDecision::Allowed { .. })
}

fn refusal(statement: Value) -> DenialReason {
    match decide(statement.clone()) {
        TrustDecision::Refused(mut reasons) if reasons.len() == 1 => reasons.remove(0),
        other => panic!("{statement}: {other:?}"),
    }
}

fn cant_tell(statement: Value) -> String {
    match decide(statement.clone()) {
        TrustDecision::Unknown(what) => what,
        other => panic!("{statement}: {other:?}"),
    }
}

#[test]
fn the_documented_policy_allows_this_runner() {
    let policy = statement(json!({
        "StringEquals": {AUD: "sts.amazonaws.com", SUB: "my-org+my-runner"}
    }));
    assert_eq!(decide(policy), TrustDecision::Allowed { any_subject: false });
}

#[test]
fn every_known_operator_lets_the_right_subject_in() {
    for (operator, value) in [
        ("StringEquals", json!("my-org+my-runner")),
        ("StringEquals", json!(["other", "my-org+my-runner"])),
        ("StringEqualsIfExists", json!("my-org+my-runner")),
        ("ForAnyValue:StringEquals", json!(["my-org+my-runner"])),
        ("ForAllValues:StringEquals", json!(["my-org+my-runner", "x"])),
        ("StringEqualsIgnoreCase", json!("MY-ORG+my-runner")),
        ("StringLike", json!("my-org+*")),
        ("StringLike", json!("m?-org+my-runner")),
        ("StringLikeIfExists", json!("*")),
        ("ForAnyValue:StringLike", json!(["x", "*-runner"])),
        ("ForAnyValue:StringLikeIfExists", json!("*+*")),
        ("StringNotEquals", json!("my-org+other")),
        ("StringNotEqualsIgnoreCase", json!(["a", "b"])),
        ("StringNotLike", json!("other-*")),
        ("Null", json!("false")),
        ("Null", json!(false)),
    ] {
        assert!(
            allowed(statement(json!({operator: {SUB: value}}))),
            "{operator} {value}"
        );
        let upper = json!({operator: {"OIDC.humanitec.dev:SUB": value}});
        assert!(allowed(statement(upper)), "{operator} {value}");
    }
}

#[test]
fn every_known_operator_keeps_the_wrong_subject_out_and_is_named() {
    for (operator, value) in [
        ("StringEquals", json!("my-org+other")),
        ("StringEquals", json!([])),
        ("StringEqualsIfExists", json!("my-org+other")),
        ("ForAnyValue:StringEquals", json!(["a", "b"])),
        ("ForAllValues:StringEquals", json!(["a", "b"])),
        ("StringEqualsIgnoreCase", json!("other")),
        ("StringLike", json!("other+*")),
        ("StringLike", json!("my-org+my-runne")),
        ("StringNotEquals", json!(["x", "my-org+my-runner"])),
        ("StringNotEqualsIgnoreCase", json!("MY-org+my-runner")),
        ("StringNotLike", json!("my-org+*")),
        ("Null", json!("true")),
    ] {
        let reason = refusal(statement(json!({operator: {SUB: value}})));
        assert_eq!(reason.element, format!("Statement 1, {operator} on {SUB}"));
        assert_eq!(reason.found, value.to_string());
    }
    let wrong = json!({"StringEquals": {AUD: "sts.amazonaws.com", SUB: "my-org+other"}});
    let reason = refusal(statement(wrong));
    assert_eq!(reason.expected, "\"my-org+my-runner\"");
    assert_eq!(reason.found, "\"my-org+other\"");
    assert_eq!(reason.hint, None);
}

#[test]
fn a_wildcard_where_there_is_none_and_a_wrong_case_are_reported() {
    let reason = refusal(statement(json!({"StringEquals": {SUB: "my-org+*"}})));
    assert!(reason.hint.unwrap().contains("only StringLike has wildcards"));
    let reason = refusal(statement(json!({"StringEquals": {SUB: "My-Org+my-runner"}})));
    assert!(reason.hint.unwrap().contains("differ only in case"));
}

#[test]
fn both_conditions_that_refuse_are_named() {
    let both = json!({"StringEquals": {AUD: "sts.amazonaws.com.cn", SUB: "x"}});
    let TrustDecision::Refused(reasons) = decide(statement(both)) else {
        panic!("not refused");
    };
    let elements: Vec<_> = reasons.iter().map(|r| r.element.as_str()).collect();
    assert_eq!(elements.len(), 2);
    assert!(elements[0].contains(":aud") && elements[1].contains(":sub"));
}

#[test]
fn the_principal_is_the_provider_of_this_account_and_issuer() {
    let mut policy = statement(json!({}));
    for (principal, allows) in [
        (json!({"Federated": "*"}), true),
        (json!({"Federated": ["x", PROVIDER]}), true),
        (json!({"Service": "ec2.amazonaws.com", "Federated": PROVIDER}), true),
        (
            json!({"Federated": "arn:aws:iam::999999999999:oidc-provider/oidc.humanitec.dev"}),
            false,
        ),
        (json!({"Federated": "arn:aws:iam::123456789012:oidc-provider/*"}), false),
        (json!({"Federated": "oidc.humanitec.dev"}), false),
        (json!({"AWS": "arn:aws:iam::123456789012:root"}), false),
        (json!({"Service": "*"}), false),
    ] {
        policy["Principal"] = principal.clone();
        assert_eq!(allowed(policy.clone()), allows, "{principal}");
        if !allows {
            let reason = refusal(policy.clone());
            assert_eq!(reason.element, "Statement 1, Principal");
            assert_eq!(reason.expected, format!("{{\"Federated\": \"{PROVIDER}\"}}"));
        }
    }
}

#[test]
fn everyone_can_be_denied_and_may_not_be_let_in() {
    let right = json!({"StringEquals": {AUD: "sts.amazonaws.com", SUB: "my-org+my-runner"}});
    for everyone in [json!("*"), json!({"AWS": "*"}), json!({"AWS": ["x", "*"]})] {
        let mut policy = statement(right.clone());
        policy["Principal"] = everyone.clone();
        assert!(cant_tell(policy.clone()).contains("\"*\""), "{everyone}");
        let mut deny = policy;
        deny["Effect"] = json!("Deny");
        let reason = refusal(json!([statement(right.clone()), deny]));
        assert!(reason.element.contains("Statement 2 denies"), "{everyone}");
    }
    let mut both = statement(right);
    both["Principal"] = json!({"AWS": "*", "Federated": PROVIDER});
    assert!(allowed(both));
}

#[test]
fn the_action_may_have_wildcards_and_any_case() {
    let mut policy = statement(json!({}));
    for (action, allows) in [
        (json!("*"), true),
        (json!("sts:*"), true),
        (json!("STS:assumerolewithwebidentity"), true),
        (json!(["sts:TagSession", "sts:AssumeRole*"]), true),
        (json!("sts:AssumeRole"), false),
        (json!(["sts:AssumeRoleWithSAML"]), false),
    ] {
        policy["Action"] = action.clone();
        assert_eq!(allowed(policy.clone()), allows, "{action}");
    }
    assert_eq!(refusal(policy.clone()).element, "Statement 1, Action");
    policy.as_object_mut().unwrap().remove("Action");
    policy["NotAction"] = json!("iam:*");
    assert!(allowed(policy.clone()));
    policy["NotAction"] = json!("sts:*");
    assert_eq!(refusal(policy).element, "Statement 1, NotAction");
}

#[test]
fn a_deny_wins_when_all_of_it_matches() {
    let allow = statement(json!({"StringEquals": {SUB: "my-org+my-runner"}}));
    let deny = |condition: Value| {
        let mut deny = statement(condition);
        deny["Effect"] = json!("Deny");
        deny["Sid"] = json!("NotThisOne");
        deny
    };
    let matching = deny(json!({"StringLike": {SUB: "my-org+*"}}));
    let reason = refusal(json!([allow, matching]));
    assert_eq!(reason.element, "Statement \"NotThisOne\" denies");
    let other = deny(json!({"StringLike": {SUB: "other+*"}}));
    assert!(allowed(json!([other, allow])));
    let mut everyone_else = deny(json!({}));
    let elements = everyone_else.as_object_mut().unwrap();
    elements.remove("Principal");
    elements.insert("NotPrincipal".to_owned(), json!({"Federated": PROVIDER}));
    assert!(allowed(json!([everyone_else, allow])));
    let unknown = deny(json!({"IpAddress": {"aws:SourceIp": "10.0.0.0/8"}}));
    assert!(cant_tell(json!([allow, unknown])).contains("aws:SourceIp"));
}

#[test]
fn what_is_not_known_is_never_a_refusal() {
    for (condition, what) in [
        (json!({"StringEquals": {"aws:SourceVpc": "vpc-1"}}), "aws:SourceVpc"),
        (json!({"NotIpAddress": {"aws:SourceIp": "10.0.0.0/8"}}), "aws:SourceIp"),
        (
            json!({"StringEquals": {"aws:PrincipalAccount": "123456789012"}}),
            "aws:PrincipalAccount",
        ),
        (
            json!({"DateLessThan": {"aws:CurrentTime": "tomorrow"}}),
            "the values cannot be parsed",
        ),
        (json!({"ArnLike": {SUB: "my-org+*"}}), "not evaluated"),
        (json!({"Bool": {SUB: "true"}}), "not evaluated"),
        (json!({"NullIfExists": {SUB: "false"}}), "operator is unknown"),
        (json!({"ForSomeValues:StringEquals": {SUB: "x"}}), "operator is unknown"),
        (
            json!({"StringNotEquals": {SUB: ["${aws:username}", "x"]}}),
            "policy variable",
        ),
        (json!({"StringMatches": {SUB: "x"}}), "StringMatches"),
        (json!({"stringequals": {SUB: "x"}}), "stringequals"),
        (json!({"StringEquals": {SUB: "${aws:username}"}}), "policy variable"),
        (json!({"StringEquals": {SUB: {}}}), "the values cannot be parsed"),
        (json!({"StringEquals": {"oidc.humanitec.dev:email": "x"}}), ":email"),
        (json!("x"), "its Condition cannot be parsed"),
    ] {
        assert!(cant_tell(statement(condition.clone())).contains(what), "{condition}");
    }
    let mut resource = statement(json!({}));
    resource["Resource"] = json!("*");
    assert!(cant_tell(resource).contains("Resource"));
    // It is still a refusal when another condition certainly refuses.
    let certain = json!({"StringEquals": {"aws:SourceVpc": "v", SUB: "other"}});
    assert!(refusal(statement(certain)).element.ends_with(":sub"));
    // And none when another statement allows.
    let open = statement(json!({"StringEquals": {SUB: "my-org+my-runner"}}));
    let unknown = statement(json!({"StringMatches": {SUB: "x"}}));
    assert!(allowed(json!([unknown, open])));
}

#[test]
fn a_variable_beside_the_right_value_changes_nothing() {
    let values = json!(["${aws:username}", "my-org+my-runner"]);
    assert!(allowed(statement(json!({"StringEquals": {SUB: values}}))));
    let reason = refusal(statement(json!({"StringNotEquals": {SUB: values}})));
    assert!(reason.expected.contains("anything but"), "{reason:?}");
}

#[test]
fn not_principal_is_for_deny_alone() {
    let mut policy = statement(json!({}));
    let elements = policy.as_object_mut().unwrap();
    elements.remove("Principal");
    elements.insert("NotPrincipal".to_owned(), json!({"AWS": "123456789012"}));
    assert!(cant_tell(policy).contains("NotPrincipal"));
}

#[test]
fn the_older_product_s_issuer_is_pointed_out() {
    let older = json!({"StringEquals": {"idtoken.humanitec.io:sub": "my-org+my-runner"}});
    assert!(
        refusal(statement(older))
            .hint
            .unwrap()
            .contains("older Humanitec product")
    );
    let mut policy = statement(json!({}));
    policy["Principal"] = json!({"Federated": "arn:aws:iam::123456789012:oidc-provider/idtoken.humanitec.io"});
    assert!(refusal(policy).hint.unwrap().contains("older Humanitec product"));
}

#[test]
fn the_closest_of_several_statements_is_the_one_that_is_explained() {
    let ec2 = json!({"Effect": "Allow", "Principal": {"Service": "ec2.amazonaws.com"}, "Action": "sts:AssumeRole"});
    let meant = statement(json!({"StringEquals": {AUD: "sts.amazonaws.com", SUB: "my-org+old"}}));
    let reason = refusal(json!([ec2, meant]));
    assert_eq!(reason.element, format!("Statement 2, StringEquals on {SUB}"));
}

#[test]
fn a_policy_without_statements_allows_nothing() {
    let TrustDecision::Refused(reasons) = evaluate(&json!({}), &who()) else {
        panic!("not refused");
    };
    assert!(reasons[0].expected.contains("AssumeRoleWithWebIdentity"));
}

#[test]
fn the_session_name_can_be_a_condition() {
    let name = |name: &str| statement(json!({"StringEquals": {"sts:RoleSessionName": name}}));
    assert!(allowed(name("my-org-my-runner")));
    assert_eq!(refusal(name("old")).expected, "\"my-org-my-runner\"");
    assert_eq!(
        decide(name("my-org-my-runner")),
        TrustDecision::Allowed { any_subject: true }
    );
}

#[test]
fn a_statement_for_tokens_without_a_subject_admits_no_stranger() {
    let own = statement(json!({"StringEquals": {SUB: "my-org+my-runner"}}));
    for value in [json!("true"), json!(true), json!(["True"])] {
        let absent = statement(json!({"Null": {SUB: value}}));
        assert_eq!(
            decide(json!([absent, own])),
            TrustDecision::Allowed { any_subject: false }
        );
    }
    let present = statement(json!({"Null": {SUB: "false"}}));
    assert_eq!(
        decide(json!([present, own])),
        TrustDecision::Allowed { any_subject: true }
    );
}

#[test]
fn variables_are_ordinary_characters_in_the_old_version() {
    let mut policy = json!({"Version": "2008-10-17", "Statement": statement(json!({"StringEquals": {SUB: "${x}"}}))});
    assert!(matches!(evaluate(&policy, &who()), TrustDecision::Refused(_)));
    policy["Version"] = json!("2012-10-17");
    assert!(matches!(evaluate(&policy, &who()), TrustDecision::Unknown(_)));
}

#[test]
fn wildcards_match_as_iam_has_them() {
    for (pattern, text, matches) in [
        ("", "", true),
        ("*", "", true),
        ("**", "abc", true),
        ("a*c", "abbc", true),
        ("a*c", "abb", false),
        ("a?c", "abc", true),
        ("a?c", "ac", false),
        ("*b*", "abc", true),
        ("*ab", "aab", true),
        ("a*b*c", "axbxbxc", true),
        ("A", "a", false),
    ] {
        assert_eq!(like(pattern, text), matches, "{pattern} {text}");
    }
}

#[test]
fn a_statement_without_an_effect_is_not_evaluated() {
    for principal in [json!("*"), json!({"AWS": "*"})] {
        let policy = json!({"Version": "2012-10-17", "Statement": [
            {"Principal": principal, "Action": "sts:AssumeRoleWithWebIdentity"},
        ]});
        let decision = evaluate(&policy, &who());
        assert!(matches!(decision, TrustDecision::Unknown(_)), "{decision:?}");
    }
}
