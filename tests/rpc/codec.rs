//! Values on the wire, byte for byte as go-cty writes them, and what is no value.

use terraform_provider_platform_orchestrator::plugin::codec::{
    Undefined, decode, decode_json, encode,
};
use terraform_provider_platform_orchestrator::plugin::{Number, Refinements, Type, Value};

fn ty(json: &str) -> Type {
    serde_json::from_str(json).unwrap()
}

fn number(text: &str) -> Value {
    Number::parse(text).unwrap().into()
}

fn refined(refinements: Refinements) -> Value {
    Value::Unknown(Some(Box::new(refinements)))
}

fn list(elements: impl IntoIterator<Item = Value>) -> Value {
    Value::List(elements.into_iter().collect())
}

#[test]
fn values_have_the_bytes_of_go_cty() {
    let not_null = Refinements {
        nullable: Some(false),
        ..Default::default()
    };
    let cases: Vec<(&str, Value, Vec<u8>)> = vec![
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
        (
            r#"["list","bool"]"#,
            list([true.into(), Value::unknown()]),
            b"\x92\xc3\xd4\x00\x00".to_vec(),
        ),
        (
            r#"["set","string"]"#,
            list(["a".into()]),
            b"\x91\xa1a".to_vec(),
        ),
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
    ];
    for (json, value, bytes) in cases {
        assert_eq!(encode(&value, &ty(json)).unwrap(), bytes, "{value:?}");
        assert_eq!(decode(&bytes, &ty(json)).unwrap(), value, "{value:?}");
    }
}

