//! Determines the value of a scalar as yaml.v3 does: a number, a boolean, a time, a text, or null.
//!
//! Its rules are neither those of YAML 1.1 nor those of 1.2: `0400` is 256 and `1_000` is 1000 as in 1.1, `0o400` is 256 as in 1.2, and
//! `yes` is a text (source: `resolve.go` of gopkg.in/yaml.v3 v3.0.1).

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::general_purpose::{GeneralPurpose, GeneralPurposeConfig};

use super::time;

/// The value of a scalar.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Scalar {
    Null,
    Bool(bool),
    Integer(i64),
    /// An integer that is greater than the greatest [`Scalar::Integer`].
    Unsigned(u64),
    Float(f64),
    /// A time as JSON writes it, in a text. An error if JSON cannot write it.
    Time(Result<String, &'static str>),
    Text(String),
}

/// Tags in their short form. Only these have a meaning: a text with another tag is still a text.
const NULL: &str = "!!null";
const BOOL: &str = "!!bool";
const INT: &str = "!!int";
const FLOAT: &str = "!!float";
const TIMESTAMP: &str = "!!timestamp";
pub(super) const STRING: &str = "!!str";
const BINARY: &str = "!!binary";
pub(super) const MERGE: &str = "!!merge";

impl Scalar {
    /// Returns the tag of the value itself.
    pub(super) fn tag(&self) -> &'static str {
        match self {
            Self::Null => NULL,
            Self::Bool(_) => BOOL,
            Self::Integer(_) | Self::Unsigned(_) => INT,
            Self::Float(_) => FLOAT,
            Self::Time(_) => TIMESTAMP,
            Self::Text(_) => STRING,
        }
    }
}

/// Returns the short form of a tag, such as `!!int` for `tag:yaml.org,2002:int`. Returns other tags unchanged.
pub(super) fn short_tag(tag: &str) -> String {
    match tag.strip_prefix("tag:yaml.org,2002:") {
        Some(name) => format!("!!{name}"),
        None => tag.to_owned(),
    }
}

/// Reads a plain scalar without a tag.
pub(super) fn plain(text: &str) -> Scalar {
    read(text, true)
}

/// Reads a scalar with an explicit tag in its short form.
///
/// # Errors
/// If the text does not have the type of the tag.
pub(super) fn tagged(tag: &str, text: &str) -> Result<Scalar, String> {
    let value = match tag {
        NULL | BOOL | INT | FLOAT => read(text, false),
        TIMESTAMP => read(text, true),
        BINARY => {
            return binary(text)
                .map(Scalar::Text)
                .ok_or_else(|| "The value of a !!binary is not base64.".to_owned());
        }
        _ => Scalar::Text(text.to_owned()),
    };
    match (tag, value) {
        #[expect(clippy::cast_precision_loss, reason = "the tag requires a float")]
        (FLOAT, Scalar::Integer(integer)) => Ok(Scalar::Float(integer as f64)),
        (NULL | BOOL | INT | FLOAT | TIMESTAMP, value) if value.tag() != tag => {
            let found = value.tag();
            Err(format!("The tag is {tag}, but the value is of type {found}."))
        }
        (_, value) => Ok(value),
    }
}

/// Resolves a plain scalar. Its first character decides which types are tried.
fn read(text: &str, may_be_time: bool) -> Scalar {
    let value = match text.bytes().next() {
        None => Some(Scalar::Null),
        Some(b'+' | b'-' | b'0'..=b'9') => special(text)
            .or_else(|| may_be_time.then(|| time::parse(text)).flatten().map(Scalar::Time))
            .or_else(|| number(text)),
        Some(b'.') => {
            special(text).or_else(|| float(text.replace('_', "").as_str()).filter(|_| has_good_underscores(text)))
        }
        Some(_) => special(text),
    };
    value.unwrap_or_else(|| Scalar::Text(text.to_owned()))
}

