//! Applying: the response always has the best known state.

use terraform_plugin_server::grpc::proto;
use terraform_plugin_server::grpc::proto::apply_resource_change::{Request, Response};
use terraform_plugin_server::{
    ApplyResponse, CreateRequest, DeleteRequest, Diagnostic, Number, Type, UpdateRequest, Value,
};

use crate::fake::{THING, Thing, assert_bug, call, method, only_error, serve, thing, unwire, wire, with};

async fn apply(thing: Thing, prior: &Value, planned: &Value, config: &Value) -> Response {
    let request = Request {
        type_name: THING.to_owned(),
        prior_state: wire(prior),
        planned_state: wire(planned),
        config: wire(config),
        planned_private: b"private".to_vec(),
        planned_identity: Some(proto::ResourceIdentityData::default()),
        ..Default::default()
    };
    let response = call!(serve(thing), apply_resource_change, request);
    assert_eq!(response.private, b"private");
    assert_eq!(response.new_identity, Some(proto::ResourceIdentityData::default()));
    assert!(!response.legacy_type_system);
    response
}

fn config() -> Value {
    thing([("name", "n".into()), ("note", "c".into())])
}

fn planned() -> Value {
    with(config(), "id", Value::unknown())
}

fn prior() -> Value {
    thing([("id", "1".into()), ("name", "n".into()), ("note", "p".into())])
}

fn sorry() -> Diagnostic {
    Diagnostic::error("Sorry", "It did not work.")
}

/// Returns a resource whose create and update return this.
fn returns(state: Value, diagnostics: Vec<Diagnostic>) -> Thing {
    let response = move || ApplyResponse {
        state: state.clone(),
        diagnostics: diagnostics.clone(),
    };
    let same = response.clone();
    Thing {
        create: method(move |_: CreateRequest| response()),
        update: method(move |_: UpdateRequest| same()),
        ..Default::default()
    }
}

#[tokio::test]
async fn the_created_object_is_returned() {
    let expected = (planned(), config());
    let resource = Thing {
        create: method(move |request: CreateRequest| {
            assert_eq!((request.planned.clone(), request.config), expected);
            ApplyResponse {
                state: with(request.planned, "id", "7".into()),
                ..Default::default()
            }
        }),
        ..Default::default()
    };
    let response = apply(resource, &Value::Null, &planned(), &config()).await;
    assert_eq!(response.diagnostics, []);
    assert_eq!(unwire(response.new_state.as_ref()), with(planned(), "id", "7".into()));
}

#[tokio::test]
async fn the_updated_object_is_returned() {
    let planned = with(config(), "id", "1".into());
    let expected = (prior(), planned.clone(), config());
    let resource = Thing {
        update: method(move |request: UpdateRequest| {
            assert_eq!((request.prior, request.planned.clone(), request.config), expected);
            ApplyResponse {
                state: request.planned,
                ..Default::default()
            }
        }),
        ..Default::default()
    };
    let response = apply(resource, &prior(), &planned, &config()).await;
    assert_eq!(response.diagnostics, []);
    assert_eq!(unwire(response.new_state.as_ref()), planned);
}

#[tokio::test]
async fn a_deleted_object_is_null_and_after_an_error_it_is_the_prior_one() {
    let resource = Thing {
        delete: method(|request: DeleteRequest| {
            assert_eq!(request.prior, prior());
            vec![Diagnostic::warning("Gone", "For ever.")]
        }),
        ..Default::default()
    };
    let response = apply(resource, &prior(), &Value::Null, &Value::Null).await;
    assert_eq!(response.diagnostics.len(), 1);
    assert_eq!(unwire(response.new_state.as_ref()), Value::Null);

    let resource = Thing {
        delete: method(|_| vec![sorry()]),
        ..Default::default()
    };
    let response = apply(resource, &prior(), &Value::Null, &Value::Null).await;
    assert!(only_error(&response.diagnostics).starts_with("Sorry"));
    assert_eq!(unwire(response.new_state.as_ref()), prior());
}

#[tokio::test]
async fn a_state_with_an_error_is_returned_as_it_is() {
    // The state is not the planned one, but the object has it.
    let state = with(prior(), "note", "halfway".into());
    for prior in [Value::Null, prior()] {
        let resource = returns(state.clone(), vec![sorry()]);
        let response = apply(resource, &prior, &planned(), &config()).await;
        assert!(only_error(&response.diagnostics).starts_with("Sorry"));
        assert_eq!(unwire(response.new_state.as_ref()), state);
    }
}

