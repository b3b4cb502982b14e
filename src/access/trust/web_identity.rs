//! A web identity that assumes a role: `sts:AssumeRoleWithWebIdentity`.

use serde_json::Value;

use crate::access::issuer::{OLDER_ISSUER, issuer_host};
use crate::access::policy::{PolicyRequest, Sent, StatementEffect, of_every_request, texts};

/// The action that the trust policy must allow.
const ACTION: &str = "sts:AssumeRoleWithWebIdentity";

/// The global condition keys that a call without AWS credentials does not have, in lower case.
///
/// `sts:AssumeRoleWithWebIdentity` is such a call ("AssumeRoleWithWebIdentity" in the API reference of STS), and of each of
/// these keys, "Availability" in "AWS global condition context keys" of the IAM user guide says that it is only in requests
/// that are signed (`aws:PrincipalArn`, `aws:userid`, `aws:PrincipalIsAWSService`), of a principal with an organization, with
/// tags, or with a user name, of temporary credentials, of an AWS service, or through one.
const ONLY_WITH_CREDENTIALS: [&str; 22] = [
    "aws:assumedroot",
    "aws:calledvia",
    "aws:calledviafirst",
    "aws:calledvialast",
    "aws:ec2instancesourceprivateipv4",
    "aws:ec2instancesourcevpc",
    "aws:multifactorauthage",
    "aws:multifactorauthpresent",
    "aws:principalarn",
    "aws:principalisawsservice",
    "aws:principalorgid",
    "aws:principalorgpaths",
    "aws:principalservicename",
    "aws:principalservicenameslist",
    "aws:sourceaccount",
    "aws:sourcearn",
    "aws:sourceidentity",
    "aws:sourceorgid",
    "aws:sourceorgpaths",
    "aws:tokenissuetime",
    "aws:userid",
    "aws:username",
];

/// The keys of what a token can have in claims of AWS's own, in lower case: session tags and a source identity ("Pass session
/// tags in AWS STS" and "Monitor and control actions taken with assumed roles" in the IAM user guide). Neither the
/// Orchestrator nor a cluster puts them into its tokens.
const OF_CLAIMS: [&str; 3] = ["aws:tagkeys", "sts:sourceidentity", "sts:transitivetagkeys"];

/// The key for the external ID of `sts:AssumeRole`. The API reference of `sts:AssumeRoleWithWebIdentity` has no
/// such parameter.
const EXTERNAL_ID: &str = "sts:ExternalId";

/// The web identity that assumes the role.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct WebIdentity {
    /// Who sends the token, such as `the Orchestrator`.
    pub(crate) sender: &'static str,
    /// The ARN of the account's IAM OIDC provider for the issuer.
    pub(crate) provider_arn: String,
    /// The issuer without `https://`, with which the condition keys start.
    pub(crate) issuer_host: String,
    /// The token's `aud`.
    pub(crate) audience: String,
    /// The token's `sub`.
    pub(crate) subject: String,
    /// The name of the session.
    pub(crate) session_name: Option<String>,
    /// The address from which it calls STS, if it is known.
    pub(crate) source: Option<String>,
}

impl WebIdentity {
    /// Returns the condition key for the `sub`.
    pub(super) fn subject_key(&self) -> String {
        format!("{}:sub", self.issuer_host)
    }

    /// Returns the organization in the `sub` of the Orchestrator's token, which is
    /// `{organization}+{runner ID}`. `None` for the token of a service account.
    pub(crate) fn organization(&self) -> Option<&str> {
        let (org, _) = self.subject.split_once('+')?;
        Some(org)
    }
}

impl PolicyRequest for WebIdentity {
    fn action(&self) -> &str {
        ACTION
    }

    fn resource(&self) -> Option<&str> {
        None
    }

    fn is_named(&self, kind: &str, name: &str, _: StatementEffect) -> bool {
        // The host in a provider's ARN is a host name, whose case does not matter.
        kind == "Federated" && (name == "*" || name.eq_ignore_ascii_case(&self.provider_arn))
    }

