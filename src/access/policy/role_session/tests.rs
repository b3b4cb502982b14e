//! What the policy of a resource says about a session.

use serde_json::json;

use super::*;

const BUCKET: &str = "arn:aws:s3:::states";
const OBJECT: &str = "arn:aws:s3:::states/runner/x.tfstate";

fn judge(action: &'static str, resource: &str, statements: Value) -> Judgment {
    let role = "arn:aws:iam::123456789012:role/team/job".parse().unwrap();
    let document = json!({"Version": "2012-10-17", "Statement": statements});
    RoleSession::new(&role, action, Some(resource), "eu-central-1").judge(&document)
}

fn statement(effect: &str, principal: Value, condition: Value) -> Value {
    json!({
        "Effect": effect, "Principal": principal, "Action": "s3:*",
        "Resource": [BUCKET, "arn:aws:s3:::states/*"], "Condition": condition,
    })
}

fn of(effect: &str, principal: Value, condition: Value) -> Judgment {
    judge("s3:PutObject", OBJECT, statement(effect, principal, condition))
}

#[test]
fn the_role_its_account_and_everyone_are_named() {
    let role = "arn:aws:iam::123456789012:role/team/job";
    let root = "arn:aws:iam::123456789012:root";
    for (principal, grant) in [
        (json!("*"), Some(Grant::ToRole)),
        (json!({"AWS": "*"}), Some(Grant::ToRole)),
        (json!({"AWS": role}), Some(Grant::ToRole)),
        (json!({"AWS": ["x", root]}), Some(Grant::ToAccount)),
        (json!({"AWS": "123456789012"}), Some(Grant::ToAccount)),
        (json!({"AWS": "arn:aws:iam::123456789012:role/job"}), None),
        (json!({"AWS": "arn:aws:iam::999999999999:root"}), None),
        (json!({"Service": "*"}), None),
    ] {
        assert_eq!(of("Allow", principal.clone(), json!({})).grant, grant, "{principal}");
        // A Deny affects every one of them.
        let denied = of("Deny", principal.clone(), json!({})).denial;
        assert_eq!(denied.is_some(), grant.is_some(), "{principal}");
    }
}

/// Asserts whether a Deny with a condition counts. `None` if that is unknown.
#[track_caller]
fn denies_if(condition: &Value, denies: Option<bool>) {
    let found = of("Deny", json!("*"), condition.clone());
    let conditional = found.denial.as_ref().map(|denial| denial.is_conditional);
    assert_eq!(conditional, (denies == Some(true)).then_some(true), "{condition}");
    assert_eq!(found.unknown_deny.is_some(), denies.is_none(), "{condition}");
}

#[test]
fn the_backend_does_not_send_most_keys_of_s3() {
    for (condition, denies) in [
        (json!({"Null": {"s3:if-none-match": "true"}}), Some(true)),
        (json!({"StringLike": {"s3:RequestObjectTag/team": "*"}}), Some(false)),
        (json!({"Bool": {"aws:ViaAWSService": "false"}}), Some(true)),
        (
            json!({"ForAnyValue:StringEquals": {"aws:CalledVia": "athena.amazonaws.com"}}),
            Some(false),
        ),
        (json!({"StringNotEquals": {"s3:x-amz-storage-class": "STANDARD"}}), None),
    ] {
        denies_if(&condition, denies);
    }
}

#[test]
fn a_deny_counts_if_its_condition_holds() {
    for (condition, denies) in [
        (json!({"Bool": {"aws:SecureTransport": "false"}}), Some(false)),
        (json!({"NumericLessThan": {"s3:TlsVersion": "1.2"}}), Some(false)),
        (json!({"NumericLessThan": {"s3:TlsVersion": 1.2}}), Some(false)),
        (json!({"NumericLessThan": {"s3:TlsVersion": [1.4]}}), Some(true)),
        (json!({"Null": {"s3:prefix": "true"}}), Some(true)),
        (json!({"StringLike": {"kms:ViaService": "*"}}), Some(false)),
        (json!({"StringEquals": {"ec2:SourceInstanceARN": "x"}}), Some(false)),
        (
            json!({"ArnNotLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/team/*"}}),
            Some(false),
        ),
        (
            json!({"StringNotEquals": {"aws:PrincipalAccount": "123456789012"}}),
            Some(false),
        ),
        (
            json!({"ArnNotEquals": {"aws:PrincipalArn": "arn:aws:iam::123456789012:role/other"}}),
            Some(true),
        ),
        (
            json!({"StringNotEquals": {"s3:x-amz-server-side-encryption": "aws:kms"}}),
            Some(true),
        ),
        (json!({"Null": {"s3:x-amz-server-side-encryption": "true"}}), Some(true)),
        (json!({"StringNotEquals": {"aws:SourceVpce": "vpce-1"}}), None),
        (json!({"StringNotEquals": {"aws:PrincipalOrgID": "o-1"}}), None),
    ] {
        denies_if(&condition, denies);
    }
    let allow = of(
        "Allow",
        json!("*"),
        json!({"StringEquals": {"aws:PrincipalOrgID": "o-1"}}),
    );
    assert_eq!((allow.grant, allow.unknown_deny), (None, None));
    assert!(allow.unknown_allow.unwrap().contains("aws:PrincipalOrgID"));
}

#[test]
fn an_unconditional_deny_comes_before_a_conditional_one() {
    let conditional = statement("Deny", json!("*"), json!({"Null": {"s3:x-amz-acl": "true"}}));
    let plain = statement("Deny", json!("*"), json!({}));
    let denial = judge("s3:GetObject", OBJECT, json!([conditional, plain]))
        .denial
        .unwrap();
    assert!(!denial.is_conditional);
    assert!(denial.reason.element.starts_with("Statement 2"), "{denial:?}");
}

#[test]
fn the_resource_and_its_exceptions_count() {
    let about = |element: &str, resource: &str, action, arn| {
        let statement = json!({"Effect": "Allow", "Principal": "*", "Action": "s3:*", element: resource});
        judge(action, arn, statement).grant.is_some()
    };
    assert!(about(
        "Resource",
        "arn:aws:s3:::states/runner/*",
        "s3:GetObject",
        OBJECT
    ));
    assert!(!about("Resource", "arn:aws:s3:::states", "s3:GetObject", OBJECT));
    assert!(about("Resource", "arn:aws:s3:::states", "s3:ListBucket", BUCKET));
    assert!(!about("NotResource", "arn:aws:s3:::states/*", "s3:GetObject", OBJECT));
    assert!(about("NotResource", "arn:aws:s3:::other/*", "s3:GetObject", OBJECT));
}

#[test]
fn whom_not_principal_excepts_is_unknown() {
    let deny = |principal: &str| {
        let deny = json!({"Effect": "Deny", "NotPrincipal": {"AWS": principal}, "Action": "*", "Resource": "*"});
        judge("s3:GetObject", OBJECT, deny)
    };
    assert!(deny("arn:aws:iam::123456789012:role/other").denial.is_some());
    let own = deny("arn:aws:iam::123456789012:role/team/job");
    assert!(own.denial.is_none() && own.unknown_deny.is_some(), "{own:?}");
}
