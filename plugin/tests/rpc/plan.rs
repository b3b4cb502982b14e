//! Planning, and plans that Terraform does not allow.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use terraform_plugin_server::grpc::proto;
use terraform_plugin_server::grpc::proto::plan_resource_change::{Request, Response};
use terraform_plugin_server::{Diagnostic, Number, Path, PlanRequest, PlanResponse, Refinements, Value};

use crate::fake::{THING, Thing, assert_bug, call, method, only_error, serve, thing, unwire, wire, with};

/// Returns the response of the service if the provider plans `planned`.
async fn plan(prior: &Value, config: &Value, planned: Value) -> Response {
    plan_replacing(prior, config, planned, Vec::new()).await
}

async fn plan_replacing(prior: &Value, config: &Value, planned: Value, requires_replace: Vec<Path>) -> Response {
    let service = serve(Thing {
        plan: method(move |_| PlanResponse {
            planned: planned.clone(),
            requires_replace: requires_replace.clone(),
            diagnostics: Vec::new(),
        }),
        ..Default::default()
    });
    call!(service, plan_resource_change, request(prior, config, config))
}

fn request(prior: &Value, config: &Value, proposed: &Value) -> Request {
    Request {
        type_name: THING.to_owned(),
        prior_state: wire(prior),
        proposed_new_state: wire(proposed),
        config: wire(config),
        prior_private: b"private".to_vec(),
        prior_identity: Some(proto::ResourceIdentityData::default()),
        ..Default::default()
    }
}

#[tokio::test]
async fn the_planned_state_is_returned_with_the_private_data_and_the_identity() {
    let prior = thing([("id", "1".into()), ("name", "old".into())]);
    let config = thing([("name", "new".into())]);
    let planned = with(prior.clone(), "name", "new".into());
    let response = plan_replacing(&prior, &config, planned.clone(), vec![Path::new(["name"])]).await;
    assert_eq!(response.diagnostics, []);
    assert_eq!(unwire(response.planned_state.as_ref()), planned);
    assert_eq!(response.requires_replace, [Path::new(["name"]).into()]);
    assert_eq!(response.planned_private, b"private");
    assert_eq!(response.planned_identity, Some(proto::ResourceIdentityData::default()));
    assert!(!response.legacy_type_system);
}

#[tokio::test]
async fn the_provider_gets_the_prior_the_configured_and_the_proposed_values() {
    let prior = thing([("id", "1".into()), ("name", "old".into())]);
    let config = thing([("name", "new".into())]);
    let proposed = with(prior.clone(), "name", "new".into());
    let expected = (prior.clone(), config.clone(), proposed.clone());
    let service = serve(Thing {
        plan: method(move |request: PlanRequest| {
            let seen = (request.prior, request.config, request.proposed.clone());
            assert_eq!(seen, expected);
            PlanResponse {
                planned: request.proposed,
                ..Default::default()
            }
        }),
        ..Default::default()
    });
    let response = call!(service, plan_resource_change, request(&prior, &config, &proposed));
    assert_eq!(response.diagnostics, []);
}

#[tokio::test]
async fn a_destroy_is_planned_without_the_provider() {
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&calls);
    let service = serve(Thing {
        plan: method(move |_| {
            counted.fetch_add(1, Ordering::Relaxed);
            PlanResponse::default()
        }),
        ..Default::default()
    });
    let prior = thing([("id", "1".into()), ("name", "old".into())]);
    let response = call!(
        service,
        plan_resource_change,
        request(&prior, &Value::Null, &Value::Null)
    );
    assert_eq!(response.diagnostics, []);
    assert_eq!(unwire(response.planned_state.as_ref()), Value::Null);
    assert_eq!(response.planned_private, b"private");
    assert_eq!(calls.load(Ordering::Relaxed), 0);
}

#[tokio::test]
async fn after_an_error_the_plan_is_the_proposed_state() {
    let service = serve(Thing {
        plan: method(|_| PlanResponse {
            diagnostics: vec![
                Diagnostic::warning("Careful", "It is late."),
                Diagnostic::error("No", "Not today.").at(Path::new(["main", "number"])),
            ],
            ..Default::default()
        }),
        ..Default::default()
    });
    let config = thing([("name", "new".into())]);
    let response = call!(service, plan_resource_change, request(&Value::Null, &config, &config));
    let [warning, error] = &response.diagnostics[..] else {
        panic!("{response:#?}")
    };
    assert_eq!(warning.severity(), proto::diagnostic::Severity::Warning);
    assert_eq!(
        (error.summary.as_str(), error.detail.as_str()),
        ("No", "main.number: Not today.")
    );
    assert_eq!(error.attribute, Some(Path::new(["main"]).key("number").into()));
    assert_eq!(unwire(response.planned_state.as_ref()), config);
}

fn port(number: i64, protocol: Value) -> Value {
    Value::object([("number", Number::from(number).into()), ("protocol", protocol)])
}

