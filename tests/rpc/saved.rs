//! Saved states: upgraded, and taken over from other resources.

use std::collections::HashMap;

use terraform_provider_platform_orchestrator::plugin::wire::proto;
use terraform_provider_platform_orchestrator::plugin::{
    Diagnostic, MoveRequest, Number, Type, Value,
};

use crate::fake::{THING, Thing, assert_bug, call, method, only_error, serve, thing, unwire};

fn saved(json: &str) -> Option<proto::RawState> {
    Some(proto::RawState {
        json: json.as_bytes().to_vec(),
        flatmap: HashMap::new(),
    })
}

async fn upgrade(
    version: i64,
    raw_state: Option<proto::RawState>,
) -> proto::upgrade_resource_state::Response {
    let request = proto::upgrade_resource_state::Request {
        type_name: THING.to_owned(),
        version,
        raw_state,
    };
    call!(serve(Thing::default()), upgrade_resource_state, request)
}

#[tokio::test]
async fn a_state_is_answered_in_the_schema_of_today() {
    let json = r#"{
        "id": "1", "name": "n", "weight": 9007199254740993, "left_over": {"a": [1]},
        "main": {"number": 0.1234567890123456789, "older": null},
        "anything": {"type": ["tuple", ["number"]], "value": [1e2]}
    }"#;
    let number = |text: &str| Value::from(Number::parse(text).unwrap());
    let any = Value::dynamic(
        Type::Tuple(vec![Type::Number]),
        Value::List(vec![number("100")]),
    );
    let expected = thing([
        ("id", "1".into()),
        ("name", "n".into()),
        ("weight", number("9007199254740993")),
        (
            "main",
            Value::object([
                ("number", number("0.1234567890123456789")),
                ("protocol", Value::Null),
            ]),
        ),
        ("anything", any),
    ]);
    for version in [0, 2] {
        let answer = upgrade(version, saved(json)).await;
        assert_eq!(answer.diagnostics, []);
        assert_eq!(unwire(answer.upgraded_state.as_ref()), expected);
    }
}

#[tokio::test]
async fn a_state_that_cannot_be_upgraded_is_an_error_and_never_null() {
    let flat = proto::RawState {
        json: Vec::new(),
        flatmap: HashMap::from([("id".to_owned(), "1".to_owned())]),
    };
    for (version, state, text) in [
        (3, saved("{}"), "version 3"),
        (2, Some(flat), "before version 0.12"),
        (2, None, "missing"),
        (2, saved(""), "missing"),
        (2, saved("null"), "null"),
        (2, saved("{"), "not JSON"),
        (2, saved("[]"), "expected object, found an array"),
        (
            2,
            saved(r#"{"name": 1}"#),
            "name: expected string, found a number",
        ),
        (
            2,
            saved(r#"{"name": "a", "name": "b"}"#),
            "name: this attribute is there twice",
        ),
        (
            2,
            saved(r#"{"ports": [{"number": "x"}]}"#),
            "ports[0].number: ",
        ),
        (
            2,
            saved(r#"{"weight": 1e99999999}"#),
            "weight: a number of more than",
        ),
    ] {
        let answer = upgrade(version, state).await;
        let error = only_error(&answer.diagnostics);
        assert!(error.contains(text), "{text}: {error}");
        assert_eq!(answer.upgraded_state, None);
    }
}

#[tokio::test]
async fn no_value_of_a_state_is_in_an_error() {
    let answer = upgrade(
        2,
        saved(r#"{"note": {"s3cr3t": "s3cr3t"}, "name": ["s3cr3t"]}"#),
    )
    .await;
    let error = only_error(&answer.diagnostics);
    assert!(!error.contains("s3cr3t"), "{error}");
}

async fn take_over(thing: Thing, state: &str) -> proto::move_resource_state::Response {
    let request = proto::move_resource_state::Request {
        source_provider_address: "registry.terraform.io/elsewhere/other".to_owned(),
        source_type_name: "other_thing".to_owned(),
        source_schema_version: 4,
        source_state: saved(state),
        target_type_name: THING.to_owned(),
        ..Default::default()
    };
    call!(serve(thing), move_resource_state, request)
}

/// A resource that makes this of every other.
fn takes(json: serde_json::Value) -> Thing {
    Thing {
        take_over: method(move |_| Some(Ok(json.clone()))),
        ..Default::default()
    }
}

#[tokio::test]
async fn the_state_of_another_resource_is_taken_over() {
    let resource = Thing {
        take_over: method(|request: MoveRequest| {
            assert_eq!(
                request.source_provider,
                "registry.terraform.io/elsewhere/other"
            );
            assert_eq!(
                (request.source_type.as_str(), request.source_version),
                ("other_thing", 4)
            );
            let name = request.state["title"].clone();
            Some(Ok(serde_json::json!({"name": name, "extra": 1})))
        }),
        ..Default::default()
    };
    let answer = take_over(resource, r#"{"title": "n"}"#).await;
    assert_eq!(answer.diagnostics, []);
    assert_eq!(
        unwire(answer.target_state.as_ref()),
        thing([("name", "n".into())])
    );
}

#[tokio::test]
async fn a_state_that_is_not_taken_over_is_an_error_that_names_where_it_comes_from() {
    let refuses = Thing {
        take_over: method(|_| Some(Err(Diagnostic::error("No", "Not this one.")))),
        ..Default::default()
    };
    let answer = take_over(refuses, "{}").await;
    assert!(only_error(&answer.diagnostics).starts_with("No"));
    for state in ["{}", "{"] {
        let answer = take_over(Thing::default(), state).await;
        let error = only_error(&answer.diagnostics);
        assert!(
            error.contains("other_thing") && error.contains("elsewhere/other"),
            "{error}"
        );
        assert!(error.contains(THING), "{error}");
        assert_eq!(answer.target_state, None);
    }
    for (json, text) in [
        (serde_json::json!(null), "nothing"),
        (
            serde_json::json!({"name": 1}),
            "name: expected string, found a number",
        ),
    ] {
        let answer = take_over(takes(json), "{}").await;
        assert_bug(&answer.diagnostics, text);
        assert_eq!(answer.target_state, None);
    }
}
