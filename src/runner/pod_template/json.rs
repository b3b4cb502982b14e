//! Reading and comparing JSON texts.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;
use serde_json::{Map, Value};
use unicode_normalization::UnicodeNormalization;

use crate::runner::Invalid;
use crate::runner::invalid::quoted;

const SUMMARY: &str = "Invalid pod_template";

/// Reads the text of a pod template, which must be a JSON object.
///
/// A duplicate field is refused, as by strict decoding. A whole number that is written with a fraction or an exponent
/// (`1.0`) becomes a plain one, because Kubernetes accepts no other form.
///
/// # Errors
/// What is wrong, with line and column if the text is not JSON.
pub fn parse(text: &str) -> Result<Map<String, Value>, Invalid> {
    const EXPECTED: &str = "Use a JSON object with the fields of a Kubernetes PodTemplateSpec: \
        jsonencode({ spec = { … } }), or remove pod_template.";
    let found = match serde_json::from_str(text) {
        Ok(Strict(Value::Object(template))) => return Ok(template),
        Ok(Strict(other)) => format!("It is {}, not an object", kind(&other)),
        Err(_) if text.trim().is_empty() => "It is empty".to_owned(),
        Err(error) => format!("It cannot be read as JSON: {error}"),
    };
    Err(Invalid {
        summary: SUMMARY,
        detail: format!("{found}. {EXPECTED}"),
    })
}

/// Returns the type of a JSON value, with its article.
pub(super) fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

/// A JSON value in which no object has duplicate fields.
struct Strict(Value);

impl<'de> Deserialize<'de> for Strict {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(StrictVisitor).map(Self)
    }
}

struct StrictVisitor;

impl<'de> Visitor<'de> for StrictVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_i64<E>(self, value: i64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_u64<E>(self, value: u64) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_f64<E>(self, value: f64) -> Result<Value, E> {
        // Above 2^53, a float cannot represent every whole number, so it stays a float.
        const EXACT: f64 = 9_007_199_254_740_992.0;
        if value.fract() == 0.0 && value.abs() < EXACT {
            #[expect(clippy::cast_possible_truncation, reason = "the value is whole and in range")]
            return Ok((value as i64).into());
        }
        Ok(value.into())
    }

    fn visit_str<E>(self, value: &str) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_string<E>(self, value: String) -> Result<Value, E> {
        Ok(value.into())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut array = Vec::new();
        while let Some(Strict(item)) = items.next_element()? {
            array.push(item);
        }
        Ok(Value::Array(array))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some(name) = fields.next_key::<String>()? {
            if object.contains_key(&name) {
                return Err(A::Error::custom(format_args!(
                    "the field {} appears twice",
                    quoted(&name)
                )));
            }
            let Strict(value) = fields.next_value()?;
            object.insert(name, value);
        }
        Ok(Value::Object(object))
    }
}

/// Returns whether two texts are the same JSON value. White space, the order of fields, escapes, and Unicode
/// normalization in strings, and the spelling of numbers (`1`, `1.0`, `1e0`) make no difference. A text that is not JSON
/// for [`parse`] equals only itself.
#[must_use]
pub fn equal(a: &str, b: &str) -> bool {
    // The strict reading limits the depth of the values that are then compared.
    let is_json = |text| serde_json::from_str::<Strict>(text).is_ok();
    a == b || (is_json(a) && is_json(b) && is_same(a.trim(), b.trim()))
}

