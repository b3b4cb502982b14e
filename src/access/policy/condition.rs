//! The conditions of a policy, evaluated for a request.
//!
//! The operators, and their results for a key that the request does not have, are those of "IAM JSON policy elements:
//! Condition operators" and "Multivalued context keys" in the IAM user guide.

use std::borrow::Cow;
use std::net::IpAddr;
use std::time::{SystemTime, UNIX_EPOCH};

use aws_smithy_types::DateTime;
use aws_smithy_types::date_time::Format;
use ipnet::IpNet;
use serde_json::Value;

use super::{DenialReason, Match, PolicyRequest, Version, texts};
use crate::access::wildcard::like;

/// What a condition operator compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum BaseOperator {
    StringEquals,
    StringEqualsIgnoreCase,
    StringLike,
    Numeric(Inequality),
    Date(Inequality),
    Bool,
    Binary,
    IpAddress,
    /// `ArnEquals` and `ArnLike` are the same.
    Arn,
    Null,
}

/// How a number or a date of a request must compare with the one of the policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Inequality {
    Equals,
    LessThan,
    LessThanEquals,
    GreaterThan,
    GreaterThanEquals,
}

impl Inequality {
    fn holds<T: PartialOrd>(self, sent: T, limit: T) -> bool {
        match self {
            Self::Equals => sent == limit,
            Self::LessThan => sent < limit,
            Self::LessThanEquals => sent <= limit,
            Self::GreaterThan => sent > limit,
            Self::GreaterThanEquals => sent >= limit,
        }
    }
}

/// Every condition operator of IAM, without its set and without `IfExists`: its name, what it compares, and whether it holds if
/// the values differ.
const OPERATORS: [(&str, BaseOperator, bool); 27] = [
    ("StringEquals", BaseOperator::StringEquals, false),
    ("StringNotEquals", BaseOperator::StringEquals, true),
    ("StringEqualsIgnoreCase", BaseOperator::StringEqualsIgnoreCase, false),
    ("StringNotEqualsIgnoreCase", BaseOperator::StringEqualsIgnoreCase, true),
    ("StringLike", BaseOperator::StringLike, false),
    ("StringNotLike", BaseOperator::StringLike, true),
    ("NumericEquals", BaseOperator::Numeric(Inequality::Equals), false),
    ("NumericNotEquals", BaseOperator::Numeric(Inequality::Equals), true),
    ("NumericLessThan", BaseOperator::Numeric(Inequality::LessThan), false),
    (
        "NumericLessThanEquals",
        BaseOperator::Numeric(Inequality::LessThanEquals),
        false,
    ),
    (
        "NumericGreaterThan",
        BaseOperator::Numeric(Inequality::GreaterThan),
        false,
    ),
    (
        "NumericGreaterThanEquals",
        BaseOperator::Numeric(Inequality::GreaterThanEquals),
        false,
    ),
    ("DateEquals", BaseOperator::Date(Inequality::Equals), false),
    ("DateNotEquals", BaseOperator::Date(Inequality::Equals), true),
    ("DateLessThan", BaseOperator::Date(Inequality::LessThan), false),
    (
        "DateLessThanEquals",
        BaseOperator::Date(Inequality::LessThanEquals),
        false,
    ),
    ("DateGreaterThan", BaseOperator::Date(Inequality::GreaterThan), false),
    (
        "DateGreaterThanEquals",
        BaseOperator::Date(Inequality::GreaterThanEquals),
        false,
    ),
    ("Bool", BaseOperator::Bool, false),
    ("BinaryEquals", BaseOperator::Binary, false),
    ("IpAddress", BaseOperator::IpAddress, false),
    ("NotIpAddress", BaseOperator::IpAddress, true),
    ("ArnEquals", BaseOperator::Arn, false),
    ("ArnLike", BaseOperator::Arn, false),
    ("ArnNotEquals", BaseOperator::Arn, true),
    ("ArnNotLike", BaseOperator::Arn, true),
    ("Null", BaseOperator::Null, false),
];

/// The set of a condition operator: how many of the values of a request must match.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ValueSet {
    ForAnyValue,
    ForAllValues,
}