#[tokio::test]
async fn plans_that_terraform_allows_are_accepted() {
    let unknown = Value::unknown;
    let refined = Value::Unknown(Some(Box::new(Refinements {
        nullable: Some(false),
        ..Default::default()
    })));
    let list = |elements: &[Value]| Value::List(elements.to_vec());
    let null = Value::Null;
    for (name, prior, config, planned) in [
        // The configured value, the prior value, or any value if it is computed and not configured.
        ("note", null.clone(), "a".into(), "a".into()),
        ("note", " a".into(), "a".into(), " a".into()),
        ("note", null.clone(), refined.clone(), unknown()),
        ("size", null.clone(), null.clone(), unknown()),
        ("size", "a".into(), null.clone(), "b".into()),
        ("size", "A".into(), "a".into(), "A".into()),
        // Strings are equal in each form of Unicode, and sets in each order.
        ("note", null.clone(), "\u{e9}".into(), "e\u{301}".into()),
        (
            "tags",
            null.clone(),
            list(&["a".into(), "b".into()]),
            list(&["b".into(), "a".into()]),
        ),
        // Nested attributes follow the same rule.
        ("main", null.clone(), port(1, null.clone()), port(1, unknown())),
        (
            "main",
            port(1, "tcp".into()),
            port(2, null.clone()),
            port(2, "tcp".into()),
        ),
        (
            "ports",
            list(&[port(1, "TCP".into())]),
            list(&[port(1, "tcp".into()), port(2, null.clone())]),
            list(&[port(1, "TCP".into()), port(2, unknown())]),
        ),
        (
            "open",
            null.clone(),
            list(&[port(1, null.clone()), port(2, null.clone())]),
            list(&[port(2, unknown()), port(1, "tcp".into())]),
        ),
        (
            "named",
            Value::object([("a", port(1, "TCP".into()))]),
            Value::object([("a", port(1, "tcp".into()))]),
            Value::object([("a", port(1, "TCP".into()))]),
        ),
        ("main", null.clone(), unknown(), unknown()),
    ] {
        let base = || thing([("id", "1".into()), ("name", "n".into())]);
        let response = plan(
            &with(base(), name, prior),
            &with(with(base(), "id", null.clone()), name, config),
            with(base(), name, planned.clone()),
        )
        .await;
        assert_eq!(response.diagnostics, [], "{name}: {planned:?}");
    }
}

#[tokio::test]
async fn plans_of_values_that_terraform_refuses_are_defects_with_a_path() {
    let null = || Value::Null;
    for (name, prior, config, planned, path) in [
        ("note", null(), null(), "a".into(), "note: "),
        ("note", null(), "a".into(), "b".into(), "note: "),
        ("note", null(), "a".into(), null(), "note: "),
        ("note", "b".into(), "a".into(), "c".into(), "note: "),
        ("note", null(), Value::unknown(), "a".into(), "note: "),
        ("note", null(), "a".into(), Value::unknown(), "note: "),
        ("size", null(), "a".into(), Value::unknown(), "size: "),
        ("note", null(), "a".into(), true.into(), "note: "),
        ("nothing", null(), null(), "a".into(), "nothing: "),
    ] {
        assert_refused(name, prior, config, planned, path).await;
    }
}

#[tokio::test]
async fn plans_of_nested_attributes_that_terraform_refuses_are_defects_with_a_path() {
    let null = || Value::Null;
    let port = |number| port(number, Value::Null);
    let list = |ports: &[i64]| Value::List(ports.iter().map(|number| port(*number)).collect());
    let map = |number| Value::object([("a b", port(number))]);
    for (name, config, planned, path) in [
        ("main", null(), port(1), "main: "),
        ("main", port(1), null(), "main: "),
        ("main", port(1), port(2), "main.number: "),
        ("ports", list(&[1, 2]), list(&[1, 3]), "ports[1].number: "),
        ("ports", list(&[1]), list(&[]), "ports: "),
        ("named", map(1), map(2), "named[\"a b\"].number: "),
        ("open", list(&[1]), list(&[2]), "open: "),
    ] {
        assert_refused(name, null(), config, planned, path).await;
    }
}

/// Asserts that this plan of the attribute `name` is a bug in the provider, reported with the path.
async fn assert_refused(name: &str, prior: Value, config: Value, planned: Value, path: &str) {
    let base = || thing([("id", "1".into()), ("name", "n".into())]);
    let known = |name: &str, value| match name {
        "nothing" => base(),
        _ => with(base(), name, value),
    };
    let config = with(known(name, config), "id", Value::Null);
    let planned = with(base(), name, planned);
    let response = plan(&known(name, prior), &config, planned).await;
    assert_bug(&response.diagnostics, path);
    let proposed = unwire(response.planned_state.as_ref());
    assert_eq!(proposed, config, "the plan is the proposed state");
}

#[tokio::test]
async fn a_null_plan_of_a_configured_resource_is_a_defect() {
    let config = thing([("name", "n".into())]);
    let response = plan(&Value::Null, &config, Value::Null).await;
    assert_bug(&response.diagnostics, "the planned value is null");
}

#[tokio::test]
async fn a_replacement_needs_an_attribute_that_exists() {
    let config = thing([("name", "n".into()), ("ports", Value::List(vec![port(1, Value::Null)]))]);
    for (path, allowed) in [
        (Path::new(["name"]), true),
        (Path::new(["main"]), true),
        (Path::new(["ports"]).index(0).attribute("number"), true),
        (Path::new(["ports"]).index(1).attribute("number"), false),
        (Path::new(["main", "number"]), false),
        (Path::new(["nam"]), false),
    ] {
        let response = plan_replacing(&Value::Null, &config, config.clone(), vec![path.clone()]).await;
        if allowed {
            assert_eq!(response.diagnostics, [], "{path}");
        } else {
            assert_bug(&response.diagnostics, &format!("{path}: "));
            assert_eq!(response.requires_replace, []);
        }
    }
}

#[tokio::test]
async fn a_plan_without_a_configuration_is_an_error() {
    let service = serve(Thing::default());
    let state = thing([("name", "n".into())]);
    let response = call!(service, plan_resource_change, request(&state, &Value::Null, &state));
    assert!(only_error(&response.diagnostics).contains("no configuration"));
}
