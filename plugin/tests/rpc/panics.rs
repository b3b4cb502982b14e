//! A panic in each call: the response has a diagnostic and the safest state.

use std::sync::Arc;

use terraform_plugin_server::grpc::ProviderService;
use terraform_plugin_server::grpc::proto;
use terraform_plugin_server::{Type, Value};

use crate::fake::{
    Fake, LOOKUP, Lookup, THING, Thing, assert_bug, call, panics, serve, thing, unwire, wire, wire_as, with,
};

const PANIC: &str = "panicked: the sky fell";

/// Returns the service of a provider that panics in every method.
fn service() -> ProviderService {
    let thing = Thing {
        validate: panics(),
        plan: panics(),
        create: panics(),
        update: panics(),
        delete: panics(),
        read: panics(),
        import: panics(),
        move_from: panics(),
        upgrade: panics(),
        ..Default::default()
    };
    let lookup = Lookup {
        validate: panics(),
        read: panics(),
    };
    ProviderService::new(Arc::new(Fake {
        validate: panics(),
        configure: panics(),
        ..Fake::new(thing, lookup)
    }))
}

fn ty(json: &str) -> Type {
    serde_json::from_str(json).unwrap()
}

fn prior() -> Value {
    thing([("id", "1".into()), ("name", "old".into())])
}

fn config() -> Value {
    thing([("name", "new".into())])
}

fn apply(prior: &Value, planned: &Value, config: &Value) -> proto::apply_resource_change::Request {
    proto::apply_resource_change::Request {
        type_name: THING.to_owned(),
        prior_state: wire(prior),
        planned_state: wire(planned),
        config: wire(config),
        planned_private: b"private".to_vec(),
        ..Default::default()
    }
}

#[tokio::test]
async fn an_object_that_might_exist_is_in_the_state() {
    let planned = with(with(config(), "id", Value::unknown()), "size", Value::unknown());
    let request = apply(&Value::Null, &planned, &with(config(), "size", "big".into()));
    let response = call!(service(), apply_resource_change, request);
    assert_bug(&response.diagnostics, PANIC);
    assert_bug(&response.diagnostics, "creating a test_thing");
    // Unknown values become the configured ones, or null.
    assert_eq!(
        unwire(response.new_state.as_ref()),
        with(config(), "size", "big".into())
    );
    assert_eq!(response.private, b"private");
}

#[tokio::test]
async fn after_a_failed_update_or_delete_the_state_is_the_prior_one() {
    let planned = with(config(), "id", "1".into());
    let response = call!(service(), apply_resource_change, apply(&prior(), &planned, &config()));
    assert_bug(&response.diagnostics, PANIC);
    assert_eq!(unwire(response.new_state.as_ref()), prior());

    let request = apply(&prior(), &Value::Null, &Value::Null);
    let response = call!(service(), apply_resource_change, request);
    assert_bug(&response.diagnostics, PANIC);
    assert_eq!(unwire(response.new_state.as_ref()), prior());
}

#[tokio::test]
async fn the_plan_is_the_proposed_state() {
    let request = proto::plan_resource_change::Request {
        type_name: THING.to_owned(),
        prior_state: wire(&prior()),
        proposed_new_state: wire(&with(prior(), "name", "new".into())),
        config: wire(&config()),
        prior_private: b"private".to_vec(),
        ..Default::default()
    };
    let response = call!(service(), plan_resource_change, request);
    assert_bug(&response.diagnostics, PANIC);
    let proposed = with(prior(), "name", "new".into());
    assert_eq!(unwire(response.planned_state.as_ref()), proposed);
    assert_eq!(response.planned_private, b"private");
}

#[tokio::test]
async fn after_a_failed_read_the_state_is_the_prior_one() {
    let request = proto::read_resource::Request {
        type_name: THING.to_owned(),
        current_state: wire(&prior()),
        private: b"private".to_vec(),
        ..Default::default()
    };
    let response = call!(service(), read_resource, request);
    assert_bug(&response.diagnostics, PANIC);
    assert_eq!(unwire(response.new_state.as_ref()), prior());
    assert_eq!(response.private, b"private");
}