/// A parsed condition operator.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Operator {
    /// Its name without its set and without `IfExists`.
    name: &'static str,
    base: BaseOperator,
    is_negated: bool,
    set: Option<ValueSet>,
    /// Whether it ends with `IfExists`.
    if_exists: bool,
}

impl Operator {
    /// Parses an operator. `None` if IAM's documentation does not have it.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (set, rest) = match text.split_once(':') {
            Some(("ForAnyValue", rest)) => (Some(ValueSet::ForAnyValue), rest),
            Some(("ForAllValues", rest)) => (Some(ValueSet::ForAllValues), rest),
            Some(_) => return None,
            None => (None, text),
        };
        let (name, if_exists) = match rest.strip_suffix("IfExists") {
            Some(name) => (name, true),
            None => (rest, false),
        };
        let (name, base, is_negated) = OPERATORS.into_iter().find(|(found, ..)| *found == name)?;
        let exists = base != BaseOperator::Null || !if_exists && set.is_none();
        exists.then_some(Self {
            name,
            base,
            is_negated,
            set,
            if_exists,
        })
    }

    /// Returns whether the operator holds if the values differ.
    pub(crate) fn is_negated(self) -> bool {
        self.is_negated
    }

    /// Returns whether the operator compares texts.
    pub(crate) fn is_of_texts(self) -> bool {
        matches!(
            self.base,
            BaseOperator::StringEquals | BaseOperator::StringEqualsIgnoreCase | BaseOperator::StringLike
        )
    }

    /// Returns whether the operator compares texts and `*` and `?` are wildcards.
    pub(crate) fn has_wildcards(self) -> bool {
        self.base == BaseOperator::StringLike
    }

    /// Returns whether the operator holds for a key that the request does not have.
    fn holds_without(self) -> bool {
        match self.set {
            _ if self.if_exists => true,
            Some(ValueSet::ForAllValues) => true,
            Some(ValueSet::ForAnyValue) => false,
            None => self.is_negated,
        }
    }

    /// Returns whether the operator is evaluated for values of this kind.
    fn is_for(self, sent: Sent<'_>) -> bool {
        match (self.base, sent) {
            // "Single-valued vs. multivalued context keys": several values need a set operator.
            (_, Sent::Several(_)) if self.set.is_none() => false,
            // `aws:EpochTime` works with numeric operators as well.
            (base, Sent::Now) => {
                matches!(base, BaseOperator::Date(_) | BaseOperator::Numeric(_))
            }
            // As a text, an address has several forms.
            (base, Sent::Address(_)) => base == BaseOperator::IpAddress,
            (BaseOperator::Arn, Sent::Arn(_) | Sent::Probably(_))
            | (BaseOperator::Bool, Sent::Bool(_))
            | (BaseOperator::Numeric(_), Sent::Number(_)) => true,
            _ => self.is_of_texts(),
        }
    }

    /// Returns whether a value of the policy matches the request's, whether or not the operator is negated.
    fn matches(self, pattern: &str, sent: &str) -> bool {
        match self.base {
            BaseOperator::StringEquals => pattern == sent,
            BaseOperator::StringEqualsIgnoreCase | BaseOperator::Bool => pattern.eq_ignore_ascii_case(sent),
            BaseOperator::StringLike => like(pattern, sent),
            BaseOperator::Arn => arn_like(pattern, sent),
            BaseOperator::IpAddress => contains_address(pattern, sent),
            BaseOperator::Numeric(inequality) => match (pattern.parse::<f64>(), sent.parse::<f64>()) {
                (Ok(limit), Ok(sent)) => inequality.holds(sent, limit),
                _ => false,
            },
            BaseOperator::Date(inequality) => match (seconds(pattern), sent.parse()) {
                (Some(limit), Ok(now)) => inequality.holds(now, limit),
                _ => false,
            },
            BaseOperator::Binary | BaseOperator::Null => false,
        }
    }

    /// Returns whether the condition holds for the values of a request, of which each is in the list of the policy or
    /// not. For one value, a set operator makes no difference.
    fn holds(self, listed: &[bool]) -> bool {
        let matches = |is_listed: &bool| *is_listed != self.is_negated;
        match self.set {
            Some(ValueSet::ForAnyValue) => listed.iter().any(matches),
            Some(ValueSet::ForAllValues) | None => listed.iter().all(matches),
        }
    }
}

