//! The admin interface over HTTP, and the handle's own switches.

use serde_json::{Value, json};

use crate::client::{Client, ClientResponse, RUNNERS, eks_runner};

/// A call without any credential.
fn admin(client: &Client, method: &str, path: &str, body: Option<Value>) -> ClientResponse {
    client
        .send(method, &format!("/_sandbox/{path}"), &[], body.map(|b| b.to_string()))
        .expect("a response")
}

fn put_other(client: &Client) -> Value {
    let body = json!({
        "description": "by hand",
        "runner_configuration": { "type": "serverless-ecs", "anything": [1, null] },
        "state_storage_configuration": { "type": "s3", "bucket": "my-state" },
    });
    admin(client, "PUT", "runners/one", Some(body)).json()
}

#[test]
fn faults_are_added_listed_and_cleared() {
    let client = Client::new();
    let rule = json!({
        "method": "GET",
        "path": "/runners",
        "after": 0,
        "times": 1,
        "fault": { "kind": "status", "status": 429, "retry_after": "2", "body": "html", "when": "before-work" },
    });
    assert_eq!(admin(&client, "POST", "faults", Some(rule.clone())).status, 204);
    let response = client.get(RUNNERS);
    assert_eq!(
        (response.status, &response.headers["retry-after"]),
        (429, &"2".parse().expect("a value"))
    );
    let mut listed = rule;
    listed["matched"] = json!(1);
    listed["struck"] = json!(1);
    assert_eq!(admin(&client, "GET", "faults", None).json(), json!([listed]));
    assert_eq!(admin(&client, "DELETE", "faults", None).status, 204);
    assert_eq!(admin(&client, "GET", "faults", None).json(), json!([]));
}

#[test]
fn every_fault_has_its_json_form() {
    let client = Client::new();
    for fault in [
        json!({ "kind": "delay", "ms": 1 }),
        json!({ "kind": "delay", "ms": 1, "when": "after-work" }),
        json!({ "kind": "status", "status": 500 }),
        json!({ "kind": "status", "status": 403, "message": "no", "body": "json" }),
        json!({ "kind": "status", "status": 500, "body": "empty" }),
        json!({ "kind": "disconnect" }),
        json!({ "kind": "disconnect", "reset": true, "when": "after-work" }),
        json!({ "kind": "cut-off" }),
        json!({ "kind": "truncated-json" }),
        json!({ "kind": "oversized" }),
        json!({ "kind": "redirect", "location": "http://127.0.0.1:1/" }),
    ] {
        let response = admin(&client, "POST", "faults", Some(json!({ "fault": fault })));
        assert_eq!(response.status, 204, "{}", response.text);
    }
    assert_eq!(client.orchestrator.faults().list().len(), 11);
}

#[test]
fn what_is_no_fault_is_refused() {
    let client = Client::new();
    for rule in [
        json!({}),
        json!({ "fault": { "kind": "flood" } }),
        json!({ "fault": { "kind": "status", "status": 99 } }),
        json!({ "fault": { "kind": "status", "status": 600 } }),
        json!({ "fault": { "kind": "status", "status": 500, "retry-after": "1" } }),
        json!({ "fault": { "kind": "delay", "ms": 1, "when": "later" } }),
        json!({ "fault": { "kind": "cut-off", "ms": 1 } }),
        json!({ "methods": "GET", "fault": { "kind": "cut-off" } }),
    ] {
        let message = admin(&client, "POST", "faults", Some(rule.clone())).error(400);
        assert!(message.starts_with("not a fault rule: "), "{rule}: {message}");
    }
    assert!(client.orchestrator.faults().list().is_empty());
}

#[test]
fn the_delay_is_read_and_set() {
    let client = Client::new();
    assert_eq!(admin(&client, "GET", "delay", None).json(), json!({ "ms": 0 }));
    assert_eq!(admin(&client, "PUT", "delay", Some(json!({ "ms": 150 }))).status, 204);
    assert_eq!(admin(&client, "GET", "delay", None).json(), json!({ "ms": 150 }));
    assert!(client.get(RUNNERS).took.as_millis() >= 150);
    admin(&client, "PUT", "delay", Some(json!({ "seconds": 1 }))).error(400);
}

