//! Planning, and what a provider may not plan.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use terraform_plugin_server::grpc::proto;
use terraform_plugin_server::grpc::proto::plan_resource_change::{Request, Response};
use terraform_plugin_server::{
    Diagnostic, Number, Path, PlanRequest, PlanResponse, Refinements, Value,
};

use crate::fake::{
    THING, Thing, assert_bug, call, method, only_error, serve, thing, unwire, wire, with,
};

/// What the service answers where the provider plans `planned`.
async fn plan(prior: &Value, config: &Value, planned: Value) -> Response {
    plan_replacing(prior, config, planned, Vec::new()).await
}

async fn plan_replacing(
    prior: &Value,
    config: &Value,
    planned: Value,
    requires_replace: Vec<Path>,
) -> Response {
    let service = serve(Thing {
        plan: method(move |_| PlanResponse {
            planned: planned.clone(),
            requires_replace: requires_replace.clone(),
            diagnostics: Vec::new(),
        }),
        ..Default::default()
    });
    call!(
        service,
        plan_resource_change,
        request(prior, config, config)
    )
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
async fn a_plan_of_the_provider_is_answered_with_what_has_to_come_back() {
    let prior = thing([("id", "1".into()), ("name", "old".into())]);
    let config = thing([("name", "new".into())]);
    let planned = with(prior.clone(), "name", "new".into());
    let response =
        plan_replacing(&prior, &config, planned.clone(), vec![Path::new(["name"])]).await;
    assert_eq!(response.diagnostics, []);
    assert_eq!(unwire(response.planned_state.as_ref()), planned);
    assert_eq!(response.requires_replace, [Path::new(["name"]).into()]);
    assert_eq!(response.planned_private, b"private");
    assert_eq!(
        response.planned_identity,
        Some(proto::ResourceIdentityData::default())
    );
    assert!(!response.legacy_type_system);
}

#[tokio::test]
async fn the_provider_sees_prior_config_and_proposed() {
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
    let response = call!(
        service,
        plan_resource_change,
        request(&prior, &config, &proposed)
    );
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
async fn an_error_of_the_provider_is_answered_beside_the_proposed_state() {
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
    let response = call!(
        service,
        plan_resource_change,
        request(&Value::Null, &config, &config)
    );
    let [warning, error] = &response.diagnostics[..] else {
        panic!("{response:#?}")
    };
    assert_eq!(warning.severity(), proto::diagnostic::Severity::Warning);
    assert_eq!(
        (error.summary.as_str(), error.detail.as_str()),
        ("No", "main.number: Not today.")
    );
    assert_eq!(
        error.attribute,
        Some(Path::new(["main"]).key("number").into())
    );
    assert_eq!(unwire(response.planned_state.as_ref()), config);
}

fn port(number: i64, protocol: Value) -> Value {
    Value::object([
        ("number", Number::from(number).into()),
        ("protocol", protocol),
    ])
}

#[tokio::test]
async fn what_terraform_allows_is_left_alone() {
    let unknown = Value::unknown;
    let refined = Value::Unknown(Some(Box::new(Refinements {
        nullable: Some(false),
        ..Default::default()
    })));
    let list = |elements: &[Value]| Value::List(elements.to_vec());
    let null = Value::Null;
    for (name, prior, config, planned) in [
        // As configured, as before, or free where it is computed and not configured.
        ("note", null.clone(), "a".into(), "a".into()),
        ("note", " a".into(), "a".into(), " a".into()),
        ("note", null.clone(), refined.clone(), unknown()),
        ("size", null.clone(), null.clone(), unknown()),
        ("size", "a".into(), null.clone(), "b".into()),
        ("size", "A".into(), "a".into(), "A".into()),
        // Strings are the same in every form of Unicode, sets in every order.
        ("note", null.clone(), "\u{e9}".into(), "e\u{301}".into()),
        (
            "tags",
            null.clone(),
            list(&["a".into(), "b".into()]),
            list(&["b".into(), "a".into()]),
        ),
        // Nested attributes follow the same rule.
        (
            "main",
            null.clone(),
            port(1, null.clone()),
            port(1, unknown()),
        ),
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
async fn what_terraform_calls_an_invalid_plan_is_a_bug_with_the_path() {
    let list = |elements: &[Value]| Value::List(elements.to_vec());
    let null = Value::Null;
    for (name, prior, config, planned, path) in [
        ("note", null.clone(), null.clone(), "a".into(), "note: "),
        ("note", null.clone(), "a".into(), "b".into(), "note: "),
        ("note", null.clone(), "a".into(), null.clone(), "note: "),
        ("note", "b".into(), "a".into(), "c".into(), "note: "),
        ("note", null.clone(), Value::unknown(), "a".into(), "note: "),
        ("note", null.clone(), "a".into(), Value::unknown(), "note: "),
        ("size", null.clone(), "a".into(), Value::unknown(), "size: "),
        ("note", null.clone(), "a".into(), true.into(), "note: "),
        (
            "main",
            null.clone(),
            null.clone(),
            port(1, null.clone()),
            "main: ",
        ),
        (
            "main",
            null.clone(),
            port(1, null.clone()),
            null.clone(),
            "main: ",
        ),
        (
            "main",
            null.clone(),
            port(1, null.clone()),
            port(2, null.clone()),
            "main.number: ",
        ),
        (
            "ports",
            null.clone(),
            list(&[port(1, null.clone()), port(2, null.clone())]),
            list(&[port(1, null.clone()), port(3, null.clone())]),
            "ports[1].number: ",
        ),
        (
            "ports",
            null.clone(),
            list(&[port(1, null.clone())]),
            list(&[]),
            "ports: ",
        ),
        (
            "named",
            null.clone(),
            Value::object([("a b", port(1, null.clone()))]),
            Value::object([("a b", port(2, null.clone()))]),
            "named[\"a b\"].number: ",
        ),
        (
            "open",
            null.clone(),
            list(&[port(1, null.clone())]),
            list(&[port(2, null.clone())]),
            "open: ",
        ),
        (
            "nothing",
            null.clone(),
            null.clone(),
            "a".into(),
            "nothing: ",
        ),
    ] {
        let base = || thing([("id", "1".into()), ("name", "n".into())]);
        let known = |name, value| match name {
            "nothing" => base(),
            _ => with(base(), name, value),
        };
        let config = with(known(name, config), "id", null.clone());
        let planned = with(base(), name, planned);
        let response = plan(&known(name, prior), &config, planned).await;
        assert_bug(&response.diagnostics, path);
        assert_eq!(
            unwire(response.planned_state.as_ref()),
            config,
            "what was proposed"
        );
    }
}

#[tokio::test]
async fn nothing_is_no_plan_of_something() {
    let config = thing([("name", "n".into())]);
    let response = plan(&Value::Null, &config, Value::Null).await;
    assert_bug(&response.diagnostics, "planned as null");
}

#[tokio::test]
async fn a_replacement_is_asked_for_by_an_attribute_that_exists() {
    let config = thing([
        ("name", "n".into()),
        ("ports", Value::List(vec![port(1, Value::Null)])),
    ]);
    for (path, allowed) in [
        (Path::new(["name"]), true),
        (Path::new(["main"]), true),
        (Path::new(["ports"]).index(0).attribute("number"), true),
        (Path::new(["ports"]).index(1).attribute("number"), false),
        (Path::new(["main", "number"]), false),
        (Path::new(["nam"]), false),
    ] {
        let response =
            plan_replacing(&Value::Null, &config, config.clone(), vec![path.clone()]).await;
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
    let response = call!(
        service,
        plan_resource_change,
        request(&state, &Value::Null, &state)
    );
    assert!(only_error(&response.diagnostics).contains("no configuration"));
}