    fn is_everyone(&self, effect: StatementEffect) -> Option<bool> {
        (effect == StatementEffect::Deny).then_some(true)
    }

    fn value(&self, key: &str) -> Sent<'_> {
        let lower = key.to_ascii_lowercase();
        if let Some(sent) = of_every_request(&lower) {
            return sent;
        }
        match lower.as_str() {
            "sts:rolesessionname" => {
                return self.session_name.as_deref().map_or(Sent::Unknown, Sent::Is);
            }
            "sts:externalid" => return Sent::Absent,
            "aws:sourceip" => {
                let source = self.source.as_deref();
                return source.map_or(Sent::Unknown, Sent::Address);
            }
            // STS has no other endpoints.
            "aws:securetransport" => return Sent::Bool(true),
            _ if is_absent(&lower) => return Sent::Absent,
            // The keys of tags can contain colons and dots.
            _ if lower.starts_with("aws:") => return Sent::Unknown,
            _ => {}
        }
        let Some((issuer, claim)) = lower.rsplit_once(':') else {
            return Sent::Unknown;
        };
        if issuer != self.issuer_host.to_ascii_lowercase() {
            // The keys of services begin with a plain word, and those of tokens with the host of their issuer.
            return if issuer.contains('.') {
                Sent::Absent
            } else {
                Sent::Unknown
            };
        }
        match claim {
            "aud" => Sent::Is(&self.audience),
            "sub" => Sent::Is(&self.subject),
            _ => Sent::Unknown,
        }
    }

    fn kind(&self) -> &'static str {
        "web identities"
    }

    fn sender(&self) -> &str {
        self.sender
    }

    fn expected_principal(&self) -> String {
        format!("{{\"Federated\": \"{}\"}}", self.provider_arn)
    }

    fn principal_hint(&self, principal: &Value) -> Option<String> {
        let older = issuer_host(OLDER_ISSUER);
        let federated = principal.get("Federated").and_then(texts);
        let is_older = federated.is_some_and(|names| names.iter().any(|name| name.ends_with(&format!("/{older}"))));
        is_older.then(|| format!("{older} is the issuer of an older Humanitec product."))
    }

    fn absent_key(&self, key: &str) -> (String, Option<String>) {
        let older = issuer_host(OLDER_ISSUER);
        let lower = key.to_ascii_lowercase();
        let hint = if key.eq_ignore_ascii_case(EXTERNAL_ID) {
            format!("{ACTION} has no external ID.")
        } else if lower.starts_with("aws:") && !is_of_claims(&lower) {
            format!("{ACTION} is an unsigned call, so it does not have this condition key.")
        } else if lower.starts_with(older) {
            format!("{older} is the issuer of an older Humanitec product.")
        } else {
            format!("The token of {} has no such key.", self.sender)
        };
        let expected = format!("conditions on {}:aud and :sub", self.issuer_host);
        (expected, Some(hint))
    }
}

/// Returns whether the call does not have a key, which is in lower case.
fn is_absent(key: &str) -> bool {
    ONLY_WITH_CREDENTIALS.contains(&key) || key.starts_with("aws:principaltag/") || is_of_claims(key)
}

/// Returns whether a key, which is in lower case, is about claims that the token does not have.
fn is_of_claims(key: &str) -> bool {
    OF_CLAIMS.contains(&key) || key.starts_with("aws:requesttag/")
}

#[cfg(test)]
pub(crate) const PROVIDER: &str = "arn:aws:iam::123456789012:oidc-provider/oidc.humanitec.dev";

#[cfg(test)]
impl WebIdentity {
    /// Returns the documented runner with another `sub`.
    pub(crate) fn fixture(subject: &str) -> Self {
        Self {
            sender: "the Orchestrator",
            provider_arn: PROVIDER.to_owned(),
            issuer_host: "oidc.humanitec.dev".to_owned(),
            audience: crate::access::issuer::AUDIENCE.to_owned(),
            subject: subject.to_owned(),
            session_name: Some("my-org-my-runner".to_owned()),
            source: None,
        }
    }
}
