//! Each fault, as a client meets it, and what became of the work behind it.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use sandbox::orchestrator::faults::{BodyKind, Fault, FaultRule, When};
use sandbox::orchestrator::{Orchestrator, OrchestratorOptions};
use serde_json::Value;

use crate::client::{Client, RUNNERS, eks_runner};

const BOTH: [When; 2] = [When::BeforeWork, When::AfterWork];

/// A stand-in whose first POST meets this fault.
fn with_fault(fault: Fault) -> Client {
    let client = Client::new();
    let rule = FaultRule::new(fault).method("POST").times(1);
    client.orchestrator.faults().add(rule);
    client
}

/// The runner is there only if the fault came after the work, and the fault came once.
fn assert_work(client: &Client, when: When) {
    let created = usize::from(when == When::AfterWork);
    assert_eq!(client.orchestrator.runners().len(), created, "{when:?}");
    assert_eq!(client.orchestrator.faults().list()[0].struck, 1);
    let again = client.post(RUNNERS, eks_runner("one"));
    assert_eq!(again.status, if created == 1 { 409 } else { 201 });
}

#[test]
fn a_delay_comes_before_or_after_the_work() {
    for when in BOTH {
        let client = with_fault(Fault::Delay { ms: 300, when });
        let response = client.post(RUNNERS, eks_runner("one"));
        assert_eq!(response.status, 201);
        assert!(response.took >= Duration::from_millis(300), "{:?}", response.took);
        assert_work(&client, When::AfterWork);
    }
}

/// Sends a create call by hand and returns its connection without reading the response.
fn raw_create(orchestrator: &Orchestrator) -> TcpStream {
    let address = orchestrator.url().trim_start_matches("http://").to_owned();
    let body = eks_runner("one").to_string();
    let mut connection = TcpStream::connect(&address).expect("a connection");
    write!(
        connection,
        "POST {RUNNERS} HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {}\r\nContent-Length: {}\r\n\r\n{body}",
        orchestrator.token(),
        body.len()
    )
    .expect("the request is sent");
    connection
}

