//! Reading and importing.

use terraform_plugin_server::grpc::proto;
use terraform_plugin_server::{Diagnostic, ImportRequest, ReadRequest, ReadResponse, Type, Value};

use crate::fake::{
    LOOKUP, Lookup, THING, Thing, assert_bug, call, method, only_error, serve, serve_lookup, thing, unwire, wire,
    wire_as, with,
};

async fn read(thing: Thing, state: &Value) -> proto::read_resource::Response {
    let request = proto::read_resource::Request {
        type_name: THING.to_owned(),
        current_state: wire(state),
        private: b"private".to_vec(),
        current_identity: Some(proto::ResourceIdentityData::default()),
        ..Default::default()
    };
    let response = call!(serve(thing), read_resource, request);
    assert_eq!(response.private, b"private");
    assert_eq!(response.new_identity, Some(proto::ResourceIdentityData::default()));
    response
}

fn finds(state: Value, diagnostics: Vec<Diagnostic>) -> Thing {
    let response = move || ReadResponse {
        state: state.clone(),
        diagnostics: diagnostics.clone(),
    };
    let same = response.clone();
    Thing {
        read: method(move |_: ReadRequest| response()),
        import: method(move |_: ImportRequest| same()),
        ..Default::default()
    }
}

fn state() -> Value {
    thing([("id", "1".into()), ("name", "n".into())])
}

#[tokio::test]
async fn the_state_that_was_read_is_returned() {
    let found = with(state(), "note", "new".into());
    let response = read(finds(found.clone(), vec![]), &state()).await;
    assert_eq!(response.diagnostics, []);
    assert_eq!(unwire(response.new_state.as_ref()), found);
}

#[tokio::test]
async fn a_deleted_object_is_null() {
    let warning = Diagnostic::warning("Gone", "It is gone.");
    let response = read(finds(Value::Null, vec![warning]), &state()).await;
    assert_eq!(response.diagnostics.len(), 1);
    assert!(response.new_state.is_some());
    assert_eq!(unwire(response.new_state.as_ref()), Value::Null);
}

#[tokio::test]
async fn after_an_error_the_state_is_the_prior_one() {
    for found in [Value::Null, with(state(), "note", "new".into())] {
        let response = read(finds(found, vec![Diagnostic::error("No", "No.")]), &state()).await;
        assert!(only_error(&response.diagnostics).starts_with("No"));
        assert_eq!(unwire(response.new_state.as_ref()), state());
    }
}

#[tokio::test]
async fn a_state_that_terraform_would_refuse_is_a_defect_and_the_prior_one_is_kept() {
    for (name, value, text) in [
        ("note", Value::unknown(), "unknown values"),
        ("note", true.into(), "note: expected string, found a boolean"),
        ("nothing", "a".into(), "nothing: the attribute does not exist"),
    ] {
        let response = read(finds(with(state(), name, value), vec![]), &state()).await;
        assert_bug(&response.diagnostics, text);
        assert_eq!(unwire(response.new_state.as_ref()), state());
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
async fn an_import_is_one_object_with_its_type() {
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
    let response = import(resource, "1").await;
    assert_eq!(response.diagnostics, []);
    let [imported] = &response.imported_resources[..] else {
        panic!("{response:#?}")
    };
    assert_eq!(imported.type_name, THING);
    assert_eq!(unwire(imported.state.as_ref()), state());
    assert_eq!(imported.identity, None);
}

#[tokio::test]
async fn nothing_is_imported_after_an_error() {
    let refused = finds(state(), vec![Diagnostic::error("No", "No.")]);
    let response = import(refused, "1").await;
    assert!(only_error(&response.diagnostics).starts_with("No"));
    assert_eq!(response.imported_resources, []);

    let response = import(Thing::default(), "").await;
    assert!(only_error(&response.diagnostics).contains("has no ID"));
    assert_eq!(response.imported_resources, []);

    for (state, text) in [
        (Value::Null, "returned no state"),
        (with(state(), "note", Value::unknown()), "unknown values"),
    ] {
        let response = import(finds(state, vec![]), "1").await;
        assert_bug(&response.diagnostics, text);
        assert_eq!(response.imported_resources, []);
    }
}

async fn look_up(lookup: Lookup) -> proto::read_data_source::Response {
    let service = serve_lookup(lookup);
    let schema = call!(service, get_provider_schema, proto::get_provider_schema::Request {});
    assert!(schema.data_source_schemas.contains_key(LOOKUP));
    let request = proto::read_data_source::Request {
        type_name: LOOKUP.to_owned(),
        config: wire_as(&Value::object([("id", "1".into())]), &lookup_type()),
        ..Default::default()
    };
    call!(service, read_data_source, request)
}

fn lookup_type() -> Type {
    serde_json::from_str(r#"["object",{"id":"string","size":"string"}]"#).unwrap()
}

#[tokio::test]
async fn a_data_source_returns_what_it_read() {
    let response = look_up(Lookup::default()).await;
    assert_eq!(response.diagnostics, []);
    let expected = Value::object([("id", "1".into()), ("size", "small".into())]);
    assert_eq!(response.state, wire_as(&expected, &lookup_type()));
}

#[tokio::test]
async fn a_data_source_returns_no_state_after_an_error() {
    let finds = |state: Value, diagnostics: Vec<Diagnostic>| Lookup {
        read: method(move |_| ReadResponse {
            state: state.clone(),
            diagnostics: diagnostics.clone(),
        }),
        ..Default::default()
    };
    let response = look_up(finds(Value::Null, vec![Diagnostic::error("No", "No.")])).await;
    assert!(only_error(&response.diagnostics).starts_with("No"));
    assert_eq!(response.state, None);
    for (state, text) in [
        (Value::Null, "returned no state"),
        (Value::object([("size", Value::unknown())]), "unknown values"),
        (
            Value::object([("size", true.into())]),
            "size: expected string, found a boolean",
        ),
    ] {
        let response = look_up(finds(state, vec![])).await;
        assert_bug(&response.diagnostics, text);
        assert_eq!(response.state, None);
    }
}
