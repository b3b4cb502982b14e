//! Behavior that depends on environment variables (proxies, CA certificates). Each case runs this test binary with an
//! environment of its own.

use crate::frontend::Frontend;
use std::process::Command;

use rcgen::{CertificateParams, KeyPair};
use rustls::pki_types::PrivatePkcs8KeyDer;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio_rustls::TlsAcceptor;

use super::fake::{Fake, Reply};
use super::*;

/// The variables that a case sets itself, and that are removed first.
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

/// Reads a runner from this base URL in a process with these variables. Returns the outcome.
async fn read_in_a_process(url: &str, variables: &[(&str, &str)]) -> String {
    let directory = tempfile::tempdir().unwrap();
    let outcome = directory.path().join("outcome");
    let mut command = Command::new(std::env::current_exe().unwrap());
    command
        .args(["--exact", "orchestrator::tests::process::reader", "--ignored"])
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
        Err(error) => error.report(Frontend::Terraform),
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

    let outcome = read_in_a_process("http://orchestrator.invalid/base", &[("HTTP_PROXY", &url)]).await;
    assert_eq!(outcome, "found: true");
    assert_eq!(
        proxy.lines(),
        ["GET http://orchestrator.invalid/base/orgs/org/runners/my-runner"]
    );

    let excepted = [("HTTP_PROXY", url.as_str()), ("NO_PROXY", "orchestrator.invalid")];
    let outcome = read_in_a_process("http://orchestrator.invalid", &excepted).await;
    assert!(outcome.contains("could not be resolved"), "{outcome}");

    // A proxy has no way to this machine's own address.
    for local in [direct.url(), format!("http://localhost:{}", direct.port)] {
        assert_eq!(read_in_a_process(&local, &[("HTTP_PROXY", &url)]).await, "found: true");
    }
    assert_eq!(proxy.lines().len(), 1);
}

#[tokio::test]
async fn a_refusal_by_the_proxy_is_reported_as_such() {
    let proxy = Fake::start(|_| Reply::empty(407)).await;
    let advice = "Check the proxy in HTTPS_PROXY";
    let with_password = format!("http://user:s3cret@127.0.0.1:{}", proxy.port);

    let https = [("HTTPS_PROXY", with_password.as_str())];
    let outcome = read_in_a_process("https://orchestrator.invalid", &https).await;
    assert!(
        outcome.contains("the proxy did not open a connection (tunnel error: proxy authorization required)"),
        "{outcome}"
    );
    assert!(outcome.contains(advice) && !outcome.contains("s3cret"), "{outcome}");
    assert_eq!(proxy.lines(), ["CONNECT orchestrator.invalid:443"; 2]);
    assert!(
        proxy.seen()[0].header("authorization").is_none(),
        "the token is not the proxy's"
    );

    let http = [("HTTP_PROXY", with_password.as_str())];
    let outcome = read_in_a_process("http://orchestrator.invalid", &http).await;
    assert!(
        outcome.contains("returned 407") && outcome.contains("Check the proxy in HTTP_PROXY"),
        "{outcome}"
    );
}

#[tokio::test]
async fn an_unusable_proxy_variable_is_named() {
    for (scheme, variable, value, problem) in [
        (
            "http",
            "HTTP_PROXY",
            "ftp://me:C4naryPass@proxy",
            "the proxy scheme \"ftp\" is not supported",
        ),
        ("http", "http_proxy", "http://me:C4naryPass@a b", "contains a space"),
        (
            "https",
            "HTTPS_PROXY",
            "http://me:C4naryPass@proxy:port",
            "its port is not a number",
        ),
        (
            "https",
            "ALL_PROXY",
            "gopher://me:C4naryPass@proxy",
            "\"gopher\" is not supported",
        ),
    ] {
        let url = format!("{scheme}://orchestrator.invalid");
        let outcome = read_in_a_process(&url, &[(variable, value)]).await;
        let expected = format!("The environment variable {variable} cannot be used as a proxy: ");
        assert!(outcome.starts_with(&expected) && outcome.contains(problem), "{outcome}");
        assert!(outcome.contains(&format!("Set {variable} to a URL")), "{outcome}");
        assert!(!outcome.contains("C4nary"), "{outcome}");
    }
    // One that does not apply to the URL is not read.
    let outcome = read_in_a_process("https://orchestrator.invalid", &[("HTTP_PROXY", "ftp://proxy")]).await;
    assert!(outcome.contains("could not be resolved"), "{outcome}");
    assert!(outcome.contains("set HTTPS_PROXY"), "{outcome}");
    let outcome = read_in_a_process("http://orchestrator.invalid", &[]).await;
    assert!(outcome.contains("set HTTP_PROXY"), "{outcome}");
}

