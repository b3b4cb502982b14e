//! Who may call, and how the service says no.

use sandbox::orchestrator::faults::{BodyKind, Fault, FaultRule, When};
use sandbox::orchestrator::{Orchestrator, OrchestratorOptions};

use crate::client::{Client, RUNNERS};

const USER: (&str, &str) = ("from", "00000000-0000-0000-0000-000000000000");

#[test]
fn only_the_token_is_admitted() {
    let client = Client::new();
    let token = client.orchestrator.token().to_owned();
    assert_eq!(client.get(RUNNERS).status, 200);
    for headers in [
        vec![],
        vec![("authorization", "Bearer wrong".to_owned())],
        vec![("authorization", format!("Bearer {token}x"))],
        vec![("authorization", format!("Basic {token}"))],
        vec![("authorization", token.clone())],
        vec![USER].into_iter().map(|(n, v)| (n, v.to_owned())).collect(),
        vec![("host", "localhost".to_owned()), ("from", USER.1.to_owned())],
    ] {
        let headers: Vec<_> = headers.iter().map(|(n, v)| (*n, v.as_str())).collect();
        let response = client.send("GET", RUNNERS, &headers, None).expect("a response");
        assert_eq!(response.error(401), "the caller is not authenticated", "{headers:?}");
        assert!(!response.text.contains(&token));
    }
}

#[test]
fn an_unknown_caller_learns_nothing_of_the_paths() {
    let client = Client::new();
    for path in ["/", "/orgs/other/runners", "/orgs/my-org/runners/none"] {
        let response = client.send("GET", path, &[], None).expect("a response");
        response.error(401);
    }
}

#[test]
fn a_local_installation_trusts_the_user_id_in_from() {
    let client = Client::with(OrchestratorOptions {
        token: None,
        ..OrchestratorOptions::default()
    });
    assert!(client.orchestrator.url().starts_with("http://localhost:"));
    assert_eq!(client.orchestrator.token(), "");
    let call = |headers: &[(&str, &str)]| client.send("GET", RUNNERS, headers, None).expect("a response");
    assert_eq!(call(&[USER]).status, 200);
    assert_eq!(call(&[USER, ("host", "localhost")]).status, 200);
    call(&[]).error(401);
    call(&[("from", "someone@example.com")]).error(401);
    call(&[("authorization", "Bearer ")]).error(401);
    call(&[("authorization", "Bearer anything")]).error(401);
    call(&[USER, ("host", "127.0.0.1:80")]).error(401);
    call(&[USER, ("host", "localhost.example.com")]).error(401);
}

#[test]
fn a_missing_permission_is_a_fault_that_can_be_set() {
    let client = Client::new();
    client.orchestrator.faults().add(
        FaultRule::new(Fault::Status {
            status: 403,
            retry_after: None,
            body: BodyKind::Json,
            message: Some("missing permission runners:write".to_owned()),
            when: When::BeforeWork,
        })
        .method("POST"),
    );
    let message = client.post(RUNNERS, serde_json::json!({})).error(403);
    assert_eq!(message, "missing permission runners:write");
    assert_eq!(client.get(RUNNERS).status, 200);
}

#[test]
fn every_refusal_has_the_error_form() {
    let client = Client::new();
    assert_eq!(client.get("/nowhere").error(404), "no such path");
    client.call("PUT", RUNNERS, None).error(405);
    client.get(&format!("{RUNNERS}?per_page=1&per_page=2")).error(400);
}

#[test]
fn tokens_are_random_and_organizations_chosen() {
    let one = Orchestrator::start(OrchestratorOptions::default()).expect("it starts");
    let two = Orchestrator::start(OrchestratorOptions {
        org: "acme".to_owned(),
        ..OrchestratorOptions::default()
    })
    .expect("it starts");
    assert_ne!(one.token(), two.token());
    assert_ne!(one.url(), two.url());
    assert_eq!((one.org(), two.org()), ("my-org", "acme"));
}