#[tokio::test]
async fn configurations_that_cause_a_panic_have_a_diagnostic() {
    let block = Value::object([("url", Value::Null)]);
    let block = wire_as(&block, &ty(r#"["object",{"url":"string"}]"#));
    let request = proto::validate_provider_config::Request { config: block.clone() };
    let response = call!(service(), validate_provider_config, request);
    assert_bug(&response.diagnostics, PANIC);

    let request = proto::configure_provider::Request {
        config: block,
        ..Default::default()
    };
    let response = call!(service(), configure_provider, request);
    assert_bug(&response.diagnostics, PANIC);

    let request = proto::validate_resource_config::Request {
        type_name: THING.to_owned(),
        config: wire(&config()),
        ..Default::default()
    };
    let response = call!(service(), validate_resource_config, request);
    assert_bug(&response.diagnostics, PANIC);
}

#[tokio::test]
async fn a_data_source_that_panics_has_a_diagnostic() {
    let lookup = Value::object([("id", "1".into())]);
    let lookup = wire_as(&lookup, &ty(r#"["object",{"id":"string","size":"string"}]"#));
    let request = proto::validate_data_resource_config::Request {
        type_name: LOOKUP.to_owned(),
        config: lookup.clone(),
    };
    let response = call!(service(), validate_data_resource_config, request);
    assert_bug(&response.diagnostics, PANIC);

    let request = proto::read_data_source::Request {
        type_name: LOOKUP.to_owned(),
        config: lookup,
        ..Default::default()
    };
    let response = call!(service(), read_data_source, request);
    assert_bug(&response.diagnostics, PANIC);
}

#[tokio::test]
async fn an_import_an_upgrade_or_a_move_that_panics_has_a_diagnostic() {
    let request = proto::import_resource_state::Request {
        type_name: THING.to_owned(),
        id: "1".to_owned(),
        ..Default::default()
    };
    let response = call!(service(), import_resource_state, request);
    assert_bug(&response.diagnostics, PANIC);

    let raw_state = Some(proto::RawState {
        json: b"{}".to_vec(),
        ..Default::default()
    });
    let request = proto::upgrade_resource_state::Request {
        type_name: THING.to_owned(),
        version: 1,
        raw_state: raw_state.clone(),
    };
    let response = call!(service(), upgrade_resource_state, request);
    assert_bug(&response.diagnostics, PANIC);

    let request = proto::move_resource_state::Request {
        target_type_name: THING.to_owned(),
        source_state: raw_state,
        ..Default::default()
    };
    let response = call!(service(), move_resource_state, request);
    assert_bug(&response.diagnostics, PANIC);
}

#[tokio::test]
async fn a_panic_in_a_schema_is_a_diagnostic_of_every_call() {
    let broken = || {
        serve(Thing {
            schema: Box::new(|| panic!("the sky fell")),
            ..Default::default()
        })
    };

    let request = proto::get_metadata::Request {};
    assert_bug(&call!(broken(), get_metadata, request).diagnostics, PANIC);
    let request = proto::get_provider_schema::Request {};
    assert_bug(&call!(broken(), get_provider_schema, request).diagnostics, PANIC);

    let request = proto::upgrade_resource_state::Request {
        type_name: THING.to_owned(),
        raw_state: Some(proto::RawState {
            json: b"{}".to_vec(),
            ..Default::default()
        }),
        ..Default::default()
    };
    assert_bug(&call!(broken(), upgrade_resource_state, request).diagnostics, PANIC);

    let response = call!(
        broken(),
        apply_resource_change,
        apply(&prior(), &Value::Null, &Value::Null)
    );
    assert_bug(&response.diagnostics, PANIC);
    assert_eq!(unwire(response.new_state.as_ref()), prior());
}

#[tokio::test]
async fn the_provider_still_works_after_a_panic() {
    let service = service();
    for _ in 0..2 {
        let request = proto::get_metadata::Request {};
        assert_eq!(call!(service, get_metadata, request).diagnostics, []);
        let request = apply(&prior(), &Value::Null, &Value::Null);
        assert_bug(&call!(service, apply_resource_change, request).diagnostics, PANIC);
    }
}