fn special(text: &str) -> Option<Scalar> {
    Some(match text {
        "~" | "null" | "Null" | "NULL" => Scalar::Null,
        "true" | "True" | "TRUE" => Scalar::Bool(true),
        "false" | "False" | "FALSE" => Scalar::Bool(false),
        ".nan" | ".NaN" | ".NAN" => Scalar::Float(f64::NAN),
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => Scalar::Float(f64::INFINITY),
        "-.inf" | "-.Inf" | "-.INF" => Scalar::Float(f64::NEG_INFINITY),
        _ => return None,
    })
}

/// Returns a number that begins with a digit or a sign. Underscores are ignored everywhere.
fn number(text: &str) -> Option<Scalar> {
    let text = text.replace('_', "");
    let (sign, digits) = match text.strip_prefix(['+', '-']) {
        Some(digits) => (&text[..1], digits),
        None => ("", text.as_str()),
    };
    let (radix, digits) = match digits.as_bytes() {
        [b'0', b'x' | b'X', ..] => (16, &digits[2..]),
        [b'0', b'b' | b'B', ..] => (2, &digits[2..]),
        [b'0', b'o' | b'O', ..] => (8, &digits[2..]),
        [b'0', _, ..] => (8, &digits[1..]),
        _ => (10, digits),
    };
    if digits.starts_with(|c: char| c.is_ascii_alphanumeric()) {
        if let Ok(integer) = i64::from_str_radix(&format!("{sign}{digits}"), radix) {
            return Some(Scalar::Integer(integer));
        }
        if let ("", Ok(integer)) = (sign, u64::from_str_radix(digits, radix)) {
            return Some(Scalar::Unsigned(integer));
        }
    }
    float(&text).or_else(|| {
        // yaml.v3 tries these two again on its own, and then accepts a sign after the prefix.
        let (sign, digits) = match text.strip_prefix('-') {
            Some(digits) => ("-", digits),
            None => ("", text.as_str()),
        };
        let (radix, digits) = match digits.get(..2)? {
            "0b" => (2, &digits[2..]),
            "0o" => (8, &digits[2..]),
            _ => return None,
        };
        let integer = i64::from_str_radix(&format!("{sign}{digits}"), radix);
        integer.ok().map(Scalar::Integer)
    })
}

/// Returns a decimal number with a point or an exponent, or with more digits than an integer has. A number that is too
/// large for a float is not a number.
fn float(text: &str) -> Option<Scalar> {
    let is_decimal = text.bytes().all(|b| b.is_ascii_digit() || b"+-.eE".contains(&b));
    let float = text.parse::<f64>().ok().filter(|_| is_decimal)?;
    float.is_finite().then_some(Scalar::Float(float))
}

/// Returns whether a float that begins with a point has underscores only between two digits, which is Go's rule.
fn has_good_underscores(text: &str) -> bool {
    let is_digit = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_digit);
    let bytes = text.as_bytes();
    bytes
        .iter()
        .enumerate()
        .all(|(at, byte)| *byte != b'_' || (at > 0 && is_digit(bytes.get(at - 1)) && is_digit(bytes.get(at + 1))))
}

/// Decodes base64 into the text that JSON writes: each byte that is not UTF-8 becomes a replacement character.
fn binary(text: &str) -> Option<String> {
    /// The alphabet and options of Go's decoder, which ignores unused bits at the end.
    const BASE64: GeneralPurpose = GeneralPurpose::new(
        &STANDARD,
        GeneralPurposeConfig::new().with_decode_allow_trailing_bits(true),
    );
    let bytes = BASE64.decode(text.replace(['\r', '\n'], "")).ok()?;
    Some(
        bytes
            .utf8_chunks()
            .flat_map(|chunk| {
                let invalid = chunk.invalid().iter().map(|_| char::REPLACEMENT_CHARACTER);
                chunk.valid().chars().chain(invalid).collect::<Vec<_>>()
            })
            .collect(),
    )
}
