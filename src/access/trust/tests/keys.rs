//! The condition keys that a web identity has, and those that it does not have.

use super::*;

#[test]
fn the_keys_of_another_issuer_are_absent() {
    let other = "token.actions.githubusercontent.com:sub";
    for (condition, allows) in [
        (json!({"StringEquals": {other: "x"}}), false),
        (json!({"StringLike": {other: "*"}}), false),
        (json!({"ForAnyValue:StringEquals": {other: "x"}}), false),
        (json!({"ForAnyValue:StringNotEquals": {other: "x"}}), false),
        (json!({"Null": {other: "false"}}), false),
        (json!({"Bool": {other: true}}), false),
        (json!({"StringEquals": {"sts:ExternalId": "x"}}), false),
        (json!({"StringEquals": {"SAML:aud": "x"}}), false),
        (json!({"ArnLike": {other: "*"}}), false),
        (json!({"ArnNotLike": {other: "*"}}), true),
        (json!({"NotIpAddress": {other: "10.0.0.0/8"}}), true),
        (json!({"NumericLessThanIfExists": {other: "1"}}), true),
        (json!({"DateGreaterThan": {other: "2026-01-01"}}), false),
        (json!({"StringEqualsIfExists": {other: "x"}}), true),
        (json!({"ForAllValues:StringEquals": {other: "x"}}), true),
        (json!({"StringNotEquals": {other: "x"}}), true),
        (json!({"Null": {other: "true"}}), true),
        (
            json!({"StringEquals": {"oidc.humanitec.dev/:sub": "my-org+my-runner"}}),
            false,
        ),
        (
            json!({"StringEquals": {"https://oidc.humanitec.dev:sub": "my-org+my-runner"}}),
            false,
        ),
    ] {
        assert_eq!(allowed(statement(condition.clone())), allows, "{condition}");
        if !allows {
            let reason = refusal(statement(condition));
            assert!(reason.expected.contains(AUD), "{reason:?}");
            assert!(reason.hint.is_some(), "{reason:?}");
        }
    }
    let strange = json!({"stringequals": {other: "x"}});
    assert!(cant_tell(statement(strange)).contains("stringequals"));
}

/// STS knows no caller: the call has no AWS credentials.
#[test]
fn the_keys_of_a_caller_are_absent() {
    for (condition, allows) in [
        (json!({"Bool": {"aws:MultiFactorAuthPresent": "true"}}), false),
        (json!({"BoolIfExists": {"aws:MultiFactorAuthPresent": "true"}}), true),
        (json!({"Null": {"aws:TokenIssueTime": "true"}}), true),
        (json!({"StringEquals": {"aws:PrincipalOrgID": "o-1"}}), false),
        (
            json!({"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::123456789012:*"}}),
            false,
        ),
        (json!({"StringLike": {"aws:userid": "*"}}), false),
        (json!({"StringEquals": {"aws:SourceAccount": "123456789012"}}), false),
        (json!({"StringEquals": {"aws:PrincipalTag/team": "a"}}), false),
        (json!({"StringEquals": {"aws:RequestTag/team.example:x": "y"}}), false),
        (json!({"ForAllValues:StringEquals": {"aws:TagKeys": ["a"]}}), true),
        (json!({"StringLike": {"sts:SourceIdentity": "*"}}), false),
    ] {
        assert_eq!(allowed(statement(condition.clone())), allows, "{condition}");
        if !allows {
            assert!(refusal(statement(condition)).hint.is_some());
        }
    }
    let mfa = statement(json!({"Bool": {"aws:MultiFactorAuthPresent": true}}));
    let hint = refusal(mfa).hint.unwrap();
    assert!(hint.contains("is an unsigned call"), "{hint}");
    let own = || statement(json!({"StringEquals": {SUB: "my-org+my-runner"}}));
    let deny = |condition: Value| {
        let mut deny = statement(condition);
        deny["Effect"] = json!("Deny");
        json!([own(), deny])
    };
    // A data perimeter without IfExists excludes every web identity.
    let perimeter = deny(json!({"StringNotEquals": {"aws:PrincipalOrgID": "o-1"}}));
    assert_eq!(refusal(perimeter).element, "Statement 2 denies");
    let http = json!({"Bool": {"aws:SecureTransport": "false"}});
    assert!(allowed(deny(http)));
}

#[test]
fn a_condition_on_the_time_is_evaluated_now() {
    for (condition, allows) in [
        (
            json!({"DateLessThan": {"aws:CurrentTime": "2020-04-01T00:00:00Z"}}),
            false,
        ),
        (json!({"DateLessThan": {"aws:CurrentTime": "2999-04-01"}}), true),
        (
            json!({"DateGreaterThan": {"aws:CurrentTime": "2020-04-01T00:00:00+02:00"}}),
            true,
        ),
        (json!({"DateGreaterThanEquals": {"aws:EpochTime": "1585699200"}}), true),
        (json!({"NumericLessThan": {"aws:EpochTime": 1_585_699_200}}), false),
        (json!({"DateNotEquals": {"aws:CurrentTime": "2020-04-01"}}), true),
    ] {
        assert_eq!(allowed(statement(condition.clone())), allows, "{condition}");
    }
    let past = statement(json!({"DateLessThan": {"aws:CurrentTime": "2020-04-01"}}));
    assert_eq!(refusal(past).expected, "a condition that holds now");
}
