//! A session of a role that uses a bucket or a key.

use serde_json::Value;

use super::{Denial, PolicyRequest, Sent, findings, of_every_request};
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
    /// The prefix of a request that lists a bucket.
    prefix: Option<&'a str>,
    /// The service through which the session uses a key, if its name is known.
    via_service: Option<String>,
    /// More condition keys of the session's requests with their values, such as its tags.
    known: &'a [(&'static str, String)],
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

/// What the policy of a resource says about a session.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Judgment {
    /// A statement that denies the request.
    pub(crate) denial: Option<Denial>,
    /// What is unknown of a statement that might deny it.
    pub(crate) unknown_deny: Option<String>,
    /// What a statement grants.
    pub(crate) grant: Option<Grant>,
    /// What is unknown of a statement that might allow it.
    pub(crate) unknown_allow: Option<String>,
}

/// Returns the value of `kms:ViaService` for a role that uses a key through S3. `None` for a partition for which "AWS KMS
/// condition keys" in the developer guide of KMS has no name.
pub(crate) fn via_s3(role: &RoleArn, region: &str) -> Option<String> {
    let is_known = matches!(role.partition.as_str(), "aws" | "aws-us-gov");
    is_known.then(|| format!("s3.{region}.amazonaws.com"))
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
            prefix: None,
            via_service: via_s3(role, region),
            known: &[],
            arn: role.to_string(),
            account_counts: true,
        }
    }

    /// Returns the session that lists the objects whose keys begin with a prefix.
    pub(crate) fn with_prefix(self, prefix: &'a str) -> Self {
        Self {
            prefix: Some(prefix),
            ..self
        }
    }

    /// Returns the session with more condition keys and their values.
    pub(crate) fn with_known(self, known: &'a [(&'static str, String)]) -> Self {
        Self { known, ..self }
    }

    /// Returns whether the session's request might have a condition key.
    pub(crate) fn might_send(&self, key: &str) -> bool {
        self.value(key) != Sent::Absent
    }

    /// Returns whether a condition key belongs to another service than the action. Such a key is in no request of the
    /// session: the cross-service keys are those of instances, functions, and the like, and the keys of an identity
    /// provider begin with its host.
    fn is_of_another_service(&self, key: &str) -> bool {
        let service = |text: &str| text.split_once(':').map(|(service, _)| service.to_owned());
        service(key).is_some_and(|prefix| {
            prefix != "aws" && !prefix.contains('.') && Some(prefix) != service(self.action)
        })
    }

    /// Returns what a policy says about the session.
    pub(crate) fn judge(&self, document: &Value) -> Judgment {
        let to_role = Self {
            account_counts: false,
            ..self.clone()
        };
        let found = findings(document, self);
        let grant = if findings(document, &to_role).allows {
            Some(Grant::ToRole)
        } else {
            found.allows.then_some(Grant::ToAccount)
        };
        Judgment {
            denial: found.denial,
            unknown_deny: found.unknown_deny,
            grant,
            unknown_allow: found.unknown_allow,
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

impl PolicyRequest for RoleSession<'_> {
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
        let is_key = |(known, _): &&(&str, String)| known.eq_ignore_ascii_case(key);
        if let Some((_, value)) = self.known.iter().find(is_key) {
            return if value.starts_with("arn:") {
                Sent::Arn(value)
            } else {
                Sent::Is(value)
            };
        }
        if let Some(sent) = of_every_request(&lower) {
            return sent;
        }
        match lower.as_str() {
            _ if self.is_of_another_service(&lower) => Sent::Absent,
            "aws:principalarn" => Sent::Arn(&self.arn),
            "aws:principalaccount" | "kms:calleraccount" => Sent::Is(&self.role.account),
            "kms:viaservice" => self.via_service.as_deref().map_or(Sent::Unknown, Sent::Is),
            // Only requests that list a bucket have these keys.
            "s3:prefix" => self.prefix.map_or(Sent::Absent, Sent::Is),
            "s3:delimiter" | "s3:max-keys" if self.prefix.is_none() => Sent::Absent,
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
        judge(
            "s3:PutObject",
            OBJECT,
            statement(effect, principal, condition),
        )
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
            assert_eq!(
                of("Allow", principal.clone(), json!({})).grant,
                grant,
                "{principal}"
            );
            // A Deny affects every one of them.
            let denied = of("Deny", principal.clone(), json!({})).denial;
            assert_eq!(denied.is_some(), grant.is_some(), "{principal}");
        }
    }

    #[test]
    fn a_deny_counts_if_its_condition_holds() {
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
                json!({"NumericLessThan": {"s3:TlsVersion": 1.2}}),
                Some(false),
            ),
            (
                json!({"NumericLessThan": {"s3:TlsVersion": [1.4]}}),
                Some(true),
            ),
            (json!({"Null": {"s3:prefix": "true"}}), Some(true)),
            (json!({"StringLike": {"kms:ViaService": "*"}}), Some(false)),
            (
                json!({"StringEquals": {"ec2:SourceInstanceARN": "x"}}),
                Some(false),
            ),
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
            let found = of("Deny", json!("*"), condition.clone());
            let conditional = found.denial.as_ref().map(|denial| denial.is_conditional);
            assert_eq!(
                conditional,
                (denies == Some(true)).then_some(true),
                "{condition}"
            );
            assert_eq!(
                found.unknown_deny.is_some(),
                denies.is_none(),
                "{condition}"
            );
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
        let conditional = statement(
            "Deny",
            json!("*"),
            json!({"Null": {"s3:x-amz-acl": "true"}}),
        );
        let plain = statement("Deny", json!("*"), json!({}));
        let denial = judge("s3:GetObject", OBJECT, json!([conditional, plain]))
            .denial
            .unwrap();
        assert!(!denial.is_conditional);
        assert!(
            denial.reason.element.starts_with("Statement 2"),
            "{denial:?}"
        );
    }

    #[test]
    fn the_resource_and_its_exceptions_count() {
        let about = |element: &str, resource: &str, action, arn| {
            let statement =
                json!({"Effect": "Allow", "Principal": "*", "Action": "s3:*", element: resource});
            judge(action, arn, statement).grant.is_some()
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
            judge("s3:GetObject", OBJECT, deny)
        };
        assert!(
            deny("arn:aws:iam::123456789012:role/other")
                .denial
                .is_some()
        );
        let own = deny("arn:aws:iam::123456789012:role/team/job");
        assert!(
            own.denial.is_none() && own.unknown_deny.is_some(),
            "{own:?}"
        );
    }
}
