//! A session of a role that uses a bucket or a key.

use serde_json::Value;

use super::{Decision, Reason, Request, Sent, evaluate};
use crate::runner::RoleArn;

/// A session of a role that makes a request.
///
/// The keys and their values are those of "AWS global condition context keys" in the IAM user guide, "Actions, resources, and
/// condition keys for Amazon S3" and "AWS KMS condition keys".
#[derive(Debug, Clone)]
pub(crate) struct RoleSession<'a> {
    /// The role.
    pub(crate) role: &'a RoleArn,
    /// The action, such as `s3:GetObject`.
    pub(crate) action: &'static str,
    /// The ARN of the resource. `None` for a trust policy, which has no `Resource`.
    pub(crate) resource: Option<&'a str>,
    /// The region whose endpoint the session calls.
    pub(crate) region: &'a str,
    /// The role's ARN in writing.
    arn: String,
    /// Whether a statement that allows the role's account counts: it leaves the decision to the role's own policies.
    account_counts: bool,
}

/// What a policy grants to a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Grant {
    /// The request is allowed, whatever the role's own policies say.
    ToRole,
    /// The request is allowed if the role's own policies allow it.
    ToAccount,
}

/// What a resource's policy says about a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// The policy allows the request.
    Allowed(Grant),
    /// A statement of the policy denies it.
    Denied {
        /// The statement.
        reason: Reason,
        /// Whether the statement has a condition.
        is_conditional: bool,
    },
    /// No statement of the policy is about it.
    NotAllowed(Vec<Reason>),
    /// What the policy says depends on this, which is unknown.
    Unknown(String),
}

impl<'a> RoleSession<'a> {
    /// Returns a session of a role that makes a request in a region.
    pub(crate) fn new(
        role: &'a RoleArn,
        action: &'static str,
        resource: Option<&'a str>,
        region: &'a str,
    ) -> Self {
        Self {
            role,
            action,
            resource,
            region,
            arn: role.to_string(),
            account_counts: true,
        }
    }

    /// Returns what a policy says about the session.
    pub(crate) fn judge(&self, document: &Value) -> Verdict {
        let to_role = Self {
            account_counts: false,
            ..self.clone()
        };
        if evaluate(document, &to_role) == Decision::Allowed {
            return Verdict::Allowed(Grant::ToRole);
        }
        match evaluate(document, self) {
            Decision::Allowed => Verdict::Allowed(Grant::ToAccount),
            Decision::Denied {
                reason,
                is_conditional,
            } => Verdict::Denied {
                reason,
                is_conditional,
            },
            Decision::NotAllowed(reasons) => Verdict::NotAllowed(reasons),
            Decision::Unknown(what) => Verdict::Unknown(what),
        }
    }

    /// Returns whether a name is the role's account: its number or the ARN of its root.
    fn is_account(&self, name: &str) -> bool {
        let RoleArn {
            partition, account, ..
        } = self.role;
        name == account || name == format!("arn:{partition}:iam::{account}:root")
    }
}