/// Returns whether an ARN matches a pattern, part by part: a wildcard does not reach beyond a colon.
fn arn_like(pattern: &str, arn: &str) -> bool {
    let (patterns, parts) = (pattern.splitn(6, ':'), arn.splitn(6, ':'));
    patterns.clone().count() == parts.clone().count() && patterns.zip(parts).all(|(pattern, part)| like(pattern, part))
}

/// Returns whether a range of addresses contains another one. "IP address condition operators": a value can be one address.
fn contains_address(pattern: &str, sent: &str) -> bool {
    match (range(pattern), range(sent)) {
        (Some(pattern), Some(sent)) => pattern.contains(&sent),
        _ => false,
    }
}

/// Returns whether a range of addresses is a part of another one, and not all of it.
fn is_part_of(pattern: &str, sent: &str) -> bool {
    contains_address(sent, pattern) && !contains_address(pattern, sent)
}

fn range(text: &str) -> Option<IpNet> {
    let address = || text.parse::<IpAddr>().map(IpNet::from);
    text.parse::<IpNet>().or_else(|_| address()).ok()
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
    /// The key has an address of this range.
    Address(&'a str),
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
    pub(crate) fn texts(self) -> Vec<Cow<'a, str>> {
        match self {
            Self::Is(text) | Self::Arn(text) | Self::Probably(text) | Self::Address(text) | Self::Number(text) => {
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

/// Returns whether one condition holds. `name` is the statement's name.
pub(super) fn condition(
    name: &str,
    operator: &str,
    key: &str,
    wanted: &Value,
    request: &dyn PolicyRequest,
    version: Version,
) -> Match {
    let element = format!("{name}, {operator} on {key}");
    let quoted = with_quoted_numbers(wanted);
    let Some(patterns) = texts(&quoted) else {
        return Match::Unknown(format!("{element}: the values cannot be parsed"));
    };
    let Some(parsed) = Operator::parse(operator) else {
        return Match::Unknown(format!("{element}: the operator is unknown"));
    };
    let sent = request.value(key);
    match sent {
        Sent::Unknown => Match::Unknown(format!("{element}: the value of this key is unknown")),
        _ if parsed.base == BaseOperator::Null => match null(&patterns, sent == Sent::Absent) {
            None => Match::Unknown(format!("{element}: the values cannot be parsed")),
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
                version,
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
    operator: Operator,
    texts: Vec<&'a str>,
    version: Version,
}

impl Patterns<'_> {
    /// Returns whether the condition holds for the values that the request has.
    fn compare(&self, element: String, wanted: &Value, value: Sent<'_>, sender: &str) -> Match {
        let operator = self.operator;
        if !operator.is_for(value) {
            return Match::Unknown(format!("{element}: the operator is not evaluated for this key"));
        }
        if value == Sent::Now && self.texts.iter().any(|text| seconds(text).is_none()) {
            return Match::Unknown(format!("{element}: the values cannot be parsed"));
        }
        if let Sent::Address(sent) = value
            && self.texts.iter().any(|text| is_part_of(text, sent))
        {
            return Match::Unknown(format!("{element} lists only some addresses of {sent}"));
        }
        let is_variable = |text: &&&str| self.version.has_variable(text);
        let plain = self.texts.iter().filter(|text| !is_variable(text));
        let plain: Vec<&str> = plain.copied().collect();
        let sent = value.texts();
        let is_listed = |sent: &Cow<'_, str>| {
            let mut patterns = plain.iter();
            patterns.any(|pattern| operator.matches(pattern, sent))
        };
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
        if operator.is_negated() || !operator.is_of_texts() {
            return None;
        }
        let is_wildcard = |text: &&str| text.contains(['*', '?']) && like(text, sent);
        if !operator.has_wildcards() && self.texts.iter().any(is_wildcard) {
            return Some(format!(
                "`*` and `?` are ordinary characters under {}; only StringLike has wildcards.",
                operator.name
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

/// Returns values with quotation marks around numbers. They are optional ("Grammar of the IAM JSON policy language").
fn with_quoted_numbers(values: &Value) -> Value {
    match values {
        Value::Number(number) => number.to_string().into(),
        Value::Array(list) => list.iter().map(with_quoted_numbers).collect(),
        other => other.clone(),
    }
}
