//! Features that the provider does not offer: nothing lists them, and their calls return errors.

use futures_util::StreamExt;
use terraform_plugin_server::grpc::proto;
use terraform_plugin_server::grpc::proto::invoke_action::event;
use terraform_plugin_server::grpc::proto::provider_server::Provider;
use tonic::{Code, Request};

use crate::fake::{Bare, THING, Thing, call, only_error, serve, serve_resource};

#[tokio::test]
async fn nothing_lists_features_that_are_not_offered() {
    let service = serve(Thing::default());
    let functions = call!(service, get_functions, proto::get_functions::Request {});
    assert_eq!(functions, proto::get_functions::Response::default());
    let identities = proto::get_resource_identity_schemas::Request {};
    let identities = call!(service, get_resource_identity_schemas, identities);
    let none = proto::get_resource_identity_schemas::Response::default();
    assert_eq!(identities, none);
}

#[tokio::test]
async fn unary_calls_return_a_diagnostic_that_names_the_type() {
    let service = serve(Thing::default());
    macro_rules! not_offered {
        ($($call:ident($name:ident))*) => {$({
            let request = proto::$call::Request {
                $name: "test_other".to_owned(),
                ..Default::default()
            };
            let error = only_error(&call!(service, $call, request).diagnostics);
            assert!(error.contains("test_other"), "{error}");
        })*};
    }
    not_offered! {
        upgrade_resource_identity(type_name) generate_resource_config(type_name)
        validate_ephemeral_resource_config(type_name) open_ephemeral_resource(type_name)
        renew_ephemeral_resource(type_name) close_ephemeral_resource(type_name)
        validate_list_resource_config(type_name)
        validate_action_config(action_type) plan_action(action_type)
    }
}

#[tokio::test]
async fn streaming_calls_return_one_message_with_a_diagnostic() {
    let service = serve(Thing::default());
    let request = proto::list_resource::Request {
        type_name: "test_other".to_owned(),
        ..Default::default()
    };
    let events: Vec<_> = call!(service, list_resource, request).collect().await;
    let [Ok(event)] = &events[..] else {
        panic!("{events:?}");
    };
    assert!(only_error(&event.diagnostic).contains("test_other"));

    let request = proto::invoke_action::Request {
        action_type: "test_restart".to_owned(),
        ..Default::default()
    };
    let events: Vec<_> = call!(service, invoke_action, request).collect().await;
    let [Ok(event)] = &events[..] else {
        panic!("{events:?}");
    };
    let Some(event::Type::Completed(completed)) = &event.r#type else {
        panic!("{event:?}");
    };
    assert!(only_error(&completed.diagnostics).contains("test_restart"));
}

#[tokio::test]
async fn a_function_that_does_not_exist_is_an_error() {
    let request = proto::call_function::Request {
        name: "reverse".to_owned(),
        ..Default::default()
    };
    let response = call!(serve(Thing::default()), call_function, request);
    assert_eq!(response.result, None);
    let error = response.error.unwrap();
    assert!(error.text.contains("\"reverse\""), "{}", error.text);
}

#[tokio::test]
async fn state_stores_are_unimplemented() {
    let service = serve(Thing::default());
    macro_rules! unimplemented {
        ($($call:ident)*) => {$(
            let request = Request::new(proto::$call::Request::default());
            let status = service.$call(request).await.err().unwrap();
            assert_eq!(status.code(), Code::Unimplemented, stringify!($call));
        )*};
    }
    unimplemented! {
        validate_state_store_config configure_state_store read_state_bytes
        lock_state unlock_state get_states delete_state
    }
}

#[tokio::test]
async fn a_resource_without_capabilities_returns_errors_for_an_import_and_a_move() {
    let request = proto::import_resource_state::Request {
        type_name: THING.to_owned(),
        id: "1".to_owned(),
        ..Default::default()
    };
    let response = call!(serve_resource(Bare), import_resource_state, request);
    let error = only_error(&response.diagnostics);
    assert!(error.contains("A test_thing cannot be imported"), "{error}");
    assert_eq!(response.imported_resources, []);

    let request = proto::move_resource_state::Request {
        source_type_name: "other_thing".to_owned(),
        target_type_name: THING.to_owned(),
        source_state: Some(proto::RawState {
            json: b"{}".to_vec(),
            ..Default::default()
        }),
        ..Default::default()
    };
    let response = call!(serve_resource(Bare), move_resource_state, request);
    let error = only_error(&response.diagnostics);
    assert!(error.contains("other_thing"), "{error}");
    assert_eq!(response.target_state, None);
}

#[tokio::test]
async fn a_resource_without_capabilities_accepts_valid_configurations_and_earlier_states() {
    let config = Bare::config();
    let request = proto::validate_resource_config::Request {
        type_name: THING.to_owned(),
        config: config.clone(),
        ..Default::default()
    };
    let response = call!(serve_resource(Bare), validate_resource_config, request);
    assert_eq!(response.diagnostics, []);

    let request = proto::upgrade_resource_state::Request {
        type_name: THING.to_owned(),
        version: 0,
        raw_state: Some(proto::RawState {
            json: br#"{"name": "n", "removed": true}"#.to_vec(),
            ..Default::default()
        }),
    };
    let response = call!(serve_resource(Bare), upgrade_resource_state, request);
    assert_eq!(response.diagnostics, []);
    assert_eq!(response.upgraded_state, config);
}