impl Request for RoleSession<'_> {
    fn action(&self) -> &str {
        self.action
    }

    fn resource(&self) -> Option<&str> {
        self.resource
    }

    fn is_named(&self, kind: &str, name: &str, allows: bool) -> bool {
        kind == "AWS"
            && (name == self.arn || self.is_account(name) && (!allows || self.account_counts))
    }

    fn is_everyone(&self, _: bool) -> Option<bool> {
        Some(true)
    }

    /// "AWS JSON policy elements: NotPrincipal": the exception must also name each session and the account.
    fn is_excepted(&self) -> bool {
        false
    }

    fn value(&self, key: &str) -> Sent<'_> {
        let lower = key.to_ascii_lowercase();
        match lower.as_str() {
            "aws:principalarn" => Sent::Arn(&self.arn),
            "aws:principalaccount" | "kms:calleraccount" => Sent::Is(&self.role.account),
            "aws:principaltype" => Sent::Is("AssumedRole"),
            "aws:principalisawsservice" => Sent::Bool(false),
            "aws:requestedregion" => Sent::Is(self.region),
            // The backend's endpoints are HTTPS, and Go's client and S3 agree on the newest version of TLS.
            "aws:securetransport" => Sent::Bool(true),
            "s3:tlsversion" => Sent::Number("1.3"),
            "s3:signatureversion" => Sent::Is("AWS4-HMAC-SHA256"),
            "s3:authtype" => Sent::Is("REST-HEADER"),
            // The backend block has neither `encrypt` nor `acl`, so the backend sends none of these headers.
            "s3:x-amz-server-side-encryption"
            | "s3:x-amz-server-side-encryption-aws-kms-key-id"
            | "s3:x-amz-server-side-encryption-customer-algorithm"
            | "s3:x-amz-acl" => Sent::Absent,
            _ if lower.starts_with("s3:x-amz-grant-") => Sent::Absent,
            _ => Sent::Unknown,
        }
    }

    fn kind(&self) -> &'static str {
        "sessions of the role"
    }

    fn sender(&self) -> &str {
        "the Job"
    }

    fn expected_principal(&self) -> String {
        format!("{{\"AWS\": \"{}\"}}", self.arn)
    }

    fn absent_key(&self, _: &str) -> (String, Option<String>) {
        let hint = "The backend does not send it.".to_owned();
        ("no condition on it".to_owned(), Some(hint))
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const BUCKET: &str = "arn:aws:s3:::states";
    const OBJECT: &str = "arn:aws:s3:::states/runner/x.tfstate";

    fn judge(action: &'static str, resource: &str, statements: Value) -> Verdict {
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

    fn of(effect: &str, principal: Value, condition: Value) -> Verdict {
        judge(
            "s3:PutObject",
            OBJECT,
            statement(effect, principal, condition),
        )
    }

    #[test]
    fn the_role_its_account_and_everyone_are_named() {
        for (principal, grant) in [
            (json!("*"), Some(Grant::ToRole)),
            (json!({"AWS": "*"}), Some(Grant::ToRole)),
            (
                json!({"AWS": "arn:aws:iam::123456789012:role/team/job"}),
                Some(Grant::ToRole),
            ),
            (
                json!({"AWS": ["x", "arn:aws:iam::123456789012:root"]}),
                Some(Grant::ToAccount),
            ),
            (json!({"AWS": "123456789012"}), Some(Grant::ToAccount)),
            (json!({"AWS": "arn:aws:iam::123456789012:role/job"}), None),
            (json!({"AWS": "arn:aws:iam::999999999999:root"}), None),
            (json!({"Service": "*"}), None),
        ] {
            let verdict = of("Allow", principal.clone(), json!({}));
            match grant {
                Some(grant) => assert_eq!(verdict, Verdict::Allowed(grant), "{principal}"),
                None => assert!(matches!(verdict, Verdict::NotAllowed(_)), "{principal}"),
            }
            // Every one of them is denied by a Deny.
            let denied = of("Deny", principal.clone(), json!({}));
            assert_eq!(
                matches!(denied, Verdict::Denied { .. }),
                grant.is_some(),
                "{principal}"
            );
        }
    }

    #[test]
    fn a_deny_for_others_does_not_count() {
        let everyone = json!("*");
        for (condition, denies) in [
            (
                json!({"Bool": {"aws:SecureTransport": "false"}}),
                Some(false),
            ),
            (
                json!({"NumericLessThan": {"s3:TlsVersion": "1.2"}}),
                Some(false),
            ),
            (
                json!({"ArnNotLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/team/*"}}),
                Some(false),
            ),
            (
                json!({"StringNotEquals": {"aws:PrincipalArn": "arn:aws:iam::123456789012:role/team/job"}}),
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
            (
                json!({"Null": {"s3:x-amz-server-side-encryption": "true"}}),
                Some(true),
            ),
            (
                json!({"StringNotEquals": {"aws:SourceVpce": "vpce-1"}}),
                None,
            ),
            (
                json!({"StringNotEquals": {"aws:PrincipalOrgID": "o-1"}}),
                None,
            ),
        ] {
            let verdict = of("Deny", everyone.clone(), condition.clone());
            let found = match verdict {
                Verdict::Denied { is_conditional, .. } => {
                    assert!(is_conditional, "{condition}");
                    Some(true)
                }
                Verdict::NotAllowed(_) => Some(false),
                _ => None,
            };
            // A Deny whose condition is unknown is no grant either, and this policy has none.
            let expected = denies.or(Some(false));
            assert_eq!(found, expected, "{condition}");
            let allow = statement("Allow", json!("*"), json!({}));
            let both = json!([
                allow,
                statement("Deny", everyone.clone(), condition.clone())
            ]);
            let verdict = judge("s3:PutObject", OBJECT, both);
            match denies {
                Some(true) => assert!(matches!(verdict, Verdict::Denied { .. }), "{condition}"),
                Some(false) => assert_eq!(verdict, Verdict::Allowed(Grant::ToRole), "{condition}"),
                None => assert!(matches!(verdict, Verdict::Unknown(_)), "{condition}"),
            }
        }
    }

    #[test]
    fn an_unconditional_deny_comes_before_a_conditional_one() {
        let conditional = statement(
            "Deny",
            json!("*"),
            json!({"Null": {"s3:x-amz-acl": "true"}}),
        );
        let plain = statement("Deny", json!("*"), json!({}));
        let Verdict::Denied {
            reason,
            is_conditional,
        } = judge("s3:GetObject", OBJECT, json!([conditional, plain]))
        else {
            panic!("not denied");
        };
        assert!(!is_conditional);
        assert!(reason.element.starts_with("Statement 2"), "{reason:?}");
    }

    #[test]
    fn the_resource_and_its_exceptions_count() {
        let about = |element: &str, resource: &str, action, arn| {
            let statement =
                json!({"Effect": "Allow", "Principal": "*", "Action": "s3:*", element: resource});
            matches!(judge(action, arn, statement), Verdict::Allowed(_))
        };
        assert!(about(
            "Resource",
            "arn:aws:s3:::states/runner/*",
            "s3:GetObject",
            OBJECT
        ));
        assert!(!about(
            "Resource",
            "arn:aws:s3:::states",
            "s3:GetObject",
            OBJECT
        ));
        assert!(about(
            "Resource",
            "arn:aws:s3:::states",
            "s3:ListBucket",
            BUCKET
        ));
        assert!(!about(
            "NotResource",
            "arn:aws:s3:::states/*",
            "s3:GetObject",
            OBJECT
        ));
        assert!(about(
            "NotResource",
            "arn:aws:s3:::other/*",
            "s3:GetObject",
            OBJECT
        ));
    }

    #[test]
    fn whom_not_principal_excepts_is_unknown() {
        let deny = |principal: &str| {
            let deny = json!({"Effect": "Deny", "NotPrincipal": {"AWS": principal}, "Action": "*", "Resource": "*"});
            let allow = statement("Allow", json!("*"), json!({}));
            judge("s3:GetObject", OBJECT, json!([allow, deny]))
        };
        let other = deny("arn:aws:iam::123456789012:role/other");
        assert!(matches!(other, Verdict::Denied { .. }), "{other:?}");
        let own = deny("arn:aws:iam::123456789012:role/team/job");
        assert!(matches!(own, Verdict::Unknown(_)), "{own:?}");
    }
}
