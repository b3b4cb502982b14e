//! What depends on the variables of a process (proxies, CA certificates): each case is a run of
//! this test binary with an environment of its own.

use std::path::Path;
use std::process::Command;

use rcgen::CertifiedKey;
use rustls::pki_types::PrivatePkcs8KeyDer;
use tokio::io::AsyncWriteExt as _;
use tokio_rustls::TlsAcceptor;

use super::fake::{Fake, Reply};
use super::*;

/// The variables that a machine may have set, and that a case sets itself.
const FOREIGN: [&str; 10] = [
    "HTTP_PROXY",
    "http_proxy",
    "HTTPS_PROXY",
    "https_proxy",
    "ALL_PROXY",
    "all_proxy",
    "NO_PROXY",
    "no_proxy",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
];

/// Reads a runner with this base URL in a process with these variables: what came of it.
async fn read_in_a_process(url: &str, variables: &[(&str, &str)]) -> String {
    let directory = tempfile::tempdir().unwrap();
    let outcome = directory.path().join("outcome");
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args([
            "--exact",
            "orchestrator::tests::process::reader",
            "--ignored",
        ])
        .env("READER_URL", url)
        .env("READER_OUTCOME", &outcome);
    for name in FOREIGN {
        command.env_remove(name);
    }
    command.envs(variables.iter().copied());
    let output = tokio::task::spawn_blocking(move || command.output())
        .await
        .unwrap()
        .unwrap();
    std::fs::read_to_string(&outcome).unwrap_or_else(|_| panic!("{output:?}"))
}

#[tokio::test]
#[ignore = "is run by the tests below, in a process of its own"]
async fn reader() {
    let mut client = client(&std::env::var("READER_URL").unwrap());
    client.retry.attempts = 2;
    let outcome = match client.get_runner("my-runner", &budget()).await {
        Ok(found) => format!("found: {}", found.is_some()),
        Err(error) => error.report(),
    };
    std::fs::write(std::env::var("READER_OUTCOME").unwrap(), outcome).unwrap();
}

fn found(_: &fake::Seen) -> Reply {
    Reply::json(200, &serde_json::to_value(runner()).unwrap())
}

#[tokio::test]
async fn a_proxy_is_used_unless_the_host_is_excepted() {
    let proxy = Fake::start(found).await;
    let url = proxy.url();
    let direct = Fake::start(found).await;

    let outcome =
        read_in_a_process("http://orchestrator.invalid/base", &[("HTTP_PROXY", &url)]).await;
    assert_eq!(outcome, "found: true");
    assert_eq!(
        proxy.lines(),
        ["GET http://orchestrator.invalid/base/orgs/org/runners/my-runner"]
    );

    let excepted = [
        ("HTTP_PROXY", url.as_str()),
        ("NO_PROXY", "orchestrator.invalid"),
    ];
    let outcome = read_in_a_process("http://orchestrator.invalid", &excepted).await;
    assert!(outcome.contains("could not be resolved"), "{outcome}");

    // A proxy has no way to this machine's own address.
    for local in [direct.url(), format!("http://localhost:{}", direct.port)] {
        assert_eq!(
            read_in_a_process(&local, &[("HTTP_PROXY", &url)]).await,
            "found: true"
        );
    }
    assert_eq!(proxy.lines().len(), 1);
}

#[tokio::test]
async fn a_proxy_that_refuses_is_told_as_the_proxy() {
    let proxy = Fake::start(|_| Reply::empty(407)).await;
    let advice = "Check the proxy in HTTPS_PROXY";
    let with_password = format!("http://user:s3cret@127.0.0.1:{}", proxy.port);

    let https = [("HTTPS_PROXY", with_password.as_str())];
    let outcome = read_in_a_process("https://orchestrator.invalid", &https).await;
    assert!(
        outcome.contains(
            "the proxy did not open a connection (tunnel error: proxy authorization required)"
        ),
        "{outcome}"
    );
    assert!(
        outcome.contains(advice) && !outcome.contains("s3cret"),
        "{outcome}"
    );
    assert_eq!(proxy.lines(), ["CONNECT orchestrator.invalid:443"; 2]);
    assert!(
        proxy.seen()[0].header("authorization").is_none(),
        "the token is not the proxy's"
    );

    let http = [("HTTP_PROXY", with_password.as_str())];
    let outcome = read_in_a_process("http://orchestrator.invalid", &http).await;
    assert!(
        outcome.contains("returned 407") && outcome.contains(advice),
        "{outcome}"
    );
}

#[tokio::test]
async fn tls_is_verified_against_the_platforms_roots_or_those_of_ssl_cert_file() {
    let CertifiedKey { cert, signing_key } =
        rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = PrivatePkcs8KeyDer::from(signing_key.serialize_der());
    let config = rustls::ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![cert.der().clone()], key.into())
        .unwrap();
    let fake = Fake::start_tls(TlsAcceptor::from(Arc::new(config)), found).await;
    let directory = tempfile::tempdir().unwrap();
    let pem = directory.path().join("ca.pem");
    std::fs::write(&pem, cert.pem()).unwrap();
    let file = |path: &Path| path.display().to_string();
    let advice = "set SSL_CERT_FILE to a PEM file with that CA's certificate";

    let url = format!("https://localhost:{}", fake.port);
    let trusting = [("SSL_CERT_FILE", file(&pem))];
    let trusting = trusting
        .each_ref()
        .map(|(name, path)| (*name, path.as_str()));
    assert_eq!(read_in_a_process(&url, &trusting).await, "found: true");

    let other = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let other_pem = directory.path().join("other.pem");
    std::fs::write(&other_pem, other.cert.pem()).unwrap();
    let other_pem = file(&other_pem);
    let outcome = read_in_a_process(&url, &[("SSL_CERT_FILE", other_pem.as_str())]).await;
    assert!(
        outcome.contains(
            "the server's identity could not be verified (TLS) (invalid peer certificate: "
        ),
        "{outcome}"
    );
    assert!(outcome.contains(advice), "{outcome}");
    assert!(
        !outcome.contains("attempt 2"),
        "it is not tried again: {outcome}"
    );

    let plain = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let https = format!("https://{}", plain.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = plain.accept().await {
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
        }
    });
    let outcome = read_in_a_process(&https, &trusting).await;
    assert!(
        outcome.contains("the server does not speak TLS")
            && outcome.contains("or start api_url with http://"),
        "{outcome}"
    );

    // The right certificate for another name.
    let by_address = format!("https://127.0.0.1:{}", fake.port);
    let outcome = read_in_a_process(&by_address, &trusting).await;
    assert!(
        outcome.contains("not valid for name") && outcome.contains(advice),
        "{outcome}"
    );

    let missing = file(&directory.path().join("missing.pem"));
    let outcome = read_in_a_process(&url, &[("SSL_CERT_FILE", missing.as_str())]).await;
    assert!(
        outcome.starts_with("The HTTP client could not be set up ("),
        "{outcome}"
    );
    assert!(
        outcome.contains("If SSL_CERT_FILE or SSL_CERT_DIR is set"),
        "{outcome}"
    );
    assert_eq!(fake.lines().len(), 1);
}
