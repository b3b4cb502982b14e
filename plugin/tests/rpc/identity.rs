//! The identity of objects in every call that returns or takes one.

use terraform_plugin_server::grpc::proto;
use terraform_plugin_server::{ApplyResponse, Diagnostic, ReadResponse, Type, Value};

use crate::fake::{Bare, THING, Thing, call, method, only_error, serve, serve_resource, thing, wire, wire_as};

fn identity_type() -> Type {
    Type::Object(
        ["id", "zone"]
            .map(|name| (name.to_owned(), Type::String))
            .into_iter()
            .collect(),
    )
}

/// Returns a resource with an identity.
fn identified() -> Thing {
    Thing {
        is_identified: true,
        ..Thing::default()
    }
}

/// Encodes an identity.
fn identity(zone: Value, id: Value) -> Option<proto::ResourceIdentityData> {
    Some(proto::ResourceIdentityData {
        identity_data: wire_as(&Value::object([("zone", zone), ("id", id)]), &identity_type()),
    })
}

fn named() -> Value {
    thing([("id", "thing-1".into()), ("name", "n".into())])
}

#[tokio::test]
async fn the_schema_says_what_an_import_needs() {
    let request = proto::get_resource_identity_schemas::Request {};
    let response = call!(serve(identified()), get_resource_identity_schemas, request);
    let schema = &response.identity_schemas[THING];
    assert_eq!(schema.version, 1);
    let attributes: Vec<_> = schema
        .identity_attributes
        .iter()
        .map(|a| (a.name.as_str(), a.required_for_import, a.optional_for_import))
        .collect();
    assert_eq!(attributes, [("zone", false, true), ("id", true, false)]);
    assert_eq!(schema.identity_attributes[0].r#type, br#""string""#);
}

#[tokio::test]
async fn the_identity_of_a_new_object_is_known_after_its_create() {
    let service = serve(identified());
    let config = wire(&thing([("name", "n".into())]));
    let request = proto::plan_resource_change::Request {
        type_name: THING.to_owned(),
        prior_state: wire(&Value::Null),
        proposed_new_state: config.clone(),
        config: config.clone(),
        ..Default::default()
    };
    let plan = call!(service, plan_resource_change, request);
    // OpenTofu cannot save an identity with unknown parts.
    assert_eq!(plan.planned_identity, None);
    let request = proto::apply_resource_change::Request {
        type_name: THING.to_owned(),
        prior_state: wire(&Value::Null),
        planned_state: plan.planned_state,
        planned_identity: plan.planned_identity,
        config,
        ..Default::default()
    };
    let applied = call!(service, apply_resource_change, request);
    assert_eq!(applied.diagnostics, []);
    assert_eq!(applied.new_identity, identity("a".into(), "thing-1".into()));
}

#[tokio::test]
async fn an_object_without_an_identity_has_none_that_is_unknown() {
    // A create with an uncertain outcome: the state has no ID.
    let service = serve(Thing {
        create: method(|_| ApplyResponse {
            state: thing([("name", "n".into())]),
            diagnostics: vec![Diagnostic::error("No response", "")],
        }),
        ..identified()
    });
    let request = proto::apply_resource_change::Request {
        type_name: THING.to_owned(),
        prior_state: wire(&Value::Null),
        planned_state: wire(&thing([("id", Value::unknown()), ("name", "n".into())])),
        planned_identity: identity("a".into(), Value::unknown()),
        config: wire(&thing([("name", "n".into())])),
        ..Default::default()
    };
    let applied = call!(service, apply_resource_change, request);
    assert_eq!(applied.new_identity, None);
}

#[tokio::test]
async fn a_read_returns_the_current_identity() {
    for (state, expected) in [
        (named(), identity("a".into(), "thing-1".into())),
        // A deleted object keeps what Terraform sent.
        (Value::Null, identity(Value::Null, "thing-1".into())),
    ] {
        let service = serve(Thing {
            read: method(move |_| ReadResponse {
                state: state.clone(),
                ..Default::default()
            }),
            ..identified()
        });
        let request = proto::read_resource::Request {
            type_name: THING.to_owned(),
            current_state: wire(&named()),
            current_identity: identity(Value::Null, "thing-1".into()),
            ..Default::default()
        };
        let read = call!(service, read_resource, request);
        assert_eq!(read.new_identity, expected);
    }
}

/// The provider was configured for another zone when Terraform stored the identity.
#[tokio::test]
async fn another_object_is_neither_read_nor_changed() {
    let service = || {
        serve(Thing {
            read: method(|_| -> ReadResponse { panic!("it is called") }),
            create: method(|_| -> ApplyResponse { panic!("it is called") }),
            update: method(|_| -> ApplyResponse { panic!("it is called") }),
            ..identified()
        })
    };
    let stored = identity("b".into(), "thing-1".into());
    let says = |diagnostics: &[proto::Diagnostic]| {
        let error = only_error(diagnostics);
        for text in [
            "The state belongs to another object",
            "has zone = \"b\"",
            "configured for zone = \"a\"",
        ] {
            assert!(error.contains(text), "{error}");
        }
    };
    let request = proto::read_resource::Request {
        type_name: THING.to_owned(),
        current_state: wire(&named()),
        current_identity: stored.clone(),
        ..Default::default()
    };
    let read = call!(service(), read_resource, request.clone());
    says(&read.diagnostics);
    assert_eq!(read.new_state, request.current_state);
    assert_eq!(read.new_identity, stored);

    for proposed in [named(), Value::Null] {
        let request = proto::plan_resource_change::Request {
            type_name: THING.to_owned(),
            prior_state: wire(&named()),
            proposed_new_state: wire(&proposed),
            config: wire(&proposed),
            prior_identity: stored.clone(),
            ..Default::default()
        };
        says(&call!(service(), plan_resource_change, request).diagnostics);
    }

    for prior in [named(), Value::Null] {
        let request = proto::apply_resource_change::Request {
            type_name: THING.to_owned(),
            prior_state: wire(&prior),
            planned_state: wire(&named()),
            config: wire(&named()),
            planned_identity: stored.clone(),
            ..Default::default()
        };
        let applied = call!(service(), apply_resource_change, request.clone());
        says(&applied.diagnostics);
        assert_eq!(applied.new_state, request.prior_state);
    }
}

#[tokio::test]
async fn an_object_is_imported_by_its_identity() {
    let import = |identity| proto::import_resource_state::Request {
        type_name: THING.to_owned(),
        identity,
        ..Default::default()
    };
    let request = import(identity(Value::Null, "thing-7".into()));
    let response = call!(
        serve(Thing {
            import: method(|request: terraform_plugin_server::ImportRequest| ReadResponse {
                state: thing([("id", request.id.into())]),
                ..Default::default()
            }),
            ..identified()
        }),
        import_resource_state,
        request
    );
    assert_eq!(response.diagnostics, []);
    let imported = &response.imported_resources[0];
    assert_eq!(imported.identity, identity("a".into(), "thing-7".into()));

    let request = import(identity("b".into(), "thing-7".into()));
    let response = call!(serve(identified()), import_resource_state, request);
    assert!(only_error(&response.diagnostics).contains("Another zone"));

    let request = import(identity(Value::Null, "thing-7".into()));
    let response = call!(serve_resource(Bare), import_resource_state, request);
    let error = only_error(&response.diagnostics);
    assert!(error.contains("The import has no ID"), "{error}");
}

#[tokio::test]
async fn a_moved_object_has_an_identity() {
    let service = serve(Thing {
        move_from: method(|_| Some(Ok(serde_json::json!({"id": "thing-9", "name": "n"})))),
        ..identified()
    });
    let request = proto::move_resource_state::Request {
        source_type_name: "other_thing".to_owned(),
        target_type_name: THING.to_owned(),
        source_state: Some(proto::RawState {
            json: b"{}".to_vec(),
            ..Default::default()
        }),
        ..Default::default()
    };
    let moved = call!(service, move_resource_state, request);
    assert_eq!(moved.diagnostics, []);
    assert_eq!(moved.target_identity, identity("a".into(), "thing-9".into()));
}

#[tokio::test]
async fn an_identity_of_an_earlier_version_is_upgraded() {
    let upgrade = |version| proto::upgrade_resource_identity::Request {
        type_name: THING.to_owned(),
        version,
        raw_identity: Some(proto::RawState {
            json: br#"{"zone": "a", "key": "thing-1"}"#.to_vec(),
            ..Default::default()
        }),
    };
    let service = serve(identified());
    let upgraded = call!(service, upgrade_resource_identity, upgrade(0));
    assert_eq!(upgraded.diagnostics, []);
    assert_eq!(upgraded.upgraded_identity, identity("a".into(), "thing-1".into()));
    let refused = call!(service, upgrade_resource_identity, upgrade(2));
    let error = only_error(&refused.diagnostics);
    assert!(error.contains("The identity of a test_thing is too new"), "{error}");
}
