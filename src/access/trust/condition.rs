//! The conditions of a trust policy, evaluated for the Orchestrator's call of `sts:AssumeRoleWithWebIdentity`.
//!
//! The operators, and their results for a key that the call does not have, are those of "IAM JSON policy elements:
//! Condition operators" and "Multivalued context keys" in the IAM user guide.

use serde_json::Value;

use super::{Match, Reason, WebIdentity, texts};
use crate::access::issuer::{AUDIENCE, OLDER_ISSUER, issuer_host};
use crate::access::wildcard::like;

/// Every condition operator of IAM, without its set and without `IfExists`.
const OPERATORS: [&str; 27] = [
    "StringEquals",
    "StringNotEquals",
    "StringEqualsIgnoreCase",
    "StringNotEqualsIgnoreCase",
    "StringLike",
    "StringNotLike",
    "NumericEquals",
    "NumericNotEquals",
    "NumericLessThan",
    "NumericLessThanEquals",
    "NumericGreaterThan",
    "NumericGreaterThanEquals",
    "DateEquals",
    "DateNotEquals",
    "DateLessThan",
    "DateLessThanEquals",
    "DateGreaterThan",
    "DateGreaterThanEquals",
    "Bool",
    "BinaryEquals",
    "IpAddress",
    "NotIpAddress",
    "ArnEquals",
    "ArnLike",
    "ArnNotEquals",
    "ArnNotLike",
    "Null",
];

/// A parsed condition operator.
#[derive(Debug, Clone, Copy)]
pub(super) struct Operator<'a> {
    /// One of [`OPERATORS`].
    pub(super) base: &'a str,
    /// `ForAnyValue` or `ForAllValues`, if the operator has one.
    set: Option<&'a str>,
    /// Whether it ends with `IfExists`.
    if_exists: bool,
}

impl<'a> Operator<'a> {
    /// Parses an operator. `None` if IAM's documentation does not have it.
    pub(super) fn parse(text: &'a str) -> Option<Self> {
        let (set, rest) = match text.split_once(':') {
            Some((set @ ("ForAnyValue" | "ForAllValues"), rest)) => (Some(set), rest),
            Some(_) => return None,
            None => (None, text),
        };
        let (base, if_exists) = match rest.strip_suffix("IfExists") {
            Some(base) => (base, true),
            None => (rest, false),
        };
        let exists = OPERATORS.contains(&base) && !(base == "Null" && (if_exists || set.is_some()));
        exists.then_some(Self {
            base,
            set,
            if_exists,
        })
    }

    /// Returns whether the operator holds if the values differ.
    pub(super) fn is_negated(self) -> bool {
        self.base.contains("Not")
    }

    /// Returns whether `*` and `?` are wildcards.
    pub(super) fn has_wildcards(self) -> bool {
        matches!(self.base, "StringLike" | "StringNotLike")
    }

    /// Returns whether the operator holds for a key that the call does not have.
    fn holds_without(self) -> bool {
        match self.set {
            _ if self.if_exists => true,
            Some("ForAllValues") => true,
            Some(_) => false,
            None => self.is_negated(),
        }
    }

    /// Returns the function that compares a text of the policy with the call's. `None` if the operator is not for texts.
    fn comparison(self) -> Option<fn(&str, &str) -> bool> {
        match self.base {
            "StringEquals" | "StringNotEquals" => Some(|pattern, sent| pattern == sent),
            "StringEqualsIgnoreCase" | "StringNotEqualsIgnoreCase" => {
                Some(str::eq_ignore_ascii_case)
            }
            "StringLike" | "StringNotLike" => Some(like),
            _ => None,
        }
    }
}

/// Returns whether one condition holds. `name` is the statement's name, and `variables` says whether the policy's version
/// has policy variables.
pub(super) fn condition(
    name: &str,
    operator: &str,
    key: &str,
    wanted: &Value,
    who: &WebIdentity<'_>,
    variables: bool,
) -> Match {
    let element = format!("{name}, {operator} on {key}");
    let Some(patterns) = texts(wanted) else {
        return Match::Unknown(format!("{element} has values of an unknown form"));
    };
    let Some(parsed) = Operator::parse(operator) else {
        return Match::Unknown(format!("{element}: the operator is unknown"));
    };
    match value_of(key, who) {
        Sent::Unknown => Match::Unknown(format!("{element}: the value of this key is unknown")),
        sent if parsed.base == "Null" => match null(&patterns, matches!(sent, Sent::Absent)) {
            None => Match::Unknown(format!("{element} has values of an unknown form")),
            Some(true) => Match::Yes,
            Some(false) if matches!(sent, Sent::Absent) => Match::No(absent(element, key, who)),
            Some(false) => Match::No(Reason {
                element,
                expected: "\"false\": the Orchestrator's token has it".to_owned(),
                found: wanted.to_string(),
                hint: None,
            }),
        },
        Sent::Absent if parsed.holds_without() => Match::Yes,
        Sent::Absent => Match::No(absent(element, key, who)),
        Sent::Is(sent) => {
            let policy = Patterns {
                operator: parsed,
                texts: patterns,
                variables,
            };
            policy.compare(element, wanted, sent)
        }
    }
}

