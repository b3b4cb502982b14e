//! A running plugin, and a client of it.

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, ChildStderr, Command, ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::mpsc::{self, Receiver};
use std::thread;
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use hyper_util::rt::TokioIo;
#[cfg(unix)]
use nix::sys::signal::{Signal, kill};
#[cfg(unix)]
use nix::unistd::Pid;
use rcgen::{BasicConstraints, CertificateParams, IsCa, KeyPair, PKCS_ECDSA_P521_SHA512};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tempfile::TempDir;
use terraform_plugin_server::grpc::go_plugin::proto::Empty;
use terraform_plugin_server::grpc::go_plugin::proto::grpc_controller_client::GrpcControllerClient;
#[cfg(windows)]
use tokio::net::TcpStream as Stream;
#[cfg(unix)]
use tokio::net::UnixStream as Stream;
use tokio_rustls::TlsConnector;
use tonic::transport::{Channel, Endpoint};
use tonic_health::pb::HealthCheckRequest;
use tonic_health::pb::health_check_response::ServingStatus;
use tonic_health::pb::health_client::HealthClient;

/// The timeout for everything here, long enough for a busy machine.
const TIMEOUT: Duration = Duration::from_secs(20);

/// The name of the network in the handshake line.
pub(crate) const NETWORK: &str = if cfg!(unix) { "unix" } else { "tcp" };

/// The ports that Terraform allows: the default of `ClientConfig` in go-plugin.
pub(crate) const PORTS: [(&str, &str); 2] = [("PLUGIN_MIN_PORT", "10000"), ("PLUGIN_MAX_PORT", "25000")];

/// Returns the command that starts the provider as Terraform does, without the variables of the environment in which
/// the tests run.
pub(crate) fn command() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_terraform-provider-example"));
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("TF_") || text.starts_with("PLUGIN_") {
            command.env_remove(name);
        }
    }
    command
        .env(
            "TF_PLUGIN_MAGIC_COOKIE",
            "d602bf8f470bc67ca7faa0386276bbdd4330efaf76d1a219cb4d6991ca9872b2",
        )
        .env("PLUGIN_PROTOCOL_VERSIONS", "5,6")
        .envs(PORTS)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

/// A running plugin, which is killed when it is dropped.
pub(crate) struct Plugin {
    child: Child,
    stdout: Receiver<String>,
    /// Its stderr, unless a test takes it.
    pub(crate) stderr: Option<ChildStderr>,
    /// The first line of its stdout.
    pub(crate) line: String,
    /// The folder for its socket.
    pub(crate) folder: TempDir,
}

impl Plugin {
    /// Starts the plugin and waits for its first line.
    pub(crate) fn start(command: &mut Command) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut child = command.env("PLUGIN_UNIX_SOCKET_DIR", folder.path()).spawn().unwrap();
        let stdout = BufReader::new(child.stdout.take().unwrap());
        let (sender, lines) = mpsc::channel();
        thread::spawn(move || {
            for line in stdout.lines() {
                if sender.send(line.unwrap()).is_err() {
                    break;
                }
            }
        });
        let stderr = child.stderr.take();
        let line = lines.recv_timeout(TIMEOUT).expect("a line on stdout");
        Self {
            child,
            stdout: lines,
            stderr,
            line,
            folder,
        }
    }

    pub(crate) fn with_tls(client: &ClientIdentity) -> Self {
        Self::start(command().env("PLUGIN_CLIENT_CERT", &client.pem))
    }

    /// Returns the fields of the handshake line.
    pub(crate) fn fields(&self) -> Vec<&str> {
        self.line.split('|').collect()
    }

    /// Returns the address in the handshake line: a path or, on Windows, an IP address and a port.
    pub(crate) fn address(&self) -> &str {
        self.fields()[3]
    }

    /// Returns the server's certificate in the handshake line.
    pub(crate) fn certificate(&self) -> CertificateDer<'static> {
        STANDARD_NO_PAD.decode(self.fields()[5]).unwrap().into()
    }

    #[cfg(unix)]
    pub(crate) fn signal(&self, signal: Signal) {
        let id = self.child.id().try_into().unwrap();
        kill(Pid::from_raw(id), signal).unwrap();
    }

    pub(crate) fn is_running(&mut self) -> bool {
        self.child.try_wait().unwrap().is_none()
    }

    /// Waits until the process exits, while clients continue. Returns the exit status, and how long it took.
    pub(crate) async fn wait(&mut self) -> (ExitStatus, Duration) {
        let start = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return (status, start.elapsed());
            }
            assert!(start.elapsed() < TIMEOUT, "the plugin does not exit");
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    /// Waits until its stdout is closed. Returns what was printed after the first line.
    pub(crate) fn rest_of_stdout(&self) -> Vec<String> {
        let mut rest = Vec::new();
        loop {
            match self.stdout.recv_timeout(TIMEOUT) {
                Ok(line) => rest.push(line),
                Err(mpsc::RecvTimeoutError::Disconnected) => return rest,
                Err(mpsc::RecvTimeoutError::Timeout) => panic!("stdout is not closed"),
            }
        }
    }

    /// Returns everything that it printed on stderr. The process must have exited.
    pub(crate) fn stderr(&mut self) -> String {
        let mut text = String::new();
        let mut stderr = self.stderr.take().unwrap();
        stderr.read_to_string(&mut text).unwrap();
        text
    }

    /// Asserts that the socket and its folder were removed.
    pub(crate) fn assert_unlinked(&self) {
        let left: Vec<_> = self.folder.path().read_dir().unwrap().collect();
        assert!(left.is_empty(), "{left:?}");
    }
}

