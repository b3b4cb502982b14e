//! Saved states: decoding, upgrades, and moves from other resources.

use std::collections::HashMap;

use terraform_plugin_server::grpc::proto;
use terraform_plugin_server::{Diagnostic, MoveRequest, Number, Type, UpgradeRequest, Value};

use crate::fake::{THING, Thing, assert_bug, call, method, only_error, serve, thing, unwire};

fn saved(json: &str) -> Option<proto::RawState> {
    Some(proto::RawState {
        json: json.as_bytes().to_vec(),
        flatmap: HashMap::new(),
    })
}

async fn upgrade(version: i64, raw_state: Option<proto::RawState>) -> proto::upgrade_resource_state::Response {
    upgrade_with(Thing::default(), version, raw_state).await
}

async fn upgrade_with(
    thing: Thing,
    version: i64,
    raw_state: Option<proto::RawState>,
) -> proto::upgrade_resource_state::Response {
    let request = proto::upgrade_resource_state::Request {
        type_name: THING.to_owned(),
        version,
        raw_state,
    };
    call!(serve(thing), upgrade_resource_state, request)
}

#[tokio::test]
async fn a_state_is_decoded_with_the_current_schema() {
    let json = r#"{
        "id": "1", "name": "n", "weight": 9007199254740993, "left_over": {"a": [1]},
        "main": {"number": 0.1234567890123456789, "older": null},
        "anything": {"type": ["tuple", ["number"]], "value": [1e2]}
    }"#;
    let number = |text: &str| Value::from(Number::parse(text).unwrap());
    let any = Value::dynamic(Type::Tuple(vec![Type::Number]), Value::List(vec![number("100")]));
    let expected = thing([
        ("id", "1".into()),
        ("name", "n".into()),
        ("weight", number("9007199254740993")),
        (
            "main",
            Value::object([("number", number("0.1234567890123456789")), ("protocol", Value::Null)]),
        ),
        ("anything", any),
    ]);
    let response = upgrade(2, saved(json)).await;
    assert_eq!(response.diagnostics, []);
    assert_eq!(unwire(response.upgraded_state.as_ref()), expected);
}

/// Returns a resource whose attribute `name` was called `title` in version 1 of the schema, and `label` before.
fn renamed() -> Thing {
    Thing {
        upgrade: method(|request: UpgradeRequest| {
            let mut state = request.state;
            let old_name = if request.version == 0 { "label" } else { "title" };
            state["name"] = state[old_name].take();
            Ok(state)
        }),
        ..Default::default()
    }
}

#[tokio::test]
async fn a_renamed_attribute_keeps_its_value() {
    for (version, json) in [
        (0, r#"{"id": "1", "label": "n"}"#),
        (1, r#"{"id": "1", "title": "n", "removed": [1]}"#),
        (2, r#"{"id": "1", "name": "n"}"#),
    ] {
        let response = upgrade_with(renamed(), version, saved(json)).await;
        assert_eq!(response.diagnostics, []);
        let expected = thing([("id", "1".into()), ("name", "n".into())]);
        assert_eq!(unwire(response.upgraded_state.as_ref()), expected);
    }
}

#[tokio::test]
async fn a_failed_upgrade_is_an_error_and_has_no_state() {
    let refuses = || Thing {
        upgrade: method(|_| Err(Diagnostic::error("No", "Not this version."))),
        ..Default::default()
    };
    let response = upgrade_with(refuses(), 1, saved("{}")).await;
    assert!(only_error(&response.diagnostics).starts_with("No"));
    assert_eq!(response.upgraded_state, None);

    // A state of the current version is not upgraded.
    let response = upgrade_with(refuses(), 2, saved("{}")).await;
    assert_eq!(response.diagnostics, []);

    let upgrades_to = |json: serde_json::Value| Thing {
        upgrade: method(move |_| Ok(json.clone())),
        ..Default::default()
    };
    let invalid = upgrades_to(serde_json::json!({"name": 1}));
    let response = upgrade_with(invalid, 1, saved("{}")).await;
    assert_bug(
        &response.diagnostics,
        "from version 1 to a state that does not match its own schema: name: expected string",
    );
    assert_eq!(response.upgraded_state, None);

    let null = upgrades_to(serde_json::Value::Null);
    let response = upgrade_with(null, 1, saved("{}")).await;
    only_error(&response.diagnostics);
    assert_eq!(response.upgraded_state, None);

    let response = upgrade_with(renamed(), 1, saved("{")).await;
    assert!(only_error(&response.diagnostics).contains("not JSON"));
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
        (2, saved(r#"{"name": 1}"#), "name: expected string, found a number"),
        (2, saved(r#"{"name": "a", "name": "b"}"#), "name: duplicate attribute"),
        (2, saved(r#"{"ports": [{"number": "x"}]}"#), "ports[0].number: "),
        (2, saved(r#"{"weight": 1e99999999}"#), "weight: a number of more than"),
    ] {
        let response = upgrade(version, state).await;
        let error = only_error(&response.diagnostics);
        assert!(error.contains(text), "{text}: {error}");
        assert_eq!(response.upgraded_state, None);
    }
}

#[tokio::test]
async fn no_value_of_a_state_is_in_an_error() {
    let response = upgrade(2, saved(r#"{"note": {"s3cr3t": "s3cr3t"}, "name": ["s3cr3t"]}"#)).await;
    let error = only_error(&response.diagnostics);
    assert!(!error.contains("s3cr3t"), "{error}");
}

async fn move_from(thing: Thing, state: &str) -> proto::move_resource_state::Response {
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

/// Returns a resource that converts every other state to this one.
fn converts_to(json: serde_json::Value) -> Thing {
    Thing {
        move_from: method(move |_| Some(Ok(json.clone()))),
        ..Default::default()
    }
}

#[tokio::test]
async fn the_state_of_another_resource_is_converted() {
    let resource = Thing {
        move_from: method(|request: MoveRequest| {
            assert_eq!(request.source_provider, "registry.terraform.io/elsewhere/other");
            assert_eq!(
                (request.source_type.as_str(), request.source_version),
                ("other_thing", 4)
            );
            let name = request.state["title"].clone();
            Some(Ok(serde_json::json!({"name": name, "extra": 1})))
        }),
        ..Default::default()
    };
    let response = move_from(resource, r#"{"title": "n"}"#).await;
    assert_eq!(response.diagnostics, []);
    assert_eq!(unwire(response.target_state.as_ref()), thing([("name", "n".into())]));
}

#[tokio::test]
async fn a_state_that_is_not_converted_is_an_error_that_names_its_source() {
    let refuses = Thing {
        move_from: method(|_| Some(Err(Diagnostic::error("No", "Not this one.")))),
        ..Default::default()
    };
    let response = move_from(refuses, "{}").await;
    assert!(only_error(&response.diagnostics).starts_with("No"));
    for state in ["{}", "{"] {
        let response = move_from(Thing::default(), state).await;
        let error = only_error(&response.diagnostics);
        assert!(
            error.contains("other_thing") && error.contains("elsewhere/other"),
            "{error}"
        );
        assert!(error.contains(THING), "{error}");
        assert_eq!(response.target_state, None);
    }
    for (json, text) in [
        (serde_json::json!(null), "to null"),
        (serde_json::json!({"name": 1}), "name: expected string, found a number"),
    ] {
        let response = move_from(converts_to(json), "{}").await;
        assert_bug(&response.diagnostics, text);
        assert_eq!(response.target_state, None);
    }
}
