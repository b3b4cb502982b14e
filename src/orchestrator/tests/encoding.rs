//! Compressed responses.

use crate::frontend::Frontend;
use std::io::Write as _;
use std::process::{Command, Stdio};

use super::fake::{Fake, Reply, Seen};
use super::*;
use crate::orchestrator::ApiError;

/// Returns the bytes, compressed with gzip.
fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut gzip = Command::new("gzip")
        .arg("-c")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut input = gzip.stdin.take().unwrap();
    let bytes = bytes.to_vec();
    let writer = std::thread::spawn(move || input.write_all(&bytes).unwrap());
    let output = gzip.wait_with_output().unwrap();
    writer.join().unwrap();
    output.stdout
}

fn encoded(status: u16, encoding: &str, body: Vec<u8>) -> Reply {
    let head = format!("Content-Type: application/json\r\nContent-Encoding: {encoding}\r\n");
    Reply::Bytes(status, head, body)
}

fn found() -> Vec<u8> {
    serde_json::to_vec(&runner()).unwrap()
}

#[tokio::test]
async fn gzip_is_accepted_and_decoded() {
    let body = gzip(&found());
    let fake = Fake::start(move |seen: &Seen| match seen.method.as_str() {
        "DELETE" => Reply::empty(204),
        "POST" => encoded(201, "gzip", body.clone()),
        _ => encoded(200, "gzip", body.clone()),
    })
    .await;
    let client = client(&fake.url());
    let read = client.get_runner("my-runner", &budget()).await.unwrap();
    assert_eq!(read, Some(runner()));
    client.create_runner(&runner(), &budget()).await.unwrap();
    for seen in fake.seen() {
        assert_eq!(seen.header("accept-encoding"), Some("gzip"));
    }
    assert_eq!(fake.lines().len(), 2, "nothing had to be looked up");
}

#[tokio::test]
async fn the_apis_own_error_is_read_through_gzip() {
    let body = gzip(br#"{"error": "HTTP-403", "message": "not yours"}"#);
    let fake = Fake::start(move |_| encoded(403, "gzip", body.clone())).await;
    let error = client(&fake.url()).get_runner("r", &budget()).await.unwrap_err();
    assert!(
        matches!(&error, ApiError::Refused { status: 403, message, .. } if message == "not yours"),
        "{error:?}"
    );
}

#[tokio::test]
async fn an_unsupported_encoding_is_reported_and_not_retried() {
    for encoding in ["br", "zstd", "deflate", "gzip, br"] {
        let fake = Fake::start(move |_| encoded(200, encoding, vec![0x1b, 7, 0, 0xf8])).await;
        let error = client(&fake.url()).get_runner("r", &budget()).await.unwrap_err();
        let report = error.report(Frontend::Terraform);
        let expected = format!("the response (200) has the content encoding \"{encoding}\", which is not supported");
        assert!(report.contains(&expected), "{report}");
        assert!(
            report.contains("uncompressed or with gzip") && !report.contains("api_url"),
            "{report}"
        );
        assert_eq!(fake.lines().len(), 1);
    }
    let fake = Fake::start(|_| encoded(200, "identity", found())).await;
    assert!(client(&fake.url()).get_runner("my-runner", &budget()).await.is_ok());
}

#[tokio::test]
async fn damaged_gzip_is_reported() {
    let whole = gzip(&found());
    let mut broken = whole.clone();
    broken.truncate(12);
    broken.extend([0xff; 40]);
    for body in [b"plain text".to_vec(), broken] {
        let fake = Fake::start(move |_| encoded(200, "gzip", body.clone())).await;
        let error = client(&fake.url()).get_runner("r", &budget()).await.unwrap_err();
        assert!(
            error
                .report(Frontend::Terraform)
                .contains("the response (200) has the content encoding gzip, but its body is not valid"),
            "{error:?}"
        );
        assert!(!error.is_uncertain());
    }
}

/// A response that is small when it is transferred, and large when it is decompressed.
#[tokio::test]
async fn the_size_limit_applies_to_the_decompressed_response() {
    let bomb = gzip(&vec![b' '; 64 << 20]);
    assert!(bomb.len() < 1 << 20);
    let fake = Fake::start(move |_| encoded(200, "gzip", bomb.clone())).await;
    let error = client(&fake.url()).get_runner("r", &budget()).await.unwrap_err();
    assert!(matches!(error, ApiError::TooLarge { .. }), "{error:?}");
}
