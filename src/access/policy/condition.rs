//! The conditions of a policy, evaluated for a request.
//!
//! The operators, and their results for a key that the request does not have, are those of "IAM JSON policy elements:
//! Condition operators" and "Multivalued context keys" in the IAM user guide.

use std::borrow::Cow;
use std::time::{SystemTime, UNIX_EPOCH};

use aws_smithy_types::DateTime;
use aws_smithy_types::date_time::Format;
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
    fn comparison(self, sent: Sent<'_>) -> Option<Comparator> {
        match (self.base, sent) {
            // "Single-valued vs. multivalued context keys": several values need a set operator.
            (_, Sent::Several(_)) if self.set.is_none() => None,
            // `aws:EpochTime` works with numeric operators as well.
            (base, Sent::Now) => date(base).or_else(|| numeric(base)),
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

    /// Returns whether the condition holds for the values of a request, of which each is in the list of the policy or
    /// not. For one value, a set operator makes no difference.
    fn holds(self, listed: &[bool]) -> bool {
        let matches = |is_listed: &bool| *is_listed != self.is_negated();
        match self.set {
            Some("ForAnyValue") => listed.iter().any(matches),
            _ => listed.iter().all(matches),
        }
    }
}

/// Compares a value of the policy with the request's.
type Comparator = fn(&str, &str) -> bool;

/// Returns whether an ARN matches a pattern, part by part: a wildcard does not reach beyond a colon.
fn arn_like(pattern: &str, arn: &str) -> bool {
    let (patterns, parts) = (pattern.splitn(6, ':'), arn.splitn(6, ':'));
    patterns.clone().count() == parts.clone().count()
        && patterns
            .zip(parts)
            .all(|(pattern, part)| like(pattern, part))
}

/// Returns the comparison of a numeric operator.
fn numeric(base: &str) -> Option<Comparator> {
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

/// Returns the comparison of a date operator with now, in seconds since 1970.
fn date(base: &str) -> Option<Comparator> {
    fn compare(pattern: &str, now: &str, holds: fn(i64, i64) -> bool) -> bool {
        let (Some(limit), Ok(now)) = (seconds(pattern), now.parse()) else {
            return false;
        };
        holds(now, limit)
    }
    let comparison: Comparator = match base {
        "DateEquals" | "DateNotEquals" => {
            |pattern, now| compare(pattern, now, |now, limit| now == limit)
        }
        "DateLessThan" => |pattern, now| compare(pattern, now, |now, limit| now < limit),
        "DateLessThanEquals" => |pattern, now| compare(pattern, now, |now, limit| now <= limit),
        "DateGreaterThan" => |pattern, now| compare(pattern, now, |now, limit| now > limit),
        "DateGreaterThanEquals" => |pattern, now| compare(pattern, now, |now, limit| now >= limit),
        _ => return None,
    };
    Some(comparison)
}

/// Returns the time of a date in a policy, in seconds since 1970: "Date condition operators" has ISO 8601 and the number of
/// seconds.
fn seconds(date: &str) -> Option<i64> {
    let parse = |text: &str| DateTime::from_str(text, Format::DateTimeWithOffset).ok();
    date.parse().ok().or_else(|| {
        let time = parse(date).or_else(|| parse(&format!("{date}T00:00:00Z")))?;
        Some(time.secs())
    })
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
    /// The key has these texts.
    Several(&'a [&'a str]),
    /// The key has the time of the request, which is about now.
    Now,
    /// The key is absent: it belongs to another kind of request.
    Absent,
    /// The value cannot be known from outside.
    Unknown,
}

impl<'a> Sent<'a> {
    /// Returns the values in writing. The list is empty if the request has none that is known.
    fn texts(self) -> Vec<Cow<'a, str>> {
        match self {
            Self::Is(text) | Self::Arn(text) | Self::Probably(text) | Self::Number(text) => {
                vec![text.into()]
            }
            Self::Bool(value) => vec![value.to_string().into()],
            Self::Several(texts) => texts.iter().map(|text| (*text).into()).collect(),
            Self::Now => {
                let now = SystemTime::now().duration_since(UNIX_EPOCH);
                vec![now.unwrap_or_default().as_secs().to_string().into()]
            }
            Self::Absent | Self::Unknown => Vec::new(),
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
    let quoted = with_quoted_numbers(wanted);
    let Some(patterns) = texts(&quoted) else {
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
    /// Returns whether the condition holds for the values that the request has.
    fn compare(&self, element: String, wanted: &Value, value: Sent<'_>, sender: &str) -> Match {
        let operator = self.operator;
        let Some(matches) = operator.comparison(value) else {
            return Match::Unknown(format!(
                "{element}: the operator is not evaluated for this key"
            ));
        };
        if value == Sent::Now && self.texts.iter().any(|text| seconds(text).is_none()) {
            return Match::Unknown(format!("{element} has values of an unknown form"));
        }
        let is_variable = |text: &&&str| self.variables && text.contains("${");
        let plain = self.texts.iter().filter(|text| !is_variable(text));
        let plain: Vec<&str> = plain.copied().collect();
        let sent = value.texts();
        let is_listed = |sent: &Cow<'_, str>| plain.iter().any(|pattern| matches(pattern, sent));
        let listed: Vec<bool> = sent.iter().map(is_listed).collect();
        if listed.contains(&false) && plain.len() < self.texts.len() {
            return Match::Unknown(format!("{element} has a policy variable"));
        }
        if operator.holds(&listed) {
            return Match::Yes;
        }
        let sent = sent.join("\", \"");
        Match::No(DenialReason {
            element,
            expected: match value {
                Sent::Now => "a condition that holds now".to_owned(),
                _ if operator.is_negated() => {
                    format!("anything but \"{sent}\", which {sender} sends")
                }
                _ => format!("\"{sent}\""),
            },
            found: wanted.to_string(),
            hint: self.hint(&sent),
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

/// Returns the values of a condition with texts in place of numbers. IAM takes numbers with and without quotation marks.
fn with_quoted_numbers(values: &Value) -> Value {
    match values {
        Value::Number(number) => number.to_string().into(),
        Value::Array(list) => list.iter().map(with_quoted_numbers).collect(),
        other => other.clone(),
    }
}
