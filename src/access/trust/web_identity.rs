//! A web identity that assumes a role: `sts:AssumeRoleWithWebIdentity`.

use serde_json::Value;

use crate::access::issuer::{OLDER_ISSUER, issuer_host};
use crate::access::policy::{PolicyRequest, Sent, of_every_request, texts};

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
#[derive(Debug, Clone)]
pub(crate) struct WebIdentity<'a> {
    /// Who sends the token, such as `the Orchestrator`.
    pub(crate) sender: &'static str,
    /// The ARN of the account's IAM OIDC provider for the issuer.
    pub(crate) provider_arn: &'a str,
    /// The issuer without `https://`, with which the condition keys start.
    pub(crate) issuer_host: &'a str,
    /// The token's `aud`.
    pub(crate) audience: &'a str,
    /// The token's `sub`.
    pub(crate) subject: &'a str,
    /// The name of the session.
    pub(crate) session_name: Option<&'a str>,
}

impl PolicyRequest for WebIdentity<'_> {
    fn action(&self) -> &str {
        ACTION
    }

    fn resource(&self) -> Option<&str> {
        None
    }

    fn is_named(&self, kind: &str, name: &str, _: bool) -> bool {
        // The host in a provider's ARN is a host name, whose case does not matter.
        kind == "Federated" && (name == "*" || name.eq_ignore_ascii_case(self.provider_arn))
    }

    fn is_everyone(&self, allows: bool) -> Option<bool> {
        (!allows).then_some(true)
    }

    fn value(&self, key: &str) -> Sent<'_> {
        let lower = key.to_ascii_lowercase();
        if let Some(sent) = of_every_request(&lower) {
            return sent;
        }
        match lower.as_str() {
            "sts:rolesessionname" => return self.session_name.map_or(Sent::Unknown, Sent::Is),
            "sts:externalid" => return Sent::Absent,
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
            "aud" => Sent::Is(self.audience),
            "sub" => Sent::Is(self.subject),
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
        let is_older = federated.is_some_and(|names| {
            names
                .iter()
                .any(|name| name.ends_with(&format!("/{older}")))
        });
        is_older.then(|| format!("{older} is the issuer of an older product of Humanitec's."))
    }

    fn absent_key(&self, key: &str) -> (String, Option<String>) {
        let older = issuer_host(OLDER_ISSUER);
        let lower = key.to_ascii_lowercase();
        let hint = if key.eq_ignore_ascii_case(EXTERNAL_ID) {
            format!("{ACTION} has no external ID.")
        } else if lower.starts_with("aws:") && !is_of_claims(&lower) {
            format!("{ACTION} is a call without AWS credentials, and has no such key.")
        } else if lower.starts_with(older) {
            format!("{older} is the issuer of an older product of Humanitec's.")
        } else {
            format!("The token of {} has no such key.", self.sender)
        };
        let expected = format!("conditions on {}:aud and :sub", self.issuer_host);
        (expected, Some(hint))
    }
}

/// Returns whether the call does not have a key, which is in lower case.
fn is_absent(key: &str) -> bool {
    ONLY_WITH_CREDENTIALS.contains(&key)
        || key.starts_with("aws:principaltag/")
        || is_of_claims(key)
}

/// Returns whether a key, which is in lower case, is about claims that the token does not have.
fn is_of_claims(key: &str) -> bool {
    OF_CLAIMS.contains(&key) || key.starts_with("aws:requesttag/")
}
