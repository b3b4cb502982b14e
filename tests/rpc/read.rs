//! Reading and importing.

use terraform_provider_platform_orchestrator::plugin::wire::proto;
use terraform_provider_platform_orchestrator::plugin::{
    Diagnostic, ImportRequest, ReadRequest, ReadResponse, Value,
};

use crate::fake::{
    LOOKUP, Lookup, THING, Thing, assert_bug, call, method, only_error, serve, serve_lookup, thing,
    unwire, wire, wire_as, with,
};

async fn read(thing: Thing, state: &Value) -> proto::read_resource::Response {
    let request = proto::read_resource::Request {
        type_name: THING.to_owned(),
        current_state: wire(state),
        private: b"private".to_vec(),
        current_identity: Some(proto::ResourceIdentityData::default()),
        ..Default::default()
    };
    let answer = call!(serve(thing), read_resource, request);
    assert_eq!(answer.private, b"private");
    assert_eq!(
        answer.new_identity,
        Some(proto::ResourceIdentityData::default())
    );
    answer
}

fn finds(state: Value, diagnostics: Vec<Diagnostic>) -> Thing {
    let answer = move || ReadResponse {
        state: state.clone(),
        diagnostics: diagnostics.clone(),
    };
    let same = answer.clone();
    Thing {
        read: method(move |_: ReadRequest| answer()),
        import: method(move |_: ImportRequest| same()),
        ..Default::default()
    }
}

fn state() -> Value {
    thing([("id", "1".into()), ("name", "n".into())])
}

#[tokio::test]
async fn what_was_read_is_answered() {
    let found = with(state(), "note", "new".into());
    let answer = read(finds(found.clone(), vec![]), &state()).await;
    assert_eq!(answer.diagnostics, []);
    assert_eq!(unwire(answer.new_state.as_ref()), found);
}

#[tokio::test]
async fn what_is_gone_is_null() {
    let warning = Diagnostic::warning("Gone", "It is gone.");
    let answer = read(finds(Value::Null, vec![warning]), &state()).await;
    assert_eq!(answer.diagnostics.len(), 1);
    assert!(answer.new_state.is_some());
    assert_eq!(unwire(answer.new_state.as_ref()), Value::Null);
}

#[tokio::test]
async fn with_an_error_the_state_stays_what_it_was() {
    for found in [Value::Null, with(state(), "note", "new".into())] {
        let answer = read(finds(found, vec![Diagnostic::error("No", "No.")]), &state()).await;
        assert!(only_error(&answer.diagnostics).starts_with("No"));
        assert_eq!(unwire(answer.new_state.as_ref()), state());
    }
}

#[tokio::test]
async fn a_state_that_terraform_would_not_take_is_a_bug_and_stays_what_it_was() {
    for (name, value, text) in [
        ("note", Value::unknown(), "unknown values"),
        (
            "note",
            true.into(),
            "note: expected string, found a boolean",
        ),
        ("nothing", "a".into(), "nothing: there is no such attribute"),
    ] {
        let answer = read(finds(with(state(), name, value), vec![]), &state()).await;
        assert_bug(&answer.diagnostics, text);
        assert_eq!(unwire(answer.new_state.as_ref()), state());
    }
}

async fn import(thing: Thing, id: &str) -> proto::import_resource_state::Response {
    let request = proto::import_resource_state::Request {
        type_name: THING.to_owned(),
        id: id.to_owned(),
        ..Default::default()
    };
    call!(serve(thing), import_resource_state, request)
}

#[tokio::test]
async fn what_was_imported_is_one_object_with_its_type() {
    let resource = Thing {
        import: method(|request: ImportRequest| {
            assert_eq!(request.id, "1");
            ReadResponse {
                state: state(),
                ..Default::default()
            }
        }),
        ..Default::default()
    };
    let answer = import(resource, "1").await;
    assert_eq!(answer.diagnostics, []);
    let [imported] = &answer.imported_resources[..] else {
        panic!("{answer:#?}")
    };
    assert_eq!(imported.type_name, THING);
    assert_eq!(unwire(imported.state.as_ref()), state());
    assert_eq!(imported.identity, None);
}

#[tokio::test]
async fn nothing_is_imported_with_an_error() {
    let refused = finds(state(), vec![Diagnostic::error("No", "No.")]);
    let answer = import(refused, "1").await;
    assert!(only_error(&answer.diagnostics).starts_with("No"));
    assert_eq!(answer.imported_resources, []);

    let answer = import(Thing::default(), "").await;
    assert!(only_error(&answer.diagnostics).contains("has no id"));
    assert_eq!(answer.imported_resources, []);

    for (state, text) in [
        (Value::Null, "answered nothing"),
        (with(state(), "note", Value::unknown()), "unknown values"),
    ] {
        let answer = import(finds(state, vec![]), "1").await;
        assert_bug(&answer.diagnostics, text);
        assert_eq!(answer.imported_resources, []);
    }
}

async fn look_up(lookup: Lookup) -> proto::read_data_source::Response {
    let service = serve_lookup(lookup);
    let schema = call!(
        service,
        get_provider_schema,
        proto::get_provider_schema::Request {}
    );
    assert!(schema.data_source_schemas.contains_key(LOOKUP));
    let request = proto::read_data_source::Request {
        type_name: LOOKUP.to_owned(),
        config: wire_as(&Value::object([("id", "1".into())]), &lookup_type()),
        ..Default::default()
    };
    call!(service, read_data_source, request)
}

fn lookup_type() -> terraform_provider_platform_orchestrator::plugin::Type {
    serde_json::from_str(r#"["object",{"id":"string","size":"string"}]"#).unwrap()
}

#[tokio::test]
async fn a_data_source_answers_what_it_read() {
    let answer = look_up(Lookup::default()).await;
    assert_eq!(answer.diagnostics, []);
    let expected = Value::object([("id", "1".into()), ("size", "small".into())]);
    assert_eq!(answer.state, wire_as(&expected, &lookup_type()));
}

#[tokio::test]
async fn a_data_source_answers_no_state_with_an_error() {
    let finds = |state: Value, diagnostics: Vec<Diagnostic>| Lookup {
        read: method(move |_| ReadResponse {
            state: state.clone(),
            diagnostics: diagnostics.clone(),
        }),
        ..Default::default()
    };
    let answer = look_up(finds(Value::Null, vec![Diagnostic::error("No", "No.")])).await;
    assert!(only_error(&answer.diagnostics).starts_with("No"));
    assert_eq!(answer.state, None);
    for (state, text) in [
        (Value::Null, "answered nothing"),
        (
            Value::object([("size", Value::unknown())]),
            "unknown values",
        ),
        (
            Value::object([("size", true.into())]),
            "size: expected string, found a boolean",
        ),
    ] {
        let answer = look_up(finds(state, vec![])).await;
        assert_bug(&answer.diagnostics, text);
        assert_eq!(answer.state, None);
    }
}