#[test]
fn requests_are_logged_and_counted_without_credentials() {
    let client = Client::new();
    let orchestrator = &client.orchestrator;
    client.create("one");
    client.get(&format!("{RUNNERS}?per_page=3"));
    client
        .send("GET", RUNNERS, &[("authorization", "secret-alone")], None)
        .expect("a response");
    put_other(&client);

    let log = orchestrator.requests();
    let seen: Vec<_> = log
        .iter()
        .map(|r| (r.method.as_str(), r.path.as_str(), r.status))
        .collect();
    assert_eq!(
        seen,
        [
            ("POST", RUNNERS, Some(201)),
            ("GET", "/orgs/my-org/runners?per_page=3", Some(200)),
            ("GET", RUNNERS, Some(401)),
        ]
    );
    let body: Value = serde_json::from_str(&log[0].body).expect("the body that was sent");
    assert_eq!(body, eks_runner("one"));
    assert_eq!(log[0].headers["user-agent"], "stand-in-tests/1");
    assert_eq!(log[0].headers["authorization"], "Bearer …");
    assert_eq!(log[2].headers["authorization"], "…");
    assert_eq!(orchestrator.count("GET", "/runners"), 2);
    assert_eq!(orchestrator.count("POST", "per_page"), 0);

    let logged = admin(&client, "GET", "requests", None);
    assert!(!logged.text.contains(orchestrator.token()) && !logged.text.contains("secret-alone"));
    assert_eq!(logged.json(), serde_json::to_value(&log).expect("a log serializes"));
    assert_eq!(
        admin(&client, "GET", "counts", None).json(),
        json!({ "GET": 2, "POST": 1 })
    );
}

#[test]
fn a_runner_of_another_type_is_put_by_hand() {
    let client = Client::new();
    let put = put_other(&client);
    assert_eq!(client.get(&format!("{RUNNERS}/one")).json(), put);
    assert_eq!(put["runner_configuration"]["anything"], json!([1, null]));
    let summary = &client.get(RUNNERS).json()["items"][0];
    assert_eq!(summary["runner_configuration"], json!({ "type": "serverless-ecs" }));
    let taken = client.post(RUNNERS, eks_runner("one"));
    assert_eq!(taken.error(409), "runner with id one already exists");
    let again = put_other(&client);
    assert_eq!(again["created_at"], put["created_at"]);
    assert_eq!(client.delete(&format!("{RUNNERS}/one")).status, 204);
}

#[test]
fn runners_are_changed_and_removed_behind_the_callers_back() {
    let client = Client::new();
    let orchestrator = &client.orchestrator;
    let before = client.create("one");
    assert!(orchestrator.edit_runner("one", |runner| {
        runner.description = None;
        runner.runner_configuration["job"]["namespace"] = json!("other");
        runner.id = "renamed".to_owned();
    }));
    let after = client.get(&format!("{RUNNERS}/one")).json();
    assert!(after.get("description").is_none());
    assert_eq!(after["id"], "one");
    assert_eq!(after["runner_configuration"]["job"]["namespace"], "other");
    assert!(after["updated_at"].as_str() > before["updated_at"].as_str());
    assert_eq!(orchestrator.runner("one").expect("it is there").description, None);
    assert_eq!(admin(&client, "GET", "runners", None).json(), json!([after]));

    orchestrator.set_environments("one", &["a/b"]);
    assert!(orchestrator.remove_runner("one"));
    assert!(!orchestrator.remove_runner("one"));
    assert!(!orchestrator.edit_runner("one", |_| {}));
    assert_eq!(orchestrator.runner("one"), None);
    // A new runner with the same id is not in use.
    client.create("one");
    assert_eq!(client.delete(&format!("{RUNNERS}/one")).status, 204);
}

#[test]
fn environments_and_removal_are_reached_over_http() {
    let client = Client::new();
    client.create("one");
    let use_by = |list: Value| admin(&client, "PUT", "runners/one/environments", Some(list)).status;
    assert_eq!(use_by(json!(["shop/prod"])), 204);
    assert_eq!(
        client.delete(&format!("{RUNNERS}/one")).error(409),
        "runner one is in use by the environments: shop/prod"
    );
    assert_eq!(use_by(json!("shop/prod")), 400);
    assert_eq!(admin(&client, "DELETE", "runners/one", None).status, 204);
    admin(&client, "DELETE", "runners/one", None).error(404);
    assert_eq!(admin(&client, "GET", "runners", None).json(), json!([]));
}

#[test]
fn rules_are_shown_and_other_paths_are_unknown() {
    let client = Client::new();
    client.create("one");
    let rule = client
        .post("/orgs/my-org/runner-rules", json!({ "runner_id": "one" }))
        .json();
    assert_eq!(admin(&client, "GET", "runner-rules", None).json(), json!([rule]));
    admin(&client, "GET", "nothing", None).error(404);
}

#[test]
fn the_admin_interface_meets_no_fault() {
    let client = Client::new();
    admin(
        &client,
        "POST",
        "faults",
        Some(json!({ "fault": { "kind": "status", "status": 500 } })),
    );
    admin(&client, "PUT", "delay", Some(json!({ "ms": 5000 })));
    let response = admin(&client, "GET", "runners", None);
    assert_eq!(response.status, 200);
    assert!(response.took.as_millis() < 5000);
}