/// A server with a certificate, and a file with that certificate as a trusted authority.
struct Server {
    fake: Fake,
    directory: tempfile::TempDir,
}

impl Server {
    async fn start(change: impl FnOnce(&mut CertificateParams)) -> Self {
        let mut parameters = CertificateParams::new(["localhost".to_owned()]).unwrap();
        change(&mut parameters);
        let key = KeyPair::generate().unwrap();
        let certificate = parameters.self_signed(&key).unwrap();
        let config = rustls::ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(
                vec![certificate.der().clone()],
                PrivatePkcs8KeyDer::from(key.serialize_der()).into(),
            )
            .unwrap();
        let fake = Fake::start_tls(TlsAcceptor::from(Arc::new(config)), found).await;
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("ca.pem"), certificate.pem()).unwrap();
        Self { fake, directory }
    }

    fn authority(&self) -> String {
        self.directory.path().join("ca.pem").display().to_string()
    }

    /// Returns the outcome of a read from this host with these authorities.
    async fn read(&self, host: &str, authority: &str) -> String {
        let url = format!("https://{host}:{}", self.fake.port);
        read_in_a_process(&url, &[("SSL_CERT_FILE", authority)]).await
    }
}

/// Only the advice about an unknown issuer mentions SSL_CERT_FILE.
const ADVICE: &str = "set SSL_CERT_FILE to a PEM file with that CA's certificate";

#[tokio::test]
async fn each_certificate_error_has_its_own_message() {
    let day = time::Duration::days(1);
    let now = time::OffsetDateTime::now_utc();
    let right = Server::start(|_| {}).await;
    assert_eq!(right.read("localhost", &right.authority()).await, "found: true");
    let expired = Server::start(|parameters| {
        parameters.not_before = now - day * 2;
        parameters.not_after = now - day;
    })
    .await;
    let early = Server::start(|parameters| {
        parameters.not_before = now + day;
        parameters.not_after = now + day * 2;
    })
    .await;
    for (server, host, authority, sentence, step) in [
        (
            &expired,
            "localhost",
            expired.authority(),
            "the server's TLS certificate has expired (",
            "Renew the certificate",
        ),
        (
            &early,
            "localhost",
            early.authority(),
            "the server's TLS certificate is not valid yet (",
            "Check the clock",
        ),
        (
            &right,
            "127.0.0.1",
            right.authority(),
            "the server's TLS certificate is for another host name (",
            "Check the host name",
        ),
        (
            &right,
            "localhost",
            early.authority(),
            "the issuer of the server's TLS certificate is not trusted (",
            ADVICE,
        ),
    ] {
        let outcome = server.read(host, &authority).await;
        assert!(outcome.contains(sentence) && outcome.contains(step), "{outcome}");
        assert_eq!(outcome.contains("SSL_CERT_FILE"), step == ADVICE, "{outcome}");
        assert!(!outcome.contains("attempt 2"), "it is not tried again: {outcome}");
    }
    let missing = right.directory.path().join("missing.pem").display().to_string();
    let outcome = right.read("localhost", &missing).await;
    assert!(
        outcome.starts_with("The HTTP client could not be set up ("),
        "{outcome}"
    );
    assert!(outcome.contains("If SSL_CERT_FILE or SSL_CERT_DIR is set"), "{outcome}");
    assert_eq!(right.fake.lines().len(), 1);
}

/// Returns the URL of a server that sends these bytes on each connection.
async fn sends(bytes: &'static [u8]) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}", listener.local_addr().unwrap());
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            let mut hello = [0; 512];
            let _ = stream.read(&mut hello).await;
            let _ = stream.write_all(bytes).await;
        }
    });
    url
}

#[tokio::test]
async fn a_server_without_tls_or_with_an_old_version_is_reported() {
    // A fatal alert: protocol_version (RFC 8446, 6.2), as OpenSSL sends it where TLS 1.1 is the newest.
    let old = sends(&[0x15, 3, 1, 0, 2, 2, 70]).await;
    let plain = sends(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
    for (url, sentence, step) in [
        (
            old,
            "the server supports neither TLS 1.2 nor TLS 1.3",
            "Enable TLS 1.2 or TLS 1.3",
        ),
        (plain, "the server does not speak TLS", "Correct the port or the scheme"),
    ] {
        let authorities = Server::start(|_| {}).await;
        let outcome = read_in_a_process(&url, &[("SSL_CERT_FILE", &authorities.authority())]).await;
        assert!(outcome.contains(sentence) && outcome.contains(step), "{outcome}");
        assert!(!outcome.contains("SSL_CERT_FILE"), "{outcome}");
    }
}
