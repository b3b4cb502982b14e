//! Starts the parts in order: each needs the one before it.

use std::fs;
use std::io::ErrorKind;
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU16, Ordering};

use serde::Deserialize;
use serde_json::{Value, json};

use super::api_server::ApiServer;
use super::aws_cli::AwsCli;
use super::certificates::Certificates;
use super::control::{Control, Credentials};
use super::error::{Error, io};
use super::processes::Processes;
use super::tools::{self, Tools};
use super::{Eks, EksOptions, workloads};

/// The output of the sandbox's AWS when it is ready.
#[derive(Deserialize)]
struct Ready {
    proxy_port: u16,
    control_port: u16,
    administrator: Credentials,
}

/// Starts everything. See [`Eks::start`].
pub(super) fn start(options: EksOptions) -> Result<Eks, Error> {
    let tools = Tools::build()?;
    let mut processes = Processes::new()?;
    let directory = processes.directory().to_owned();
    let (programs, aws_cli) = programs(&directory, &tools)?;
    let [
        etcd_port,
        etcd_peer_port,
        api_server_port,
        authenticator_port,
        kubectl_proxy_port,
        kubelet_port,
    ] = free_ports()?;
    let host = cluster_host(&options);
    let certificates = Certificates::make(&directory, &host)?;
    let kubeconfig = directory.join("kubeconfig.json");
    write(&kubeconfig, &administrator_kubeconfig(api_server_port, &certificates))?;

    let etcd_url = start_etcd(&mut processes, &tools, [etcd_port, etcd_peer_port])?;
    let Ready {
        proxy_port,
        control_port,
        administrator,
    } = start_aws(&mut processes, &tools, &options, &host, api_server_port, &certificates)?;
    let control = Control::new(control_port);

    let webhook = start_authenticator(
        &mut processes,
        &tools,
        &options,
        authenticator_port,
        proxy_port,
        &kubeconfig,
    )?;
    let authorization = authorization_webhook(&directory, control_port)?;
    processes.start("kube-apiserver", &tools.kube_apiserver, |command| {
        configure_api_server(
            command,
            &certificates,
            api_server_port,
            &etcd_url,
            &webhook,
            &authorization,
        );
        configure_caches(command, &options);
        configure_logs(command, kubelet_port);
    })?;
    let api_server = connect(&mut processes, &tools, kubectl_proxy_port, &kubeconfig)?;
    api_server.create_node(&options)?;
    if options.runs_jobs {
        workloads::start(&mut processes, &tools, &kubeconfig, kubelet_port)?;
    }
    use_aws_auth(&control)?;

    Ok(Eks {
        options,
        cluster_host: host,
        proxy_port,
        administrator,
        control,
        api_server,
        cluster_ca: certificates.ca,
        kubeconfig,
        programs,
        aws_cli,
        processes,
    })
}

/// Sets the mode in which `aws-auth` counts. This comes last, because the authenticator then reads it from the API server.
fn use_aws_auth(control: &Control) -> Result<(), Error> {
    let mode = json!({"authenticationMode": "API_AND_CONFIG_MAP"});
    control.send("PATCH", "/cluster", &mode).map(drop)
}

/// Writes the kubeconfig of the API server's authorization webhook, which is the sandbox's AWS.
fn authorization_webhook(directory: &Path, control_port: u16) -> Result<PathBuf, Error> {
    let file = directory.join("authorization-webhook.json");
    let server = json!({"server": format!("http://127.0.0.1:{control_port}/authorize")});
    write(&file, &kubeconfig_of(server, json!({})))?;
    Ok(file)
}

/// Starts etcd. Returns its URL.
fn start_etcd(processes: &mut Processes, tools: &Tools, [port, peer_port]: [u16; 2]) -> Result<String, Error> {
    let url = format!("http://127.0.0.1:{port}");
    let peer_url = format!("http://127.0.0.1:{peer_port}");
    let data = processes.directory().join("etcd");
    processes.start("etcd", &tools.etcd, |command| {
        command
            .arg(format!("--data-dir={}", data.display()))
            .arg(format!("--listen-client-urls={url}"))
            .arg(format!("--advertise-client-urls={url}"))
            .arg(format!("--listen-peer-urls={peer_url}"))
            .arg(format!("--initial-advertise-peer-urls={peer_url}"))
            .arg(format!("--initial-cluster=default={peer_url}"))
            // The data is needed only as long as the process runs, so it does not have to be synced.
            .arg("--unsafe-no-fsync");
    })?;
    Ok(url)
}

