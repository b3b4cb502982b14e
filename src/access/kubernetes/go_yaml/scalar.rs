//! The type of a scalar, by the rules of `resolve.go` of `yaml.v2`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// A scalar of a known type.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum YamlScalar {
    Null,
    Bool(bool),
    Int,
    /// An integer past 63 bits.
    Large,
    Float(f64),
    Text(String),
}

/// Returns the scalar of a text with its tag, like `resolve` of `yaml.v2`, or why the text does not fit the tag.
pub(super) fn resolve(tag: Option<&str>, implicit: bool, text: &str) -> Result<YamlScalar, String> {
    let is_text = || Ok(YamlScalar::Text(text.to_owned()));
    let Some(tag) = tag else {
        return if implicit { Ok(plain(text, true)) } else { is_text() };
    };
    let mismatch = |found: YamlScalar, ok: bool| {
        if ok {
            Ok(found)
        } else {
            Err("the value is not of the type that its tag names".to_owned())
        }
    };
    match tag.strip_prefix("tag:yaml.org,2002:") {
        Some("str") => is_text(),
        Some("binary") => {
            let digits: String = text.chars().filter(|c| !"\r\n".contains(*c)).collect();
            let bytes = STANDARD
                .decode(digits)
                .map_err(|_| "the binary value is not valid base64".to_owned())?;
            Ok(YamlScalar::Text(String::from_utf8_lossy(&bytes).into_owned()))
        }
        Some("null") => {
            let found = plain(text, false);
            let ok = found == YamlScalar::Null;
            mismatch(found, ok)
        }
        Some("bool") => {
            let found = plain(text, false);
            let ok = matches!(found, YamlScalar::Bool(_));
            mismatch(found, ok)
        }
        Some("int") => {
            let found = plain(text, false);
            let ok = matches!(found, YamlScalar::Int | YamlScalar::Large);
            mismatch(found, ok)
        }
        Some("float") => {
            let found = plain(text, false);
            let ok = matches!(found, YamlScalar::Int | YamlScalar::Float(_));
            mismatch(found, ok)
        }
        Some("timestamp") => mismatch(YamlScalar::Text(text.to_owned()), is_timestamp(text)),
        _ => is_text(),
    }
}

/// Returns the scalar of a plain text without a tag. A time stays a text.
fn plain(text: &str, may_be_time: bool) -> YamlScalar {
    let is_text = || YamlScalar::Text(text.to_owned());
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return YamlScalar::Null,
        "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => {
            return YamlScalar::Bool(true);
        }
        "n" | "N" | "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => {
            return YamlScalar::Bool(false);
        }
        ".nan" | ".NaN" | ".NAN" => return YamlScalar::Float(f64::NAN),
        ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" | "-.inf" | "-.Inf" | "-.INF" => {
            return YamlScalar::Float(f64::INFINITY);
        }
        _ => {}
    }
    let float = |digits: &str| match digits.parse::<f64>() {
        Ok(number) if number.is_finite() => YamlScalar::Float(number),
        _ => is_text(),
    };
    match text.as_bytes()[0] {
        b'.' if text.contains(|c: char| !c.is_ascii_digit() && !".eE+-".contains(c)) => is_text(),
        b'.' => float(text),
        b'+' | b'-' | b'0'..=b'9' => {
            if may_be_time && is_timestamp(text) {
                return is_text();
            }
            let digits = text.replace('_', "");
            match integer(&digits) {
                Some(found) => found,
                None if is_yaml_float(&digits) => float(&digits),
                None => is_text(),
            }
        }
        _ => is_text(),
    }
}

/// Returns an integer as Go's `ParseInt` and `ParseUint` with base 0 read it.
fn integer(digits: &str) -> Option<YamlScalar> {
    let (sign, magnitude) = match digits.as_bytes().first()? {
        b'+' => ("+", &digits[1..]),
        b'-' => ("-", &digits[1..]),
        _ => ("", digits),
    };
    let lower = magnitude.to_ascii_lowercase();
    let (radix, magnitude) = match lower.as_bytes() {
        [b'0', b'x', ..] => (16, &lower[2..]),
        [b'0', b'b', ..] => (2, &lower[2..]),
        [b'0', b'o', ..] => (8, &lower[2..]),
        [b'0', _, ..] => (8, &lower[1..]),
        _ => (10, lower.as_str()),
    };
    if !magnitude.chars().all(|c| c.is_digit(radix)) {
        return None;
    }
    let number = u64::from_str_radix(magnitude, radix).ok()?;
    let small = match sign {
        "-" => number <= 1 << 63,
        _ => i64::try_from(number).is_ok(),
    };
    match (small, sign) {
        (true, _) => Some(YamlScalar::Int),
        (false, "") => Some(YamlScalar::Large),
        (false, _) => None,
    }
}

/// Returns whether a text matches `^[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?$`
fn is_yaml_float(text: &str) -> bool {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let (number, exponent) = match unsigned.split_once(['e', 'E']) {
        Some((number, exponent)) => (number, Some(exponent)),
        None => (unsigned, None),
    };
    let whole = match number.split_once('.') {
        Some(("", fraction)) => digits(fraction),
        Some((whole, fraction)) => digits(whole) && (fraction.is_empty() || digits(fraction)),
        None => digits(number),
    };
    whole && exponent.is_none_or(|e| digits(e.strip_prefix(['-', '+']).unwrap_or(e)))
}

/// Returns whether a text looks like a time: a year of four digits, a month and a day.
fn is_timestamp(text: &str) -> bool {
    let date = text.split(['T', 't', ' ']).next().unwrap_or_default();
    let parts: Vec<&str> = date.split('-').collect();
    let digits = |text: &&str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    parts.len() == 3 && parts[0].len() == 4 && parts.iter().all(digits) && parts[1..].iter().all(|part| part.len() <= 2)
}
