//! A session of a role that uses a bucket or a key.

use serde_json::Value;

use super::{Denial, PolicyRequest, Sent, StatementEffect, findings, of_every_request};
use crate::runner::RoleArn;

/// A condition key of a request, and its value.
pub(crate) type KnownKey<'a> = (String, Sent<'a>);

/// The condition keys that no request of the backend has, in lower case.
///
/// The Orchestrator's backend block has only `bucket` and `key`: neither `encrypt`, `acl`, nor `use_lockfile`, so that the
/// backend sends none of these headers (`internal/backend/remote-state/s3/client.go` of OpenTofu 1.10 and 1.12 and of Terraform 1.11). It
/// neither copies nor tags objects, and names a bucket and not an access point. "Actions, resources, and condition keys for
/// Amazon S3" in the Service Authorization Reference has the keys. The keys for the storage class and for Object Lock are
/// not in the list, because the defaults of S3 and of the bucket might count.
const NEVER_SENT: [&str; 15] = [
    "s3:accessgrantsinstancearn",
    "s3:accesspointnetworkorigin",
    "s3:dataaccesspointaccount",
    "s3:dataaccesspointarn",
    "s3:if-match",
    "s3:if-none-match",
    "s3:requestobjecttagkeys",
    "s3:versionid",
    "s3:x-amz-acl",
    "s3:x-amz-copy-source",
    "s3:x-amz-metadata-directive",
    "s3:x-amz-server-side-encryption",
    "s3:x-amz-server-side-encryption-aws-kms-key-id",
    "s3:x-amz-server-side-encryption-customer-algorithm",
    "s3:x-amz-website-redirect-location",
];

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
    known: &'a [KnownKey<'a>],
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
/// condition keys" in the AWS KMS developer guide has no name.
fn via_s3(role: &RoleArn, region: &str) -> Option<String> {
    let is_known = matches!(role.partition.as_str(), "aws" | "aws-us-gov");
    is_known.then(|| format!("s3.{region}.amazonaws.com"))
}

impl<'a> RoleSession<'a> {
    /// Returns a session of a role that makes a request in a region.
    pub(crate) fn new(role: &'a RoleArn, action: &'static str, resource: Option<&'a str>, region: &'a str) -> Self {
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
    pub(crate) fn with_known(self, known: &'a [KnownKey<'a>]) -> Self {
        Self { known, ..self }
    }

    /// Returns the session with another action of the same service on the same resource.
    pub(crate) fn with_action(&self, action: &'static str) -> Self {
        Self { action, ..self.clone() }
    }

    /// Returns the prefix of the action, such as `s3`.
    fn service(&self) -> &'static str {
        let service = self.action.split_once(':');
        service.map_or(self.action, |(service, _)| service)
    }

    /// Returns the condition keys of the session's requests whose values are known. The evaluation of a resource's policy and
    /// IAM's simulation of the role's own policies both use them.
    pub(crate) fn known_keys(&self) -> Vec<(&str, Sent<'_>)> {
        let service = self.service();
        let mut keys = vec![
            ("aws:PrincipalArn", Sent::Arn(&self.arn)),
            ("aws:PrincipalAccount", Sent::Is(&self.role.account)),
            ("aws:PrincipalType", Sent::Is("AssumedRole")),
            ("aws:PrincipalIsAWSService", Sent::Bool(false)),
            ("aws:RequestedRegion", Sent::Is(self.region)),
            // Every endpoint that the Orchestrator and the Job use is HTTPS.
            ("aws:SecureTransport", Sent::Bool(true)),
            // S3 calls KMS with the role's identity ("Forward access sessions" in the IAM user guide). All other calls are the
            // session's own.
            ("aws:ViaAWSService", Sent::Bool(service == "kms")),
        ];
        if service == "s3" {
            keys.extend([
                // Go's client and S3 agree on the newest version of TLS.
                ("s3:TlsVersion", Sent::Number("1.3")),
                ("s3:signatureversion", Sent::Is("AWS4-HMAC-SHA256")),
                ("s3:authType", Sent::Is("REST-HEADER")),
            ]);
            keys.extend(self.prefix.map(|prefix| ("s3:prefix", Sent::Is(prefix))));
        }
        if service == "kms" {
            keys.push(("kms:CallerAccount", Sent::Is(&self.role.account)));
            let via = self.via_service.as_deref();
            keys.extend(via.map(|via| ("kms:ViaService", Sent::Is(via))));
        }
        keys.extend(self.known.iter().map(|(key, sent)| (key.as_str(), *sent)));
        keys
    }

    /// Returns whether the session's request might have a condition key.
    pub(crate) fn might_send(&self, key: &str) -> bool {
        self.value(key) != Sent::Absent
    }

    /// Returns whether the session's request does not have a condition key, which is in lower case.
    fn is_absent(&self, key: &str) -> bool {
        match key {
            _ if self.is_of_another_service(key) => true,
            // Only requests that list a bucket have these keys.
            "s3:prefix" | "s3:delimiter" | "s3:max-keys" => self.prefix.is_none(),
            "aws:calledvia" | "aws:calledviafirst" | "aws:calledvialast" => self.service() != "kms",
            _ => {
                NEVER_SENT.contains(&key)
                    || key.starts_with("s3:x-amz-grant-")
                    || key.starts_with("s3:requestobjecttag/")
            }
        }
    }

    /// Returns whether a condition key belongs to another service than the action. Such a key is in no request of the
    /// session: the cross-service keys are those of instances, functions, and the like, and the keys of an identity
    /// provider begin with its host. The one exception is the tags of a role that is assumed ("IAM: Assume roles that have a
    /// specific tag" in the IAM user guide).
    fn is_of_another_service(&self, key: &str) -> bool {
        let Some((prefix, _)) = key.split_once(':') else {
            return false;
        };
        let service = self.service();
        let is_role_tag = service == "sts" && key.starts_with("iam:resourcetag/");
        prefix != "aws" && !prefix.contains('.') && prefix != service && !is_role_tag
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
        let RoleArn { partition, account, .. } = self.role;
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

    fn is_named(&self, kind: &str, name: &str, effect: StatementEffect) -> bool {
        kind == "AWS"
            && (name == self.arn || self.is_account(name) && (effect == StatementEffect::Deny || self.account_counts))
    }

    fn is_everyone(&self, _: StatementEffect) -> Option<bool> {
        Some(true)
    }

    /// "AWS JSON policy elements: NotPrincipal": the exception must also name each session and the account.
    fn is_excepted(&self) -> bool {
        false
    }

    fn value(&self, key: &str) -> Sent<'_> {
        let known = self.known_keys();
        let is_key = |(known, _): &&(&str, Sent<'_>)| known.eq_ignore_ascii_case(key);
        if let Some((_, sent)) = known.iter().find(is_key) {
            return *sent;
        }
        let lower = key.to_ascii_lowercase();
        let absent = self.is_absent(&lower).then_some(Sent::Absent);
        let sent = of_every_request(&lower).or(absent);
        sent.unwrap_or(Sent::Unknown)
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
mod tests;