#[tokio::test]
async fn no_state_with_an_error_is_null_after_a_create_and_the_prior_one_after_an_update() {
    for prior in [Value::Null, prior()] {
        let resource = returns(Value::Null, vec![sorry()]);
        let response = apply(resource, &prior, &planned(), &config()).await;
        assert!(only_error(&response.diagnostics).starts_with("Sorry"));
        assert_eq!(unwire(response.new_state.as_ref()), prior);
    }
}

#[tokio::test]
async fn no_state_and_no_error_is_a_defect_and_the_object_is_not_lost() {
    let response = apply(returns(Value::Null, vec![]), &Value::Null, &planned(), &config()).await;
    assert_bug(&response.diagnostics, "returned no state");
    assert_eq!(unwire(response.new_state.as_ref()), config());

    let response = apply(returns(Value::Null, vec![]), &prior(), &planned(), &config()).await;
    assert_bug(&response.diagnostics, "returned no state");
    assert_eq!(unwire(response.new_state.as_ref()), prior());
}

#[tokio::test]
async fn unknown_values_in_a_state_are_a_defect_and_become_the_configured_values_or_null() {
    let state = with(with(config(), "id", "7".into()), "note", Value::unknown());
    let state = with(state, "size", Value::unknown());
    let planned = with(planned(), "size", Value::unknown());
    for prior in [Value::Null, prior()] {
        let response = apply(returns(state.clone(), vec![]), &prior, &planned, &config()).await;
        assert_bug(&response.diagnostics, "unknown values");
        assert_eq!(unwire(response.new_state.as_ref()), with(config(), "id", "7".into()));
    }
}

#[tokio::test]
async fn a_state_that_contradicts_the_plan_is_a_defect_and_is_returned() {
    let number = |number: i64| Value::from(Number::from(number));
    let port = |n| Value::object([("number", number(n)), ("protocol", Value::Null)]);
    let set = |names: &[&str]| Value::List(names.iter().map(|name| (*name).into()).collect());
    let dynamic = |text: &str| Value::dynamic(Type::String, text.into());
    for (name, planned_value, applied, path) in [
        ("note", Value::from("c"), Value::from("d"), "note: "),
        ("note", "c".into(), Value::Null, "note: "),
        ("note", Value::Null, "c".into(), "note: "),
        ("weight", number(1), number(2), "weight: "),
        ("main", port(1), port(2), "main.number: "),
        ("ports", Value::List(vec![port(1)]), Value::List(vec![]), "ports: "),
        (
            "ports",
            Value::List(vec![port(1)]),
            Value::List(vec![port(2)]),
            "ports[0].number: ",
        ),
        (
            "labels",
            Value::object([]),
            Value::object([("a", "b".into())]),
            "labels: ",
        ),
        ("tags", set(&["a", "b"]), set(&["a", "c"]), "tags: "),
        ("anything", dynamic("a"), dynamic("b"), "anything: "),
    ] {
        let planned = with(planned(), name, planned_value);
        let applied = with(with(config(), "id", "7".into()), name, applied);
        for prior in [Value::Null, prior()] {
            let response = apply(returns(applied.clone(), vec![]), &prior, &planned, &config()).await;
            assert_bug(&response.diagnostics, path);
            assert_eq!(unwire(response.new_state.as_ref()), applied);
        }
    }
}

#[tokio::test]
async fn a_state_that_matches_the_plan_is_accepted() {
    let set = |names: &[Value]| Value::List(names.to_vec());
    for (name, planned_value, applied) in [
        ("size", Value::unknown(), "small".into()),
        ("size", Value::unknown(), Value::Null),
        ("tags", set(&["a".into(), "b".into()]), set(&["b".into(), "a".into()])),
        (
            "tags",
            set(&[Value::unknown(), "b".into()]),
            set(&["b".into(), "a".into()]),
        ),
        (
            "main",
            Value::unknown(),
            Value::object([("number", Number::from(1_i64).into())]),
        ),
    ] {
        let planned = with(planned(), name, planned_value);
        let applied = with(with(config(), "id", "7".into()), name, applied);
        let response = apply(returns(applied, vec![]), &Value::Null, &planned, &config()).await;
        assert_eq!(response.diagnostics, [], "{name}");
    }
}

#[tokio::test]
async fn a_state_of_another_type_is_a_defect_and_the_object_is_not_lost() {
    let state = with(config(), "note", true.into());
    let response = apply(returns(state.clone(), vec![]), &Value::Null, &planned(), &config()).await;
    assert_bug(&response.diagnostics, "note: expected string, found a boolean");
    assert_eq!(unwire(response.new_state.as_ref()), config());

    let response = apply(returns(state, vec![]), &prior(), &planned(), &config()).await;
    assert_bug(&response.diagnostics, "note: expected string, found a boolean");
    assert_eq!(unwire(response.new_state.as_ref()), prior());
}