/// Returns whether a condition with `Null` holds: `true` requires that the key is missing, `false` that it exists. `None`
/// if the values are not booleans.
fn null(patterns: &[&str], missing: bool) -> Option<bool> {
    let mut wanted = Vec::new();
    for pattern in patterns {
        wanted.push(pattern.to_ascii_lowercase().parse::<bool>().ok()?);
    }
    (!wanted.is_empty()).then(|| wanted.contains(&missing))
}

/// The values of one condition.
struct Patterns<'a> {
    operator: Operator<'a>,
    texts: Vec<&'a str>,
    /// Whether `${…}` is a policy variable, or ordinary characters as in the version of 2008.
    variables: bool,
}

impl Patterns<'_> {
    /// Returns whether the condition holds for the one value that the call has. For one value, a set operator makes no
    /// difference.
    fn compare(&self, element: String, wanted: &Value, sent: &str) -> Match {
        let (operator, negated) = (self.operator, self.operator.is_negated());
        let Some(matches) = operator.comparison() else {
            return Match::Unknown(format!(
                "{element}: the operator is not evaluated for this key"
            ));
        };
        let is_variable = |text: &&&str| self.variables && text.contains("${");
        let mut plain = self.texts.iter().filter(|text| !is_variable(text));
        let listed = plain.any(|pattern| matches(pattern, sent));
        if !listed && self.texts.iter().any(|text| is_variable(&text)) {
            return Match::Unknown(format!("{element} has a policy variable"));
        }
        if listed != negated {
            return Match::Yes;
        }
        Match::No(Reason {
            element,
            expected: if negated {
                format!("anything but \"{sent}\", which the Orchestrator sends")
            } else {
                format!("\"{sent}\"")
            },
            found: wanted.to_string(),
            hint: self.hint(sent),
        })
    }

    /// Returns a common mistake that explains why the values do not match.
    fn hint(&self, sent: &str) -> Option<String> {
        let operator = self.operator;
        if operator.is_negated() {
            return None;
        }
        let is_wildcard = |text: &&str| text.contains(['*', '?']) && like(text, sent);
        if !operator.has_wildcards() && self.texts.iter().any(is_wildcard) {
            return Some(format!(
                "`*` and `?` are ordinary characters under {}; only StringLike has wildcards.",
                operator.base
            ));
        }
        let differs_in_case = |text: &&str| text.eq_ignore_ascii_case(sent);
        let case = self.texts.iter().any(differs_in_case);
        case.then(|| "They differ in upper and lower case.".to_owned())
    }
}

/// Returns the reason for a condition whose key the call does not have.
fn absent(element: String, key: &str, who: &WebIdentity<'_>) -> Reason {
    let older = issuer_host(OLDER_ISSUER);
    let hint = if key.eq_ignore_ascii_case(EXTERNAL_ID) {
        "sts:AssumeRoleWithWebIdentity has no external id.".to_owned()
    } else if key.to_ascii_lowercase().starts_with(older) {
        format!("{older} is the issuer of an older product of Humanitec's.")
    } else {
        "The Orchestrator's token has no such key.".to_owned()
    };
    Reason {
        element,
        expected: format!("conditions on {}:aud and :sub", who.issuer_host),
        found: format!("one on {key}"),
        hint: Some(hint),
    }
}

/// The key for the external ID of `sts:AssumeRole`. The API reference of `sts:AssumeRoleWithWebIdentity` has no
/// such parameter.
const EXTERNAL_ID: &str = "sts:ExternalId";

/// The value of a condition key in the Orchestrator's call.
#[derive(Clone, Copy)]
enum Sent<'a> {
    /// The key has this value.
    Is(&'a str),
    /// The key is absent: it belongs to another issuer or to another call.
    Absent,
    /// The value cannot be known from outside.
    Unknown,
}

/// Returns the value of a key in the call. The case of keys does not matter.
fn value_of<'a>(key: &str, who: &WebIdentity<'a>) -> Sent<'a> {
    let lower = key.to_ascii_lowercase();
    match lower.as_str() {
        "sts:rolesessionname" => return who.session_name.map_or(Sent::Unknown, Sent::Is),
        "sts:externalid" => return Sent::Absent,
        _ if lower.starts_with("saml:") => return Sent::Absent,
        // The keys of tags can contain colons and dots.
        _ if lower.starts_with("aws:") => return Sent::Unknown,
        _ => {}
    }
    let Some((issuer, claim)) = lower.rsplit_once(':') else {
        return Sent::Unknown;
    };
    if issuer != who.issuer_host.to_ascii_lowercase() {
        // The keys of services begin with a plain word, and those of tokens with the host of their issuer.
        return match issuer.contains('.') {
            true => Sent::Absent,
            false => Sent::Unknown,
        };
    }
    match claim {
        "aud" => Sent::Is(AUDIENCE),
        "sub" => Sent::Is(who.subject),
        _ => Sent::Unknown,
    }
}
