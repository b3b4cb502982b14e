//! The conditions of a policy, evaluated for a request.
//!
//! The operators, and their results for a key that the request does not have, are those of "IAM JSON policy elements:
//! Condition operators" and "Multivalued context keys" in the IAM user guide.

use serde_json::Value;

use super::{DenialReason, Match, PolicyRequest, texts};
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
pub(crate) struct Operator<'a> {
    /// One of [`OPERATORS`].
    pub(crate) base: &'a str,
    /// `ForAnyValue` or `ForAllValues`, if the operator has one.
    set: Option<&'a str>,
    /// Whether it ends with `IfExists`.
    if_exists: bool,
}

impl<'a> Operator<'a> {
    /// Parses an operator. `None` if IAM's documentation does not have it.
    pub(crate) fn parse(text: &'a str) -> Option<Self> {
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
    pub(crate) fn is_negated(self) -> bool {
        self.base.contains("Not")
    }

    /// Returns whether `*` and `?` are wildcards.
    pub(crate) fn has_wildcards(self) -> bool {
        matches!(self.base, "StringLike" | "StringNotLike")
    }

    /// Returns whether the operator holds for a key that the request does not have.
    fn holds_without(self) -> bool {
        match self.set {
            _ if self.if_exists => true,
            Some("ForAllValues") => true,
            Some(_) => false,
            None => self.is_negated(),
        }
    }

    /// Returns the function that compares a value of the policy with the request's. `None` if the operator is not
    /// evaluated for values of this kind.
    fn comparison(self, sent: Sent<'_>) -> Option<Comparison> {
        match (self.base, sent) {
            ("StringEquals" | "StringNotEquals", _) => Some(|pattern, sent| pattern == sent),
            ("StringEqualsIgnoreCase" | "StringNotEqualsIgnoreCase", _) => {
                Some(str::eq_ignore_ascii_case)
            }
            ("StringLike" | "StringNotLike", _) => Some(like),
            (
                "ArnEquals" | "ArnLike" | "ArnNotEquals" | "ArnNotLike",
                Sent::Arn(_) | Sent::Probably(_),
            ) => Some(arn_like),
            ("Bool", Sent::Bool(_)) => Some(str::eq_ignore_ascii_case),
            (base, Sent::Number(_)) => numeric(base),
            _ => None,
        }
    }
}

/// Compares a value of the policy with the request's.
type Comparison = fn(&str, &str) -> bool;

/// Returns whether an ARN matches a pattern, part by part: a wildcard does not reach beyond a colon.
fn arn_like(pattern: &str, arn: &str) -> bool {
    let (patterns, parts) = (pattern.splitn(6, ':'), arn.splitn(6, ':'));
    patterns.clone().count() == parts.clone().count()
        && patterns
            .zip(parts)
            .all(|(pattern, part)| like(pattern, part))
}

/// Returns the comparison of a numeric operator.
fn numeric(base: &str) -> Option<Comparison> {
    fn numbers(pattern: &str, sent: &str) -> Option<(f64, f64)> {
        Some((pattern.parse().ok()?, sent.parse().ok()?))
    }
    match base {
        "NumericEquals" | "NumericNotEquals" => {
            Some(|pattern, sent| numbers(pattern, sent).is_some_and(|(limit, sent)| sent == limit))
        }
        "NumericLessThan" => {
            Some(|pattern, sent| numbers(pattern, sent).is_some_and(|(limit, sent)| sent < limit))
        }
        "NumericLessThanEquals" => {
            Some(|pattern, sent| numbers(pattern, sent).is_some_and(|(limit, sent)| sent <= limit))
        }
        "NumericGreaterThan" => {
            Some(|pattern, sent| numbers(pattern, sent).is_some_and(|(limit, sent)| sent > limit))
        }
        "NumericGreaterThanEquals" => {
            Some(|pattern, sent| numbers(pattern, sent).is_some_and(|(limit, sent)| sent >= limit))
        }
        _ => None,
    }
}

/// The value of a condition key in a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sent<'a> {
    /// The key has this text.
    Is(&'a str),
    /// The key has this ARN.
    Arn(&'a str),
    /// The key probably has this text: if the condition does not hold with it, whether it holds is unknown.
    Probably(&'a str),
    /// The key has this boolean.
    Bool(bool),
    /// The key has this number.
    Number(&'a str),
    /// The key is absent: it belongs to another kind of request.
    Absent,
    /// The value cannot be known from outside.
    Unknown,
}

impl<'a> Sent<'a> {
    /// Returns the value in writing, if the request has one that is known.
    fn text(self) -> Option<&'a str> {
        match self {
            Self::Is(text) | Self::Arn(text) | Self::Probably(text) | Self::Number(text) => {
                Some(text)
            }
            Self::Bool(true) => Some("true"),
            Self::Bool(false) => Some("false"),
            Self::Absent | Self::Unknown => None,
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
    request: &dyn PolicyRequest,
    variables: bool,
) -> Match {
    let element = format!("{name}, {operator} on {key}");
    let Some(patterns) = texts(wanted) else {
        return Match::Unknown(format!("{element} has values of an unknown form"));
    };
    let Some(parsed) = Operator::parse(operator) else {
        return Match::Unknown(format!("{element}: the operator is unknown"));
    };
    let sent = request.value(key);
    match sent {
        Sent::Unknown => Match::Unknown(format!("{element}: the value of this key is unknown")),
        _ if parsed.base == "Null" => match null(&patterns, sent == Sent::Absent) {
            None => Match::Unknown(format!("{element} has values of an unknown form")),
            Some(true) => Match::Yes,
            Some(false) if sent == Sent::Absent => Match::No(absent(element, key, request)),
            Some(false) => Match::No(DenialReason {
                element,
                expected: format!("\"false\": {} sends it", request.sender()),
                found: wanted.to_string(),
                hint: None,
            }),
        },
        Sent::Absent if parsed.holds_without() => Match::Yes,
        Sent::Absent => Match::No(absent(element, key, request)),
        _ => {
            let policy = Patterns {
                operator: parsed,
                texts: patterns,
                variables,
            };
            let unknown = format!("{element}: the value of this key is unknown");
            match policy.compare(element, wanted, sent, request.sender()) {
                Match::No(_) if matches!(sent, Sent::Probably(_)) => Match::Unknown(unknown),
                found => found,
            }
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
    /// Returns whether the condition holds for the one value that the request has. For one value, a set operator makes
    /// no difference.
    fn compare(&self, element: String, wanted: &Value, value: Sent<'_>, sender: &str) -> Match {
        let (operator, negated) = (self.operator, self.operator.is_negated());
        let (Some(matches), Some(sent)) = (operator.comparison(value), value.text()) else {
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
        Match::No(DenialReason {
            element,
            expected: if negated {
                format!("anything but \"{sent}\", which {sender} sends")
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
        if operator.is_negated() || !operator.base.starts_with("String") {
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
        case.then(|| "They differ only in case.".to_owned())
    }
}

/// Returns the reason for a condition whose key the request does not have.
fn absent(element: String, key: &str, request: &dyn PolicyRequest) -> DenialReason {
    let (expected, hint) = request.absent_key(key);
    DenialReason {
        element,
        expected,
        found: format!("one on {key}"),
        hint,
    }
}