impl Drop for Plugin {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs a command that exits at once. Returns its exit code, stdout, and stderr.
pub(crate) fn run(command: &mut Command) -> (Option<i32>, String, String) {
    let output = command.output().unwrap();
    (
        output.status.code(),
        String::from_utf8(output.stdout).unwrap(),
        String::from_utf8(output.stderr).unwrap(),
    )
}

/// A certificate like those of the client of go-plugin: P-521, self-signed, a CA.
#[derive(Debug)]
pub(crate) struct ClientIdentity {
    pub(crate) pem: String,
    pub(crate) certificate: CertificateDer<'static>,
    pub(crate) key: PrivateKeyDer<'static>,
}

impl ClientIdentity {
    pub(crate) fn new() -> Self {
        let key = KeyPair::generate_for(&PKCS_ECDSA_P521_SHA512).unwrap();
        let mut params = CertificateParams::new(["localhost".to_owned()]).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let certificate = params.self_signed(&key).unwrap();
        Self {
            pem: certificate.pem(),
            certificate: certificate.der().clone(),
            key: PrivateKeyDer::try_from(key.serialize_der()).unwrap(),
        }
    }

    pub(crate) fn key(&self) -> PrivateKeyDer<'static> {
        self.key.clone_key()
    }
}

/// Returns the beginning of a client's TLS configuration, which trusts only this server.
pub(crate) fn tls(
    server: CertificateDer<'static>,
) -> rustls::ConfigBuilder<ClientConfig, rustls::client::WantsClientCert> {
    let mut roots = RootCertStore::empty();
    roots.add(server).unwrap();
    let provider = rustls::crypto::aws_lc_rs::default_provider();
    ClientConfig::builder_with_provider(Arc::new(provider))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
}

/// Returns the TLS configuration of the client that the plugin accepts.
pub(crate) fn authenticated(plugin: &Plugin, client: &ClientIdentity) -> ClientConfig {
    tls(plugin.certificate())
        .with_client_auth_cert(vec![client.certificate.clone()], client.key())
        .unwrap()
}

/// Connects over TLS.
pub(crate) async fn connect(address: &str, mut tls: ClientConfig) -> Result<Channel, tonic::transport::Error> {
    tls.alpn_protocols = vec![b"h2".to_vec()];
    let tls = TlsConnector::from(Arc::new(tls));
    let address = address.to_owned();
    let connector = tower::service_fn(move |_| {
        let (tls, address) = (tls.clone(), address.clone());
        async move {
            let stream = Stream::connect(address).await?;
            let name = ServerName::try_from("localhost").unwrap();
            tls.connect(name, stream).await.map(TokioIo::new)
        }
    });
    Endpoint::from_static("http://localhost")
        .connect_with_connector(connector)
        .await
}

/// Connects without TLS.
pub(crate) async fn connect_plainly(address: &str) -> Result<Channel, tonic::transport::Error> {
    let address = address.to_owned();
    let connector = tower::service_fn(move |_| {
        let address = address.clone();
        async move { Stream::connect(address).await.map(TokioIo::new) }
    });
    Endpoint::from_static("http://localhost")
        .connect_with_connector(connector)
        .await
}

/// Makes the call with which go-plugin checks that a plugin is alive.
pub(crate) async fn ping(channel: Channel) -> Result<ServingStatus, tonic::Status> {
    let service = "plugin".to_owned();
    let response = HealthClient::new(channel).check(HealthCheckRequest { service }).await?;
    Ok(response.into_inner().status())
}

/// Makes the call with which go-plugin ends a plugin.
pub(crate) async fn shutdown(channel: Channel) {
    GrpcControllerClient::new(channel).shutdown(Empty {}).await.unwrap();
}