/// Compares the texts, because large numbers lose their last digits in a `Value`.
fn is_same(a: &str, b: &str) -> bool {
    match (a.as_bytes().first(), b.as_bytes().first()) {
        (Some(b'{'), Some(b'{')) => {
            type Fields<'a> = BTreeMap<String, &'a RawValue>;
            let (Ok(a), Ok(b)) = (
                serde_json::from_str::<Fields<'_>>(a),
                serde_json::from_str::<Fields<'_>>(b),
            ) else {
                return false;
            };
            a.len() == b.len()
                && a.iter()
                    .zip(&b)
                    .all(|(a, b)| a.0 == b.0 && is_same(a.1.get(), b.1.get()))
        }
        (Some(b'['), Some(b'[')) => {
            let (Ok(a), Ok(b)) = (
                serde_json::from_str::<Vec<&RawValue>>(a),
                serde_json::from_str::<Vec<&RawValue>>(b),
            ) else {
                return false;
            };
            a.len() == b.len() && a.iter().zip(&b).all(|(a, b)| is_same(a.get(), b.get()))
        }
        (Some(b'"'), Some(b'"')) => match (serde_json::from_str::<String>(a), serde_json::from_str::<String>(b)) {
            (Ok(a), Ok(b)) => a == b || a.nfc().eq(b.nfc()),
            _ => false,
        },
        (Some(b'-' | b'0'..=b'9'), Some(b'-' | b'0'..=b'9')) => match (decimal(a), decimal(b)) {
            (Some(a), Some(b)) => a == b,
            _ => a == b,
        },
        // null, true, false, or two different types.
        _ => a == b,
    }
}

