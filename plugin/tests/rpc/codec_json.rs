//! JSON, as Terraform saves it in states.

use terraform_plugin_server::codec::{Undefined, decode_json};
use terraform_plugin_server::{Number, Type, Value};

fn ty(json: &str) -> Type {
    serde_json::from_str(json).unwrap()
}

fn number(text: &str) -> Value {
    Number::parse(text).unwrap().into()
}

fn list(elements: impl IntoIterator<Item = Value>) -> Value {
    Value::List(elements.into_iter().collect())
}

#[test]
fn json_is_decoded_as_terraform_saves_it() {
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
    assert_eq!(decode_json(json, &ty(object), Undefined::Refuse), Ok(expected));

    let null = br#"{"value": null, "type": "dynamic"}"#;
    assert_eq!(decode_json(null, &Type::Dynamic, Undefined::Refuse), Ok(Value::Null));
}

#[test]
fn json_of_another_type_is_refused_with_its_path() {
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
            "a[1].c: the attribute does not exist",
        ),
        (object, r#"{"m": {"k": true, "k": true}}"#, "m[\"k\"]: duplicate key"),
        (object, r#"{"m": [true]}"#, "m: expected map of bool, found an array"),
        (r#""bool""#, "1", "expected bool, found a number"),
        (r#""number""#, r#""1""#, "expected number, found a string"),
        (
            r#""string""#,
            r#""\ud800""#,
            "an escape in the string is not valid Unicode",
        ),
        (r#"["tuple",["bool"]]"#, "[]", "expected 1 elements, found 0"),
        (
            r#""dynamic""#,
            "{}",
            "a dynamic value must be an object with a type and a value",
        ),
    ] {
        let found = decode_json(text.as_bytes(), &ty(json), Undefined::Refuse).unwrap_err();
        assert_eq!(found.to_string(), error, "{text}");
    }
    let ignored = decode_json(br#"{"a": [{"c": 1}], "x": {}}"#, &ty(object), Undefined::Ignore);
    let expected = Value::object([("a", list([Value::object([("b", Value::Null)])])), ("m", Value::Null)]);
    assert_eq!(ignored, Ok(expected));
}

#[test]
fn json_that_nests_too_deep_is_refused() {
    let json = format!(
        "{}null{}",
        r#"{"type":["list","dynamic"],"value":["#.repeat(60),
        "]}".repeat(60)
    );
    let error = decode_json(json.as_bytes(), &Type::Dynamic, Undefined::Refuse).unwrap_err();
    assert!(error.to_string().contains("deeper than"), "{error}");
}