#[test]
fn other_spellings_of_a_value_are_read_too() {
    for (json, bytes, value) in [
        // Any extension is an unknown value; refinements that are no map, too large or for another
        // type say nothing.
        (r#""string""#, &b"\xd4\x07\x01"[..], Value::unknown()),
        (r#""string""#, b"\xc7\x00\x00", Value::unknown()),
        (
            r#"["object",{"a":"bool"}]"#,
            b"\xd4\x00\x00",
            Value::unknown(),
        ),
        (r#""string""#, b"\xd4\x0c\x80", Value::unknown()),
        (r#""string""#, b"\xd4\x0c\xc0", Value::unknown()),
        (r#""string""#, b"\xc7\x03\x0c\x81\x05\x01", Value::unknown()),
        // An unknown key is skipped, whatever it holds.
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
        (
            r#""number""#,
            b"\xd3\xff\xff\xff\xff\xff\xff\xff\xff",
            number("-1"),
        ),
        (
            r#""number""#,
            b"\xcf\xff\xff\xff\xff\xff\xff\xff\xff",
            number("18446744073709551615"),
        ),
        (r#""number""#, b"\xca\x3f\x80\x00\x00", number("1")),
        (
            r#""number""#,
            b"\xcb\xc0\x00\x00\x00\x00\x00\x00\x00",
            number("-2"),
        ),
        (r#""number""#, b"\xa71.50e+1", number("15")),
        (
            r#"["list","bool"]"#,
            b"\xdd\x00\x00\x00\x01\xc3",
            list([true.into()]),
        ),
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
fn an_object_is_written_whole_and_texts_as_they_are() {
    let object = ty(r#"["object",{"a":"string","b":["object",{"c":"bool"}]}]"#);
    let value = Value::object([("b", Value::object([]))]);
    assert_eq!(
        encode(&value, &object).unwrap(),
        b"\x82\xa1a\xc0\xa1b\x81\xa1c\xc0"
    );
    assert_eq!(
        encode(&"e\u{301}".into(), &Type::String).unwrap(),
        b"\xa3e\xcc\x81"
    );
    // Unicode 17 gave this pair an order, which Terraform's tables do not know yet.
    let text = Value::from("a\u{358}\u{1ae0}");
    let bytes = encode(&text, &Type::String).unwrap();
    assert_eq!(bytes, "\u{a6}a\u{358}\u{1ae0}".as_bytes()[1..]);
    assert_eq!(decode(&bytes, &Type::String), Ok(text));
}

#[test]
fn what_is_no_value_is_refused_with_its_place() {
    let object = r#"["object",{"a":["list",["object",{"b":"string"}]],"m":["map","bool"]}]"#;
    for (json, bytes, error) in [
        (
            r#""string""#,
            &b""[..],
            "the message ends in the middle of a value",
        ),
        (
            r#""string""#,
            b"\xa2h",
            "the message ends in the middle of a value",
        ),
        (r#""string""#, b"\xa1x\xc0", "1 bytes follow the value"),
        (r#""string""#, b"\xa1\xff", "not UTF-8"),
        (r#""string""#, b"\x01", "expected a string, found a number"),
        (
            r#""string""#,
            b"\xc1",
            "expected a string, found no msgpack",
        ),
        (
            r#""bool""#,
            b"\xa4true",
            "expected a boolean, found a string",
        ),
        (r#""number""#, b"\xa1x", "not a number in decimal notation"),
        (
            r#""number""#,
            b"\xa91e9999999",
            "a number of more than 10000 digits",
        ),
        (
            r#""number""#,
            b"\xcb\x7f\xf8\x00\x00\x00\x00\x00\x00",
            "not a finite number",
        ),
        (r#""number""#, b"\x90", "expected a number, found an array"),
        (
            r#"["list","bool"]"#,
            b"\x80",
            "expected an array, found a map",
        ),
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
        (
            r#"["tuple",["bool"]]"#,
            b"\x90",
            "1 elements were expected, not 0",
        ),
        (
            r#"["map","bool"]"#,
            b"\x82\xa1k\xc3\xa1k\xc3",
            "[\"k\"]: this key is there twice",
        ),
        (
            r#"["map","bool"]"#,
            b"\x81\xc0\xc3",
            "expected a string, found null",
        ),
        (object, b"\x81\xa1a\xc0", "m: this attribute is missing"),
        (
            object,
            b"\x82\xa1a\xc0\xa1x\xc0",
            "x: there is no such attribute",
        ),
        (
            object,
            b"\x82\xa1a\xc0\xa1a\xc0",
            "a: this attribute is there twice",
        ),
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
        (
            r#""dynamic""#,
            b"\xa1x",
            "expected an array, found a string",
        ),
        (
            r#""dynamic""#,
            b"\x91\xc0",
            "a dynamic value is a pair of a type and a value",
        ),
        (
            r#""dynamic""#,
            b"\x92\xa1x\xc0",
            "the type of a dynamic value: expected value at line 1 column 1",
        ),
    ] {
        let found = decode(bytes, &ty(json)).unwrap_err();
        assert_eq!(found.to_string(), error, "{bytes:x?}");
    }
}

#[test]
fn what_nests_too_deep_is_refused() {
    // Dynamic values within dynamic values, each with the type "a list of dynamic values".
    let deep = |levels: usize| {
        let level = b"\x92\xb2[\"list\",\"dynamic\"]\x91";
        [level.repeat(levels), b"\xc0".to_vec()].concat()
    };
    assert!(decode(&deep(40), &Type::Dynamic).is_ok());
    let error = decode(&deep(100_000), &Type::Dynamic).unwrap_err();
    assert!(error.to_string().contains("deeper than"), "{error}");

    let json = format!(
        "{}null{}",
        r#"{"type":["list","dynamic"],"value":["#.repeat(60),
        "]}".repeat(60)
    );
    let error = decode_json(json.as_bytes(), &Type::Dynamic, Undefined::Refuse).unwrap_err();
    assert!(error.to_string().contains("deeper than"), "{error}");

    let ty = (0..200).fold(Type::Bool, |ty, _| Type::List(Box::new(ty)));
    let value = (0..200).fold(Value::Null, |value, _| Value::List(vec![value]));
    assert!(
        encode(&value, &ty)
            .unwrap_err()
            .to_string()
            .contains("deeper than")
    );
}

#[test]
fn a_value_of_another_type_is_not_written() {
    for (json, value, error) in [
        (
            r#""string""#,
            Value::Bool(true),
            "expected string, found a boolean",
        ),
        (
            r#"["list","bool"]"#,
            list(["x".into()]),
            "[0]: expected bool, found a string",
        ),
        (
            r#"["tuple",["bool"]]"#,
            list([]),
            "expected tuple, found a list",
        ),
        (
            r#""dynamic""#,
            "x".into(),
            "expected dynamic, found a string",
        ),
        (
            r#"["object",{}]"#,
            Value::object([("a", Value::Null)]),
            "a: there is no such attribute",
        ),
    ] {
        let found = encode(&value, &ty(json)).unwrap_err();
        assert_eq!(found.to_string(), error);
    }
}

#[test]
fn json_is_read_as_terraform_saves_it() {
    let object = r#"["object",{"n":"number","s":["set","string"],"d":"dynamic","o":["object",{"a":"bool"}]}]"#;
    let json = br#" {"n": 12345678901234567890.123, "s": ["e\u0301"],
        "d": {"value": {"x": [1]}, "type": ["map", ["list", "number"]]}} "#;
    let map = Value::object([("x", list([number("1")]))]);
    let expected = Value::object([
        ("n", number("12345678901234567890.123")),
        ("s", list(["e\u{301}".into()])),
        ("d", Value::dynamic(ty(r#"["map",["list","number"]]"#), map)),
        ("o", Value::Null),
    ]);
    assert_eq!(
        decode_json(json, &ty(object), Undefined::Refuse),
        Ok(expected)
    );

    let null = br#"{"value": null, "type": "dynamic"}"#;
    assert_eq!(
        decode_json(null, &Type::Dynamic, Undefined::Refuse),
        Ok(Value::Null)
    );
}

#[test]
fn json_of_another_type_is_refused_with_its_place() {
    let object = r#"["object",{"a":["list",["object",{"b":"string"}]],"m":["map","bool"]}]"#;
    for (json, text, error) in [
        (
            object,
            r#"{"a": [{"b": 1}]}"#,
            "a[0].b: expected string, found a number",
        ),
        (
            object,
            r#"{"a": [{"b": null}, {"c": 1}]}"#,
            "a[1].c: there is no such attribute",
        ),
        (
            object,
            r#"{"m": {"k": true, "k": true}}"#,
            "m[\"k\"]: this key is there twice",
        ),
        (
            object,
            r#"{"m": [true]}"#,
            "m: expected map of bool, found an array",
        ),
        (r#""bool""#, "1", "expected bool, found a number"),
        (r#""number""#, r#""1""#, "expected number, found a string"),
        (
            r#""string""#,
            r#""\ud800""#,
            "an escape in this string is no Unicode",
        ),
        (
            r#"["tuple",["bool"]]"#,
            "[]",
            "1 elements were expected, not 0",
        ),
        (
            r#""dynamic""#,
            "{}",
            "a dynamic value is an object of a type and a value",
        ),
    ] {
        let found = decode_json(text.as_bytes(), &ty(json), Undefined::Refuse).unwrap_err();
        assert_eq!(found.to_string(), error, "{text}");
    }
    let ignored = decode_json(
        br#"{"a": [{"c": 1}], "x": {}}"#,
        &ty(object),
        Undefined::Ignore,
    );
    let expected = Value::object([
        ("a", list([Value::object([("b", Value::Null)])])),
        ("m", Value::Null),
    ]);
    assert_eq!(ignored, Ok(expected));
}