fn wait_until(what: &str, condition: impl Fn() -> bool) {
    let start = Instant::now();
    while !condition() {
        assert!(start.elapsed() < Duration::from_secs(10), "{what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_client_that_leaves_during_a_delay_leaves_the_work_done() {
    for when in BOTH {
        let client = with_fault(Fault::Delay { ms: 200, when });
        let orchestrator = &client.orchestrator;
        let connection = raw_create(orchestrator);
        wait_until("the request arrives", || orchestrator.count("POST", RUNNERS) == 1);
        drop(connection);
        wait_until("the work is done", || orchestrator.runners().len() == 1);
        wait_until("the response is logged", || {
            orchestrator.requests()[0].status == Some(201)
        });
    }
}

#[test]
fn a_status_comes_instead_of_the_work_or_of_its_response() {
    for when in BOTH {
        for (body, retry_after) in [
            (BodyKind::Json, None),
            (BodyKind::Html, Some("1")),
            (BodyKind::Empty, Some("Fri, 31 Dec 1999 23:59:59 GMT")),
        ] {
            let client = with_fault(Fault::Status {
                status: 503,
                retry_after: retry_after.map(str::to_owned),
                body,
                message: None,
                when,
            });
            let response = client.post(RUNNERS, eks_runner("one"));
            assert_eq!(response.status, 503);
            let header = response.headers.get("retry-after");
            assert_eq!(header.map(|v| v.to_str().expect("a text")), retry_after);
            match body {
                BodyKind::Json => assert_eq!(response.error(503), "a fault was set"),
                BodyKind::Html => {
                    assert!(response.text.starts_with("<!DOCTYPE html>"));
                    assert_eq!(response.headers["content-type"], "text/html; charset=utf-8");
                }
                BodyKind::Empty => assert_eq!(response.text, ""),
            }
            assert_eq!(client.orchestrator.requests()[0].status, Some(503));
            assert_work(&client, when);
        }
    }
}

#[test]
fn a_page_of_html_comes_with_200() {
    let client = with_fault(Fault::Status {
        status: 200,
        retry_after: None,
        body: BodyKind::Html,
        message: None,
        when: When::AfterWork,
    });
    let response = client.post(RUNNERS, eks_runner("one"));
    assert_eq!(response.status, 200);
    assert!(response.text.contains("<html>"));
    assert_work(&client, When::AfterWork);
}

#[test]
fn a_connection_is_closed_or_reset_before_or_after_the_work() {
    for when in BOTH {
        for reset in [false, true] {
            let client = with_fault(Fault::Disconnect { reset, when });
            let mut read = Vec::new();
            let end = raw_create(&client.orchestrator).read_to_end(&mut read);
            assert_eq!(read, b"");
            match end {
                Ok(0) => assert!(!reset),
                Err(error) => {
                    assert!(reset, "{error}");
                    assert_eq!(error.kind(), std::io::ErrorKind::ConnectionReset);
                }
                Ok(n) => panic!("{n} bytes came"),
            }
            assert_eq!(client.orchestrator.requests()[0].status, None);
            assert_work(&client, when);
        }
    }
}

#[test]
fn an_http_client_meets_a_broken_connection_as_an_error() {
    let client = with_fault(Fault::Disconnect {
        reset: false,
        when: When::AfterWork,
    });
    let error = client
        .try_call("POST", RUNNERS, Some(eks_runner("one")))
        .expect_err("no response");
    assert!(error.is_request(), "{error:?}");
    assert_work(&client, When::AfterWork);
}

#[test]
fn a_response_is_cut_off_in_its_middle() {
    let client = with_fault(Fault::CutOff {});
    let mut read = String::new();
    let mut connection = raw_create(&client.orchestrator);
    // The announced length shows where it ends.
    let _ = connection.read_to_string(&mut read);
    let (head, body) = read.split_once("\r\n\r\n").expect("a head");
    assert!(head.starts_with("HTTP/1.1 201"), "{head}");
    let promised = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: "))
        .expect("a length");
    assert_eq!(promised.parse::<usize>().expect("a number") / 2, body.len());
    assert_work(&client, When::AfterWork);

    let client = with_fault(Fault::CutOff {});
    let error = client
        .try_call("POST", RUNNERS, Some(eks_runner("one")))
        .expect_err("half a response");
    assert!(error.is_body() || error.is_decode(), "{error:?}");
}

#[test]
fn truncated_json_comes_in_a_whole_response() {
    let client = with_fault(Fault::TruncatedJson {});
    let response = client.post(RUNNERS, eks_runner("one"));
    assert_eq!(response.status, 201);
    assert!(response.text.starts_with('{'));
    assert!(serde_json::from_str::<Value>(&response.text).is_err());
    assert_work(&client, When::AfterWork);
}

#[test]
fn an_oversized_response_is_good_json_beyond_the_limit() {
    for (bytes, limit) in [("", 4 * 1024 * 1024), (r#", "bytes": 1000"#, 1000)] {
        let fault = serde_json::from_str(&format!(r#"{{"kind": "oversized"{bytes}}}"#));
        let client = with_fault(fault.expect("a fault"));
        let response = client.post(RUNNERS, eks_runner("one"));
        assert_eq!(response.status, 201);
        assert!(response.text.len() > limit && response.text.len() < limit + 2000);
        assert_eq!(response.json()["id"], "one");
        assert_work(&client, When::AfterWork);
    }
}

#[test]
fn a_response_without_a_body_is_spoilt_too() {
    for fault in [Fault::TruncatedJson {}, Fault::Oversized { bytes: 10 }] {
        let client = Client::new();
        client.create("one");
        client
            .orchestrator
            .faults()
            .add(FaultRule::new(fault.clone()).method("DELETE"));
        let response = client.delete(&format!("{RUNNERS}/one"));
        assert_eq!(response.status, 200);
        assert!(response.text.contains('{'), "{fault:?}");
        assert!(client.orchestrator.runners().is_empty());
    }
}

#[test]
fn a_redirect_sends_elsewhere_before_the_work() {
    let client = with_fault(Fault::Redirect {
        status: 302,
        location: "http://127.0.0.1:1/elsewhere".to_owned(),
    });
    let response = client.post(RUNNERS, eks_runner("one"));
    assert_eq!(response.status, 302);
    assert_eq!(response.headers["location"], "http://127.0.0.1:1/elsewhere");
    assert_work(&client, When::BeforeWork);
}

#[test]
fn a_fault_strikes_before_the_caller_is_known() {
    let client = Client::new();
    client.orchestrator.faults().add(FaultRule::new(Fault::status(502)));
    let response = client.send("GET", RUNNERS, &[], None).expect("a response");
    response.error(502);
}

#[test]
fn a_rule_is_narrowed_by_method_path_and_count() {
    let client = Client::new();
    client.create("one");
    let rule = FaultRule::new(Fault::status(500))
        .method("get")
        .path("/runners/one")
        .after(1)
        .times(2);
    client.orchestrator.faults().add(rule);
    let one = format!("{RUNNERS}/one");
    let statuses: Vec<u16> = (0..5).map(|_| client.get(&one).status).collect();
    assert_eq!(statuses, [200, 500, 500, 200, 200]);
    assert_eq!(client.get(RUNNERS).status, 200);
    assert_eq!(client.delete(&one).status, 204);
    let count = &client.orchestrator.faults().list()[0];
    assert_eq!((count.matched, count.struck), (5, 2));
}

#[test]
fn a_path_is_matched_with_its_query() {
    let client = Client::new();
    let rule = FaultRule::new(Fault::status(500)).path("per_page=1");
    client.orchestrator.faults().add(rule);
    assert_eq!(client.get(&format!("{RUNNERS}?per_page=1")).status, 500);
    assert_eq!(client.get(RUNNERS).status, 200);
}

#[test]
fn the_first_rule_that_is_due_strikes_and_forever_is_until_cleared() {
    let client = Client::new();
    let faults = client.orchestrator.faults();
    faults.add(FaultRule::new(Fault::status(429)).times(1));
    faults.add(FaultRule::new(Fault::status(503)));
    let statuses: Vec<u16> = (0..3).map(|_| client.get(RUNNERS).status).collect();
    assert_eq!(statuses, [429, 503, 503]);
    faults.clear();
    assert_eq!(client.get(RUNNERS).status, 200);
    assert!(faults.list().is_empty());
}

#[test]
fn every_call_is_delayed_until_the_delay_is_reset() {
    let client = Client::with(OrchestratorOptions {
        delay: Duration::from_millis(600),
        ..OrchestratorOptions::default()
    });
    assert!(client.get(RUNNERS).took >= Duration::from_millis(600));
    assert!(client.get("/nowhere").took >= Duration::from_millis(600));
    client.orchestrator.set_delay(Duration::ZERO);
    assert!(client.get(RUNNERS).took < Duration::from_millis(600));
}

#[test]
fn faults_may_be_set_at_start() {
    let client = Client::with(OrchestratorOptions {
        faults: vec![FaultRule::new(Fault::status(500)).times(1)],
        ..OrchestratorOptions::default()
    });
    assert_eq!(client.get(RUNNERS).status, 500);
    assert_eq!(client.get(RUNNERS).status, 200);
}

#[test]
fn a_stand_in_stops_at_once_and_frees_its_port() {
    let client = with_fault(Fault::Delay {
        ms: 60_000,
        when: When::BeforeWork,
    });
    let port: u16 = client
        .orchestrator
        .url()
        .rsplit_once(':')
        .expect("a port")
        .1
        .parse()
        .expect("a number");
    let connection = raw_create(&client.orchestrator);
    wait_until("the request arrives", || client.orchestrator.count("POST", "") == 1);
    let start = Instant::now();
    drop(client);
    assert!(start.elapsed() < Duration::from_secs(2));
    drop(connection);
    assert!(TcpStream::connect(("127.0.0.1", port)).is_err());
    let taken = Orchestrator::start(OrchestratorOptions {
        port,
        ..OrchestratorOptions::default()
    })
    .expect("the port is free");
    assert!(
        Orchestrator::start(OrchestratorOptions {
            port,
            ..OrchestratorOptions::default()
        })
        .is_err()
    );
    assert!(taken.url().ends_with(&format!(":{port}")));
}