/// Starts STS, IAM, and EKS. Returns their addresses, and the administrator's access key.
fn start_aws(
    processes: &mut Processes,
    tools: &Tools,
    options: &EksOptions,
    cluster_host: &str,
    api_server_port: u16,
    certificates: &Certificates,
) -> Result<Ready, Error> {
    let directory = processes.directory().to_owned();
    let aws = json!({
        "account": options.account,
        "partition": options.partition,
        "region": options.region,
        "cluster_name": options.cluster_name,
        "cluster_host": cluster_host,
        "api_server_port": api_server_port,
        "cluster_ca_file": certificates.ca,
        "cluster_certificate_file": certificates.server.certificate,
        "cluster_key_file": certificates.server.key,
        "authenticator_mode_file": directory.join("authenticator-mode.json"),
        "access_entries_file": directory.join("access-entries.json"),
        "aws_ca_file": directory.join("aws-ca.pem"),
    });
    processes.start("aws", &tools.python, |command| {
        // Without `-B`, Python would write its byte code beside the sources.
        command
            .arg("-B")
            .arg(tools::workspace().join("sandbox/aws"))
            .arg(aws.to_string());
    })?;
    let log = processes.log("aws");
    processes.wait_for("aws", || {
        serde_json::from_str(fs::read_to_string(&log).ok()?.lines().last()?).ok()
    })
}

/// Creates a folder with the AWS CLI and kubectl under their own names.
fn programs(directory: &Path, tools: &Tools) -> Result<(PathBuf, AwsCli), Error> {
    let programs = directory.join("bin");
    fs::create_dir(&programs).map_err(io(format!("making {}", programs.display())))?;
    let link = programs.join("kubectl");
    symlink(&tools.kubectl, &link).map_err(io(format!("making {}", link.display())))?;
    let aws_cli = AwsCli::install(&programs, directory, tools)?;
    Ok((programs, aws_cli))
}

/// Returns a host name like those of EKS endpoints.
fn cluster_host(options: &EksOptions) -> String {
    let id = uuid::Uuid::new_v4().simple().to_string().to_uppercase();
    let suffix = if options.partition == "aws-cn" {
        "amazonaws.com.cn"
    } else {
        "amazonaws.com"
    };
    format!("{id}.gr7.{}.eks.{suffix}", options.region)
}

/// Returns ports that are free, none of them twice in this process.
///
/// They lie below the ports that Linux (from 32768) and macOS (from 49152) choose for connections and for servers that
/// request any port: one of those could be taken between this call and the start of the part.
fn free_ports<const N: usize>() -> Result<[u16; N], Error> {
    const FIRST: u16 = 12_000;
    const COUNT: u16 = 20_000;
    // Another process with a small EKS begins elsewhere.
    static NEXT: LazyLock<AtomicU16> =
        LazyLock::new(|| AtomicU16::new((std::process::id() * 257 % u32::from(COUNT)) as u16));
    let mut ports = [0; N];
    for port in &mut ports {
        *port = (0..COUNT)
            .map(|_| FIRST + NEXT.fetch_add(1, Ordering::Relaxed) % COUNT)
            .find(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok())
            .ok_or_else(|| io("looking for a free port")(ErrorKind::AddrInUse.into()))?;
    }
    Ok(ports)
}

/// Starts aws-iam-authenticator. Returns the kubeconfig that it writes for the API server's token webhook.
fn start_authenticator(
    processes: &mut Processes,
    tools: &Tools,
    options: &EksOptions,
    port: u16,
    proxy_port: u16,
    kubeconfig: &Path,
) -> Result<PathBuf, Error> {
    let directory = processes.directory().to_owned();
    let webhook = directory.join("authentication-webhook.yaml");
    let configuration = directory.join("authenticator.json");
    let server = json!({
        "clusterID": options.cluster_name,
        "server": {
            "partition": options.partition,
            "port": port,
            "address": "127.0.0.1",
            "stateDir": directory,
            "generateKubeconfig": webhook,
            "kubeconfig": kubeconfig,
            "backendMode": ["DynamicFile"],
            "dynamicfilepath": directory.join("access-entries.json"),
            // As on EKS, an entry is for the role that existed then, not for its name.
            "dynamicfileUserIDStrict": true,
            "dynamicBackendModePath": directory.join("authenticator-mode.json"),
            "mapUsers": [{
                "userarn": format!("arn:{}:iam::{}:user/admin", options.partition, options.account),
                "username": "kubernetes-admin",
                "groups": ["system:masters"],
            }],
        },
    });
    write(&configuration, &server)?;
    // The authenticator serves a health check on this port of every address, and no setting turns that off. If the port
    // is in use, it only logs that, so a conflict does no harm.
    let _health_check = TcpListener::bind((Ipv4Addr::LOCALHOST, 21363));
    processes.start("aws-iam-authenticator", &tools.aws_iam_authenticator, |command| {
        command
            .arg("server")
            .arg(format!("--config={}", configuration.display()))
            .env("HTTPS_PROXY", format!("http://127.0.0.1:{proxy_port}"))
            .env("SSL_CERT_FILE", directory.join("aws-ca.pem"))
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .env("AWS_REGION", &options.region);
    })?;
    processes.wait_for("aws-iam-authenticator", || webhook.exists().then_some(()))?;
    Ok(webhook)
}

