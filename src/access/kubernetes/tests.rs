//! Tests of the calls with a server that records them.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::sync::mpsc::{Receiver, channel};
use std::time::Instant;

use super::*;
use crate::network::tls::TlsFailure;

/// Starts a server that returns these responses, one on each connection, and records the headers of each request.
fn server(responses: Vec<String>) -> (kube::Config, Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let (sender, receiver) = channel();
    std::thread::spawn(move || {
        for response in responses {
            let (mut stream, _) = listener.accept().unwrap();
            let lines = BufReader::new(stream.try_clone().unwrap()).lines();
            let head = lines.map(Result::unwrap).take_while(|line| !line.is_empty());
            let head: Vec<String> = head.collect();
            sender.send(head.join("\n")).unwrap();
            stream.write_all(response.as_bytes()).unwrap();
        }
    });
    (kube::Config::new(url.parse().unwrap()), receiver)
}

fn response(status: &str, headers: &str, body: &str) -> String {
    let length = body.len();
    format!("HTTP/1.1 {status}\r\n{headers}Connection: close\r\nContent-Length: {length}\r\n\r\n{body}")
}

const OBJECT: &str = r#"{"kind": "Job"}"#;

#[tokio::test]
async fn throttling_is_waited_out_as_the_api_requests() {
    let throttled = response("429 Too Many Requests", "Retry-After: 1\r\n", "later");
    let (config, calls) = server(vec![throttled.clone(), throttled, response("200 OK", "", OBJECT)]);
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
        let mut lines: Vec<String> = lines.filter(|line| line.starts_with("impersonate-")).collect();
        lines.sort();
        lines
    };
    let runner = User {
        name: "runner".to_owned(),
        groups: vec!["runners".to_owned()],
    };
    cluster.try_create("/x", &Value::Null, Some(&runner)).await.unwrap();
    assert_eq!(
        impersonated(&calls.recv().unwrap()),
        ["impersonate-group: runners", "impersonate-user: runner"]
    );
    // Every other call is one of the kubeconfig's user.
    cluster.get_now("/x").await.unwrap();
    assert_eq!(
        impersonated(&calls.recv().unwrap()),
        ["impersonate-group: system:masters", "impersonate-user: admin"]
    );
}

/// Starts a server with this certificate, which trusts itself. Returns the configuration of a client that trusts `authority`,
/// or else that certificate, and calls `host`.
async fn tls_server(
    change: impl FnOnce(&mut rcgen::CertificateParams),
    host: &str,
    authority: Option<Vec<u8>>,
) -> kube::Config {
    let mut parameters = rcgen::CertificateParams::new(["localhost".to_owned()]).unwrap();
    change(&mut parameters);
    let key = rcgen::KeyPair::generate().unwrap();
    let certificate = parameters.self_signed(&key).unwrap();
    let server = rustls::ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(
            vec![certificate.der().clone()],
            rustls::pki_types::PrivatePkcs8KeyDer::from(key.serialize_der()).into(),
        )
        .unwrap();
    let acceptor = tokio_rustls::TlsAcceptor::from(Arc::new(server));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let _ = acceptor.accept(stream).await;
        }
    });
    let url = format!("https://{host}:{port}");
    let mut config = kube::Config::new(url.parse().unwrap());
    config.root_cert = Some(vec![authority.unwrap_or_else(|| certificate.der().to_vec())]);
    config
}

#[tokio::test]
async fn each_fault_of_a_certificate_is_its_own_error() {
    let day = time::Duration::days(1);
    let now = time::OffsetDateTime::now_utc();
    let key = rcgen::KeyPair::generate().unwrap();
    let other = rcgen::CertificateParams::new(["localhost".to_owned()]).unwrap();
    let other = other.self_signed(&key).unwrap().der().to_vec();
    let expired = |parameters: &mut rcgen::CertificateParams| {
        (parameters.not_before, parameters.not_after) = (now - day * 2, now - day);
    };
    let early = |parameters: &mut rcgen::CertificateParams| {
        (parameters.not_before, parameters.not_after) = (now + day, now + day * 2);
    };
    for (config, expected) in [
        (tls_server(expired, "localhost", None).await, TlsFailure::Expired),
        (tls_server(early, "localhost", None).await, TlsFailure::NotValidYet),
        (tls_server(|_| {}, "127.0.0.1", None).await, TlsFailure::OtherName),
        (
            tls_server(|_| {}, "localhost", Some(other)).await,
            TlsFailure::UnknownIssuer,
        ),
    ] {
        let cluster = ClusterClient::new(config).unwrap();
        let error = cluster.get_now("/version").await.unwrap_err();
        let KubeError::Certificate(failure, _) = &error else {
            panic!("{expected:?}: {error}");
        };
        assert_eq!(*failure, expected, "{error}");
    }
}

#[tokio::test]
async fn a_log_is_text_and_its_errors_are_the_api_s() {
    let status = r#"{"kind": "Status", "message": "no"}"#;
    let (config, _calls) = server(vec![
        response("200 OK", "Content-Type: text/plain\r\n", "one\ntwo\n"),
        response("200 OK", "Content-Type: text/plain\r\n", "one\ntwo\n"),
        response("403 Forbidden", "", status),
    ]);
    let cluster = ClusterClient::new(config).unwrap();
    assert_eq!(cluster.text_now("/x").await.unwrap(), "one\ntwo\n");
    // Nothing else accepts a text.
    let error = cluster.get_now("/x").await.unwrap_err();
    assert!(matches!(error, KubeError::Unreachable(_)), "{error}");
    assert!(cluster.text_now("/x").await.unwrap_err().is_forbidden());
}
