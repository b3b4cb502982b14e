//! Requests with values that cannot be read: they cause diagnostics, and no state is lost.

use terraform_plugin_server::Value;
use terraform_plugin_server::grpc::proto;

use crate::fake::{THING, Thing, call, only_error, serve, thing, unwire, wire, with};

fn raw(msgpack: &[u8]) -> Option<proto::DynamicValue> {
    Some(proto::DynamicValue {
        msgpack: msgpack.to_vec(),
        json: Vec::new(),
    })
}

#[tokio::test]
async fn a_value_can_be_json() {
    let service = serve(Thing::default());
    let request = proto::read_resource::Request {
        type_name: THING.to_owned(),
        current_state: Some(proto::DynamicValue {
            msgpack: Vec::new(),
            json: br#"{"id": "1", "name": "n"}"#.to_vec(),
        }),
        ..Default::default()
    };
    let response = call!(service, read_resource, request);
    assert_eq!(response.diagnostics, []);
    let expected = thing([("id", "1".into()), ("name", "n".into())]);
    assert_eq!(response.new_state, wire(&expected));
}

#[tokio::test]
async fn the_error_says_why_a_configuration_cannot_be_read() {
    let unknown = b"\xd4\x00\x00";
    for (config, why) in [
        (None, "it is missing"),
        (raw(b""), "it is missing"),
        (raw(b"\x80"), "anything: the attribute is missing"),
        (raw(unknown), "the whole value is unknown"),
    ] {
        let request = proto::validate_resource_config::Request {
            type_name: THING.to_owned(),
            config,
            ..Default::default()
        };
        let response = call!(serve(Thing::default()), validate_resource_config, request);
        let error = only_error(&response.diagnostics);
        assert!(error.contains(why), "{error}");
    }
}

#[tokio::test]
async fn an_apply_that_cannot_be_read_changes_nothing() {
    let prior = thing([("id", "1".into()), ("name", "n".into())]);
    let unknown = with(prior.clone(), "note", Value::unknown());
    let fine = || wire(&prior);
    for (prior_state, planned_state, config) in [
        (fine(), raw(b"\x80"), fine()),
        (fine(), fine(), raw(b"\x80")),
        (fine(), fine(), wire(&unknown)),
        (raw(b"\x80"), fine(), fine()),
        (wire(&unknown), fine(), fine()),
    ] {
        let request = proto::apply_resource_change::Request {
            type_name: THING.to_owned(),
            prior_state: prior_state.clone(),
            planned_state,
            config,
            ..Default::default()
        };
        let response = call!(serve(Thing::default()), apply_resource_change, request);
        only_error(&response.diagnostics);
        assert_eq!(response.new_state, prior_state);
    }
}

#[tokio::test]
async fn a_null_state_is_not_read() {
    let request = proto::read_resource::Request {
        type_name: THING.to_owned(),
        current_state: wire(&Value::Null),
        ..Default::default()
    };
    let response = call!(serve(Thing::default()), read_resource, request);
    assert_eq!(response.diagnostics, []);
    assert_eq!(unwire(response.new_state.as_ref()), Value::Null);
}
