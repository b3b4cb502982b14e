//! MessagePack, byte for byte as go-cty writes it, and messages that are not values.

use terraform_plugin_server::codec::{decode, encode};
use terraform_plugin_server::{Number, Refinements, Type, Value};

fn ty(json: &str) -> Type {
    serde_json::from_str(json).unwrap()
}

fn number(text: &str) -> Value {
    Number::parse(text).unwrap().into()
}

fn list(elements: impl IntoIterator<Item = Value>) -> Value {
    Value::List(elements.into_iter().collect())
}

fn refined(refinements: Refinements) -> Value {
    Value::Unknown(Some(Box::new(refinements)))
}

/// Encodes and decodes each value of a type, and compares the result with the bytes that go-cty writes.
fn assert_encoded(cases: Vec<(&str, Value, Vec<u8>)>) {
    for (json, value, bytes) in cases {
        assert_eq!(encode(&value, &ty(json)).unwrap(), bytes, "{value:?}");
        assert_eq!(decode(&bytes, &ty(json)).unwrap(), value, "{value:?}");
    }
}

#[test]
fn primitive_values_have_the_bytes_of_go_cty() {
    assert_encoded(vec![
        (r#""string""#, Value::Null, b"\xc0".to_vec()),
        (r#""string""#, Value::unknown(), b"\xd4\x00\x00".to_vec()),
        (r#""string""#, "".into(), b"\xa0".to_vec()),
        (r#""string""#, "hi".into(), b"\xa2hi".to_vec()),
        (
            r#""string""#,
            "x".repeat(32).into(),
            [b"\xd9\x20", &[b'x'; 32][..]].concat(),
        ),
        (r#""bool""#, true.into(), b"\xc3".to_vec()),
        (r#""bool""#, false.into(), b"\xc2".to_vec()),
        (r#""number""#, number("0"), b"\x00".to_vec()),
        (r#""number""#, number("-1"), b"\xff".to_vec()),
        (r#""number""#, number("127"), b"\x7f".to_vec()),
        (r#""number""#, number("200"), b"\xcc\xc8".to_vec()),
        (
            r#""number""#,
            number("9007199254740993"),
            b"\xcf\x00\x20\x00\x00\x00\x00\x00\x01".to_vec(),
        ),
        (
            r#""number""#,
            number("0.5"),
            b"\xcb\x3f\xe0\x00\x00\x00\x00\x00\x00".to_vec(),
        ),
        (r#""number""#, number("0.1"), b"\xa30.1".to_vec()),
        (
            r#""number""#,
            number("0.1234567890123456789"),
            b"\xb50.1234567890123456789".to_vec(),
        ),
        (
            r#""number""#,
            number("9223372036854775808"),
            b"\xb39223372036854775808".to_vec(),
        ),
        (
            r#""number""#,
            number("-1e23"),
            b"\xb9-100000000000000000000000".to_vec(),
        ),
    ]);
}

#[test]
fn collections_and_dynamic_values_have_the_bytes_of_go_cty() {
    assert_encoded(vec![
        (
            r#"["list","bool"]"#,
            list([true.into(), Value::unknown()]),
            b"\x92\xc3\xd4\x00\x00".to_vec(),
        ),
        (r#"["set","string"]"#, list(["a".into()]), b"\x91\xa1a".to_vec()),
        (
            r#"["tuple",["string","bool"]]"#,
            list(["a".into(), Value::Null]),
            b"\x92\xa1a\xc0".to_vec(),
        ),
        (
            r#"["map","bool"]"#,
            Value::object([("k", true.into())]),
            b"\x81\xa1k\xc3".to_vec(),
        ),
        (
            r#"["object",{"a":"string","b":"bool"}]"#,
            Value::object([("a", "x".into()), ("b", Value::Null)]),
            b"\x82\xa1a\xa1x\xa1b\xc0".to_vec(),
        ),
        (r#""dynamic""#, Value::Null, b"\xc0".to_vec()),
        (
            r#""dynamic""#,
            Value::dynamic(Type::String, "x".into()),
            b"\x92\xc4\x08\"string\"\xa1x".to_vec(),
        ),
        (
            r#""dynamic""#,
            Value::dynamic(Type::Bool, Value::Null),
            b"\x92\xc4\x06\"bool\"\xc0".to_vec(),
        ),
    ]);
}

#[test]
fn refinements_have_the_bytes_of_go_cty() {
    let not_null = Refinements {
        nullable: Some(false),
        ..Default::default()
    };
    assert_encoded(vec![
        (
            r#""string""#,
            refined(not_null.clone()),
            b"\xc7\x03\x0c\x81\x01\xc2".to_vec(),
        ),
        (
            r#""string""#,
            refined(Refinements {
                prefix: Some("foo".to_owned()),
                ..not_null.clone()
            }),
            b"\xd7\x0c\x82\x01\xc2\x02\xa3foo".to_vec(),
        ),
        (
            r#""number""#,
            refined(Refinements {
                lower: Some((Number::from(5_i64), true)),
                upper: Some((Number::parse("0.1").unwrap(), false)),
                ..not_null.clone()
            }),
            b"\xc7\x0e\x0c\x83\x01\xc2\x03\x92\x05\xc3\x04\x92\xa30.1\xc2".to_vec(),
        ),
        (
            r#"["list","string"]"#,
            refined(Refinements {
                min_length: Some(1),
                max_length: Some(300),
                ..not_null
            }),
            b"\xc7\x09\x0c\x83\x01\xc2\x05\x01\x06\xcd\x01\x2c".to_vec(),
        ),
    ]);
}

#[test]
fn other_encodings_of_a_value_are_decoded_too() {
    for (json, bytes, value) in [
        // Any extension is an unknown value. Refinements that are not a map, too large, or of another
        // type are ignored.
        (r#""string""#, &b"\xd4\x07\x01"[..], Value::unknown()),
        (r#""string""#, b"\xc7\x00\x00", Value::unknown()),
        (r#"["object",{"a":"bool"}]"#, b"\xd4\x00\x00", Value::unknown()),
        (r#""string""#, b"\xd4\x0c\x80", Value::unknown()),
        (r#""string""#, b"\xd4\x0c\xc0", Value::unknown()),
        (r#""string""#, b"\xc7\x03\x0c\x81\x05\x01", Value::unknown()),
        // An unknown key is skipped with its value.
        (
            r#""string""#,
            b"\xc7\x0c\x0c\x82\x63\x92\x81\xa1x\xc0\xd4\x01\x00\x01\xc2",
            refined(Refinements {
                nullable: Some(false),
                ..Default::default()
            }),
        ),
        (r#""string""#, b"\xd9\x01x", "x".into()),
        (r#""string""#, b"\xda\x00\x01x", "x".into()),
        (r#""string""#, b"\xdb\x00\x00\x00\x01x", "x".into()),
        (r#""string""#, b"\xc4\x01x", "x".into()),
        (r#""string""#, b"\xc5\x00\x01x", "x".into()),
        (r#""string""#, b"\xc6\x00\x00\x00\x01x", "x".into()),
        (r#""string""#, b"\xa3e\xcc\x81", "e\u{301}".into()),
        (r#""number""#, b"\xd3\xff\xff\xff\xff\xff\xff\xff\xff", number("-1")),
        (
            r#""number""#,
            b"\xcf\xff\xff\xff\xff\xff\xff\xff\xff",
            number("18446744073709551615"),
        ),
        (r#""number""#, b"\xca\x3f\x80\x00\x00", number("1")),
        (r#""number""#, b"\xcb\xc0\x00\x00\x00\x00\x00\x00\x00", number("-2")),
        (r#""number""#, b"\xa71.50e+1", number("15")),
        (r#"["list","bool"]"#, b"\xdd\x00\x00\x00\x01\xc3", list([true.into()])),
        (
            r#"["map","bool"]"#,
            b"\xde\x00\x01\xd9\x01k\xc3",
            Value::object([("k", true.into())]),
        ),
        (
            r#""dynamic""#,
            b"\x92\xa8\"string\"\xa1x",
            Value::dynamic(Type::String, "x".into()),
        ),
        (r#""dynamic""#, b"\x92\xc4\x09\"dynamic\"\xc0", Value::Null),
    ] {
        assert_eq!(decode(bytes, &ty(json)), Ok(value), "{bytes:x?}");
    }
}

#[test]
fn refinements_of_more_than_1024_bytes_are_dropped() {
    let long = refined(Refinements {
        prefix: Some("x".repeat(2000)),
        ..Default::default()
    });
    assert_eq!(encode(&long, &Type::String).unwrap(), b"\xd4\x00\x00");

    let body = [b"\x81\x02\xda\x07\xd0", &[b'x'; 2000][..]].concat();
    let bytes = [b"\xc8\x07\xd5\x0c", &body[..]].concat();
    assert_eq!(decode(&bytes, &Type::String), Ok(Value::unknown()));
}

#[test]
fn objects_are_encoded_with_all_attributes_and_strings_are_not_normalized() {
    let object = ty(r#"["object",{"a":"string","b":["object",{"c":"bool"}]}]"#);
    let value = Value::object([("b", Value::object([]))]);
    assert_eq!(encode(&value, &object).unwrap(), b"\x82\xa1a\xc0\xa1b\x81\xa1c\xc0");
    assert_eq!(encode(&"e\u{301}".into(), &Type::String).unwrap(), b"\xa3e\xcc\x81");
    // Unicode 17 defines an order for this pair, which the tables of Terraform do not have yet.
    let text = Value::from("a\u{358}\u{1ae0}");
    let bytes = encode(&text, &Type::String).unwrap();
    assert_eq!(bytes, "\u{a6}a\u{358}\u{1ae0}".as_bytes()[1..]);
    assert_eq!(decode(&bytes, &Type::String), Ok(text));
}

/// Decodes each message, which is not a value of the type, and compares the error.
fn assert_refused(cases: &[(&str, &[u8], &str)]) {
    for (json, bytes, error) in cases {
        let found = decode(bytes, &ty(json)).unwrap_err();
        assert_eq!(found.to_string(), *error, "{bytes:x?}");
    }
}

#[test]
fn messages_that_are_not_primitive_values_are_refused() {
    assert_refused(&[
        (r#""string""#, b"", "the message ends in the middle of a value"),
        (r#""string""#, b"\xa2h", "the message ends in the middle of a value"),
        (r#""string""#, b"\xa1x\xc0", "1 bytes follow the value"),
        (r#""string""#, b"\xa1\xff", "the string is not valid UTF-8"),
        (r#""string""#, b"\x01", "expected a string, found a number"),
        (r#""string""#, b"\xc1", "expected a string, found a reserved byte"),
        (r#""bool""#, b"\xa4true", "expected a boolean, found a string"),
        (r#""number""#, b"\xa1x", "not a number in decimal notation"),
        (r#""number""#, b"\xa91e9999999", "a number of more than 10000 digits"),
        (
            r#""number""#,
            b"\xcb\x7f\xf8\x00\x00\x00\x00\x00\x00",
            "the number is not finite",
        ),
        (r#""number""#, b"\x90", "expected a number, found an array"),
    ]);
}

#[test]
fn messages_that_are_not_collections_are_refused() {
    assert_refused(&[
        (r#"["list","bool"]"#, b"\x80", "expected an array, found a map"),
        (
            r#"["list","bool"]"#,
            b"\x92\xc3\xa0",
            "[1]: expected a boolean, found a string",
        ),
        (
            r#"["list","bool"]"#,
            b"\xdd\xff\xff\xff\xff\xc3",
            "the message ends in the middle of a value",
        ),
        (
            r#"["map","bool"]"#,
            b"\xdf\x7f\xff\xff\xff\xa0\xc3",
            "the message ends in the middle of a value",
        ),
        (
            r#""string""#,
            b"\xdb\xff\xff\xff\xffx",
            "the message ends in the middle of a value",
        ),
        (r#"["tuple",["bool"]]"#, b"\x90", "expected 1 elements, found 0"),
        (r#"["map","bool"]"#, b"\x82\xa1k\xc3\xa1k\xc3", "[\"k\"]: duplicate key"),
        (r#"["map","bool"]"#, b"\x81\xc0\xc3", "expected a string, found null"),
    ]);
}

#[test]
fn messages_that_are_not_objects_or_dynamic_values_are_refused() {
    let object = r#"["object",{"a":["list",["object",{"b":"string"}]],"m":["map","bool"]}]"#;
    assert_refused(&[
        (object, b"\x81\xa1a\xc0", "m: the attribute is missing"),
        (object, b"\x82\xa1a\xc0\xa1x\xc0", "x: the attribute does not exist"),
        (object, b"\x82\xa1a\xc0\xa1a\xc0", "a: duplicate attribute"),
        (
            object,
            b"\x82\xa1a\x91\x81\xa1b\xc3\xa1m\xc0",
            "a[0].b: expected a string, found a boolean",
        ),
        (
            object,
            b"\x82\xa1a\xc0\xa1m\x81\xa1k\x01",
            "m[\"k\"]: expected a boolean, found a number",
        ),
        (r#""dynamic""#, b"\xa1x", "expected an array, found a string"),
        (
            r#""dynamic""#,
            b"\x91\xc0",
            "a dynamic value must be an array of a type and a value",
        ),
        (
            r#""dynamic""#,
            b"\x92\xa1x\xc0",
            "the type of a dynamic value: expected value at line 1 column 1",
        ),
    ]);
}

#[test]
fn values_that_nest_too_deep_are_refused() {
    // Dynamic values within dynamic values, each with the type "a list of dynamic values".
    let deep = |levels: usize| {
        let level = b"\x92\xb2[\"list\",\"dynamic\"]\x91";
        [level.repeat(levels), b"\xc0".to_vec()].concat()
    };
    assert!(decode(&deep(40), &Type::Dynamic).is_ok());
    let error = decode(&deep(100_000), &Type::Dynamic).unwrap_err();
    assert!(error.to_string().contains("deeper than"), "{error}");

    let ty = (0..200).fold(Type::Bool, |ty, _| Type::List(Box::new(ty)));
    let value = (0..200).fold(Value::Null, |value, _| Value::List(vec![value]));
    assert!(encode(&value, &ty).unwrap_err().to_string().contains("deeper than"));
}

#[test]
fn values_of_another_type_are_not_encoded() {
    for (json, value, error) in [
        (r#""string""#, Value::Bool(true), "expected string, found a boolean"),
        (
            r#"["list","bool"]"#,
            list(["x".into()]),
            "[0]: expected bool, found a string",
        ),
        (r#"["tuple",["bool"]]"#, list([]), "expected tuple, found a list"),
        (r#""dynamic""#, "x".into(), "expected dynamic, found a string"),
        (
            r#"["object",{}]"#,
            Value::object([("a", Value::Null)]),
            "a: the attribute does not exist",
        ),
    ] {
        let found = encode(&value, &ty(json)).unwrap_err();
        assert_eq!(found.to_string(), error);
    }
}