/// Starts `kubectl proxy` and waits for the API server behind it.
fn connect(processes: &mut Processes, tools: &Tools, port: u16, kubeconfig: &Path) -> Result<ApiServer, Error> {
    processes.start("kubectl", &tools.kubectl, |command| {
        command
            .arg("proxy")
            .arg(format!("--port={port}"))
            .env("KUBECONFIG", kubeconfig);
    })?;
    let api_server = ApiServer::new(port);
    processes.wait_for("kube-apiserver", || api_server.is_ready().then_some(()))?;
    Ok(api_server)
}

fn configure_api_server(
    command: &mut Command,
    certificates: &Certificates,
    port: u16,
    etcd_url: &str,
    authentication: &Path,
    authorization: &Path,
) {
    let Certificates {
        ca,
        server,
        service_account_key,
        service_account_public_key,
        ..
    } = certificates;
    command
        .arg(format!("--etcd-servers={etcd_url}"))
        .arg("--bind-address=127.0.0.1")
        .arg(format!("--secure-port={port}"))
        // The Service `kubernetes` cannot have a loopback address, and nothing here uses it.
        .arg("--endpoint-reconciler-type=none")
        .arg(format!("--tls-cert-file={}", server.certificate.display()))
        .arg(format!("--tls-private-key-file={}", server.key.display()))
        .arg(format!("--client-ca-file={}", ca.display()))
        .arg("--service-account-issuer=https://kubernetes.default.svc")
        .arg(format!(
            "--service-account-key-file={}",
            service_account_public_key.display()
        ))
        .arg(format!(
            "--service-account-signing-key-file={}",
            service_account_key.display()
        ))
        .arg("--service-cluster-ip-range=172.20.0.0/16")
        .arg(format!(
            "--authentication-token-webhook-config-file={}",
            authentication.display()
        ))
        .arg("--authorization-mode=Node,RBAC,Webhook")
        // As on EKS: admission decides about privileged containers.
        .arg("--allow-privileged=true")
        .arg(format!(
            "--authorization-webhook-config-file={}",
            authorization.display()
        ))
        .arg("--authorization-webhook-version=v1");
}

/// Unless the options say otherwise, makes the API server review the token and the permissions of each call, so that a
/// changed access entry counts at once.
fn configure_caches(command: &mut Command, options: &EksOptions) {
    if !options.caches_access {
        command
            .arg("--authentication-token-webhook-cache-ttl=0s")
            .arg("--authorization-webhook-cache-authorized-ttl=0s")
            .arg("--authorization-webhook-cache-unauthorized-ttl=0s");
    }
}

/// Makes the API server read the logs of containers from KWOK, which every node has at its external address.
fn configure_logs(command: &mut Command, kubelet_port: u16) {
    command
        .arg("--kubelet-preferred-address-types=ExternalIP")
        .arg(format!("--kubelet-port={kubelet_port}"));
}

fn administrator_kubeconfig(port: u16, certificates: &Certificates) -> Value {
    kubeconfig_of(
        json!({"server": format!("https://127.0.0.1:{port}"), "certificate-authority": certificates.ca}),
        json!({
            "client-certificate": certificates.administrator.certificate,
            "client-key": certificates.administrator.key,
        }),
    )
}

fn kubeconfig_of(cluster: Value, user: Value) -> Value {
    json!({
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "sandbox", "cluster": cluster}],
        "users": [{"name": "sandbox", "user": user}],
        "contexts": [{"name": "sandbox", "context": {"cluster": "sandbox", "user": "sandbox"}}],
        "current-context": "sandbox",
    })
}

fn write(path: &Path, content: &Value) -> Result<(), Error> {
    fs::write(path, content.to_string()).map_err(io(format!("writing {}", path.display())))
}
