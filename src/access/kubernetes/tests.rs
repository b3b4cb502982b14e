//! Tests of the calls with a server that records them.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::sync::mpsc::{Receiver, channel};
use std::time::Instant;

use super::*;

/// Starts a server that returns these responses, one on each connection, and records the headers of each request.
fn server(responses: Vec<String>) -> (kube::Config, Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        for response in responses {
            let (mut stream, _) = listener.accept().unwrap();
            let lines = BufReader::new(stream.try_clone().unwrap()).lines();
            let head = lines
                .map(Result::unwrap)
                .take_while(|line| !line.is_empty());
            let head: Vec<String> = head.collect();
            sender.send(head.join("\n")).unwrap();
            stream.write_all(response.as_bytes()).unwrap();
        }
    });
    (kube::Config::new(url.parse().unwrap()), receiver)
}

fn response(status: &str, headers: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "HTTP/1.1 {status}\r\n{headers}Connection: close\r\nContent-Length: {length}\r\n\r\n{body}"
    )
}

const OBJECT: &str = r#"{"kind": "Job"}"#;

#[tokio::test]
async fn throttling_is_waited_out_as_the_api_requests() {
    let throttled = response("429 Too Many Requests", "Retry-After: 1\r\n", "later");
    let (config, calls) = server(vec![
        throttled.clone(),
        throttled,
        response("200 OK", "", OBJECT),
    ]);
    let cluster = ClusterClient::new(config).unwrap();
    let start = Instant::now();
    assert!(cluster.get_now("/x").await.is_ok());
    assert_eq!(calls.iter().count(), 3);
    assert!(start.elapsed() >= Duration::from_secs(2));
}

#[tokio::test]
async fn a_pause_that_is_longer_than_the_patience_is_not_waited_for() {
    let headers = "Retry-After: 600\r\n";
    let (config, _calls) = server(vec![response("429 Too Many Requests", headers, "later")]);
    let cluster = ClusterClient::new(config).unwrap();
    let error = cluster.get_now("/x").await.unwrap_err();
    assert!(error.is_throttled(), "{error}");
}

#[tokio::test]
async fn the_user_of_the_kubeconfig_is_not_added_to_another_one() {
    let ok = response("200 OK", "", OBJECT);
    let (mut config, calls) = server(vec![ok.clone(), ok]);
    config.auth_info.impersonate = Some("admin".to_owned());
    config.auth_info.impersonate_groups = Some(vec!["system:masters".to_owned()]);
    let cluster = ClusterClient::new(config).unwrap();
    let impersonated = |head: &str| {
        let lines = head.lines().map(str::to_lowercase);
        let mut lines: Vec<String> = lines
            .filter(|line| line.starts_with("impersonate-"))
            .collect();
        lines.sort();
        lines
    };
    let runner = User {
        name: "runner".to_owned(),
        groups: vec!["runners".to_owned()],
    };
    cluster
        .try_create("/x", &Value::Null, Some(&runner))
        .await
        .unwrap();
    assert_eq!(
        impersonated(&calls.recv().unwrap()),
        ["impersonate-group: runners", "impersonate-user: runner"]
    );
    // Every other call is one of the kubeconfig's user.
    cluster.get_now("/x").await.unwrap();
    assert_eq!(
        impersonated(&calls.recv().unwrap()),
        [
            "impersonate-group: system:masters",
            "impersonate-user: admin"
        ]
    );
}