/// Returns the sign of a JSON number, its digits without leading and trailing zeros, and its power of ten. `None` if the
/// exponent does not fit into 64 bits.
fn decimal(text: &str) -> Option<(bool, String, i64)> {
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        None => (text, 0),
        Some((mantissa, exponent)) => (mantissa, exponent.parse::<i64>().ok()?),
    };
    let (negative, mantissa) = match mantissa.strip_prefix('-') {
        None => (false, mantissa),
        Some(mantissa) => (true, mantissa),
    };
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let digits = format!("{whole}{fraction}");
    let significant = digits.trim_end_matches('0');
    let dropped = i64::try_from(digits.len() - significant.len()).ok()?;
    let exponent = exponent
        .checked_sub(i64::try_from(fraction.len()).ok()?)?
        .checked_add(dropped)?;
    match significant.trim_start_matches('0') {
        "" => Some((false, String::new(), 0)),
        significant => Some((negative, significant.to_owned(), exponent)),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    #[test]
    fn an_object_is_parsed() {
        let template = parse(r#" {"spec": {"priority": 1.0, "x": [1e2, -0.5, null, "é"]}} "#);
        assert_eq!(
            Value::Object(template.unwrap()),
            json!({"spec": {"priority": 1, "x": [100, -0.5, null, "é"]}})
        );
    }

    #[test]
    fn texts_that_are_not_objects_are_refused_with_the_position() {
        for (text, reason) in [
            ("", "It is empty"),
            (" \n", "It is empty"),
            ("null", "It is null, not an object"),
            ("[]", "It is a list, not an object"),
            ("\"{}\"", "It is a string, not an object"),
            ("1", "It is a number"),
            ("true", "It is a boolean"),
            ("spec:\n  containers: []", "at line 1 column 1"),
            ("{\n  \"spec\": {},\n}", "at line 3 column 1"),
            ("{\"a\": 1} x", "trailing characters at line 1 column 10"),
            (
                "{\"a\": 1,\n \"a\": 2}",
                "the field \"a\" appears twice at line 2 column 4",
            ),
            (
                "{\"s\": [{\"a\\u0062\": 1, \"ab\": 1}]}",
                "the field \"ab\" appears twice at line 1",
            ),
        ] {
            let invalid = parse(text).expect_err(text);
            assert_eq!(invalid.summary, "Invalid pod_template");
            assert!(invalid.detail.contains(reason), "{text}: {invalid}");
            assert!(invalid.detail.contains("jsonencode"), "{invalid}");
        }
    }

    #[test]
    fn deep_nesting_is_refused() {
        let deep = "{\"a\":".repeat(100_000);
        assert!(parse(&deep).unwrap_err().detail.contains("recursion limit exceeded"));
        assert!(!equal(&deep, &format!(" {deep}")));
    }

    #[test]
    fn spellings_of_one_value_are_equal() {
        for (a, b) in [
            ("{}", " { }\n"),
            (r#"{"a":1,"b":[true,null]}"#, "{ \"b\": [ true, null ],\n\t\"a\": 1 }"),
            (r#"{"a":"é/\"\n"}"#, r#"{"\u0061":"\u00e9\/\u0022\u000a"}"#),
            (r#""\ud83d\ude00""#, "\"😀\""),
            ("1", "1.0"),
            ("1", "1e0"),
            ("100", "1E+2"),
            ("0.05", "5e-2"),
            ("-0", "0.0"),
            ("0e99", "0"),
            ("12345678901234567890123", "1.2345678901234567890123e22"),
            ("9007199254740993", "9007199254740993.0"),
        ] {
            assert!(equal(a, b), "{a} {b}");
            assert!(equal(b, a), "{b} {a}");
        }
    }

    #[test]
    fn different_values_are_not_equal() {
        for (a, b) in [
            ("{}", "[]"),
            ("{}", "null"),
            ("1", "\"1\""),
            ("1", "true"),
            ("1", "-1"),
            ("10", "1"),
            ("0.1", "1"),
            ("1", "1.0000000000000000000001"),
            ("9007199254740993", "9007199254740992"),
            ("9007199254740993", "9007199254740992.0"),
            ("12345678901234567890123", "12345678901234567890124"),
            ("1e-9223372036854775808", "1e-9223372036854775809"),
            ("[1,2]", "[2,1]"),
            ("[1]", "[1,1]"),
            (r#"{"a":null}"#, "{}"),
            (r#"{"a":1}"#, r#"{"b":1}"#),
            (r#"{"a":"x"}"#, r#"{"a":"X"}"#),
        ] {
            assert!(!equal(a, b), "{a} {b}");
            assert!(!equal(b, a), "{b} {a}");
        }
    }

    #[test]
    fn a_text_that_is_not_json_equals_only_itself() {
        assert!(equal("{", "{"));
        assert!(equal("", ""));
        assert!(!equal("{", "{ "));
        assert!(!equal("", "{}"));
        assert!(!equal(r#"{"a":1,"a":1}"#, r#"{"a":1, "a":1}"#));
    }

    fn any_json() -> impl Strategy<Value = Value> {
        let leaf = prop_oneof![
            Just(Value::Null),
            any::<bool>().prop_map(Value::from),
            any::<i64>().prop_map(Value::from),
            any::<u64>().prop_map(Value::from),
            any::<f64>().prop_map(Value::from),
            any::<String>().prop_map(Value::from),
        ];
        leaf.prop_recursive(4, 32, 5, |inner| {
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
                prop::collection::btree_map(any::<String>(), inner, 0..5)
                    .prop_map(|map| Value::Object(map.into_iter().collect())),
            ]
        })
    }

    /// The value with its fields in reverse order, every character escaped and every number with
    /// an exponent.
    fn respelled(value: &Value) -> String {
        let string = |text: &str| {
            let units = text.encode_utf16().map(|unit| format!("\\u{unit:04x}"));
            format!("\"{}\"", units.collect::<String>())
        };
        match value {
            Value::Number(number) => {
                let text = number.to_string();
                if text.contains(['e', 'E']) {
                    text
                } else {
                    format!("{text}e0")
                }
            }
            Value::String(text) => string(text),
            Value::Array(items) => {
                let items: Vec<_> = items.iter().map(respelled).collect();
                format!("[ {} ]", items.join(" ,\n"))
            }
            Value::Object(fields) => {
                let fields: Vec<_> = fields
                    .iter()
                    .rev()
                    .map(|(name, value)| format!("{} :\t{}", string(name), respelled(value)))
                    .collect();
                format!("{{\r\n{}}}", fields.join(","))
            }
            other => other.to_string(),
        }
    }

    proptest! {
        #[test]
        fn any_value_equals_its_other_spellings(value in any_json()) {
            let pretty = serde_json::to_string_pretty(&value).unwrap();
            prop_assert!(equal(&value.to_string(), &pretty));
            prop_assert!(equal(&respelled(&value), &pretty), "{} {}", respelled(&value), pretty);
        }

        #[test]
        fn values_that_differ_are_not_equal(a in any_json(), b in any_json()) {
            prop_assert_eq!(equal(&a.to_string(), &b.to_string()), a == b);
        }

        #[test]
        fn any_text_is_read_or_refused(text in any::<String>()) {
            let _ = parse(&text);
        }
    }
}
