//! The caller's route to the cluster through a kubeconfig: its proxy, and its credential plugin.

use std::fs;
use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, Shutdown, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use serde_json::{Value, json};

use crate::Scenario;
use crate::cloud::{Checked, Cloud};

pub(crate) const SCENARIOS: &[Scenario] = sandbox::scenarios![
    http_proxy,
    socks_proxy,
    proxy_that_is_not_there,
    broken_kubeconfigs,
    tokens_with_blanks,
    reviews_without_a_response,
];

/// The sandbox's kubeconfig with other values.
fn kubeconfig(cloud: &Cloud, change: impl FnOnce(&mut Value)) -> Value {
    let text = fs::read_to_string(cloud.eks.kubeconfig()).unwrap();
    let mut value = serde_json::from_str(&text).unwrap();
    change(&mut value);
    value
}

/// Checks the documented runner with a kubeconfig. NO_PROXY has the cluster's address.
fn check(cloud: &Cloud, kubeconfig: &str) -> Checked {
    check_past(cloud, kubeconfig, "127.0.0.1,localhost")
}

/// The same with another NO_PROXY.
fn check_past(cloud: &Cloud, kubeconfig: &str, no_proxy: &str) -> Checked {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("kubeconfig");
    fs::write(&file, kubeconfig).unwrap();
    let mut environment = cloud.eks.env();
    environment.retain(|(name, _)| name != "NO_PROXY");
    environment.push(("NO_PROXY".to_owned(), no_proxy.to_owned()));
    let file = file.display().to_string();
    let arguments = ["--kubeconfig", &file, "--timeout", "30s"];
    cloud.check_in(environment, &cloud.configuration(), &arguments)
}

fn with_proxy(cloud: &Cloud, url: &str) -> Checked {
    let kubeconfig = kubeconfig(cloud, |value| {
        value["clusters"][0]["cluster"]["proxy-url"] = url.into();
    });
    check(cloud, &kubeconfig.to_string())
}

/// Only the sandbox's proxy resolves the cluster's host name. client-go uses the proxy of a
/// kubeconfig in place of the environment's, whatever NO_PROXY contains.
fn http_proxy(cloud: &Cloud) {
    let name = json!({"name": cloud.eks.options().cluster_name});
    let cluster = cloud.aws("eks", "DescribeCluster", &name)["cluster"].clone();
    let kubeconfig = kubeconfig(cloud, |value| {
        value["clusters"][0]["cluster"] = json!({
            "server": cluster["endpoint"],
            "certificate-authority-data": cluster["certificateAuthority"]["data"],
            "proxy-url": cloud.eks.proxy_url(),
        });
    });
    let endpoint = cluster["endpoint"].as_str().unwrap().replace("https://", "");
    for no_proxy in [
        "127.0.0.1,localhost",
        &format!("127.0.0.1,{endpoint}"),
        ".eks.amazonaws.com",
    ] {
        let checked = check_past(cloud, &kubeconfig.to_string(), no_proxy);
        assert_eq!(checked.ids("failed"), [""; 0], "\n{}", checked.text());
        assert_eq!(checked.status("api-server"), "passed", "\n{}", checked.text());
    }
}

fn socks_proxy(cloud: &Cloud) {
    let (url, connections) = socks();
    let checked = with_proxy(cloud, &url);
    assert_eq!(checked.ids("failed"), [""; 0], "\n{}", checked.text());
    assert_ne!(checked.status("api-server"), "skipped", "\n{}", checked.text());
    assert!(connections.load(Ordering::Relaxed) > 0);
}

/// A SOCKS 5 proxy without a password (RFC 1928), and how many connections it has opened.
fn socks() -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("socks5://{}", listener.local_addr().unwrap());
    let connections = Arc::<AtomicUsize>::default();
    let opened = Arc::clone(&connections);
    thread::spawn(move || {
        for client in listener.incoming().flatten() {
            let opened = Arc::clone(&opened);
            // The client reports a broken connection.
            thread::spawn(move || serve_socks(client, &opened));
        }
    });
    (url, connections)
}

fn serve_socks(mut client: TcpStream, opened: &AtomicUsize) -> io::Result<()> {
    let mut methods = [0; 2];
    client.read_exact(&mut methods)?;
    client.read_exact(&mut vec![0; methods[1].into()])?;
    client.write_all(&[5, 0])?;
    let mut head = [0; 4];
    client.read_exact(&mut head)?;
    let host = if head[3] == 3 {
        let mut length = [0];
        client.read_exact(&mut length)?;
        let mut name = vec![0; length[0].into()];
        client.read_exact(&mut name)?;
        String::from_utf8_lossy(&name).into_owned()
    } else {
        let mut address = [0; 4];
        client.read_exact(&mut address)?;
        Ipv4Addr::from(address).to_string()
    };
    let mut port = [0; 2];
    client.read_exact(&mut port)?;
    let mut server = TcpStream::connect((host, u16::from_be_bytes(port)))?;
    client.write_all(&[5, 0, 0, 1, 0, 0, 0, 0, 0, 0])?;
    opened.fetch_add(1, Ordering::Relaxed);
    let (mut from_server, mut to_client) = (server.try_clone()?, client.try_clone()?);
    thread::spawn(move || {
        let _ = io::copy(&mut from_server, &mut to_client);
        to_client.shutdown(Shutdown::Both)
    });
    io::copy(&mut client, &mut server)?;
    server.shutdown(Shutdown::Write)
}

/// The proxy belongs to the caller's route, so it says nothing about the runner.
fn proxy_that_is_not_there(cloud: &Cloud) {
    for (url, part) in [("http://127.0.0.1:9", "refused"), ("socks5://127.0.0.1:9", "SOCKS")] {
        with_proxy(cloud, url).says("api-server", &[part]);
    }
    let checked = with_proxy(cloud, "ftp://127.0.0.1:9");
    assert_eq!(checked.status("api-server"), "skipped", "\n{}", checked.text());
    checked.says("api-server", &["proxy-url cannot be used", "use http, https or socks5"]);
}

fn broken_kubeconfigs(cloud: &Cloud) {
    let text = kubeconfig(cloud, |_| ()).to_string();
    let user = |user: Value| kubeconfig(cloud, |value| value["users"][0]["user"] = user).to_string();
    let missing_authority = kubeconfig(cloud, |value| {
        let cluster = value["clusters"][0]["cluster"].as_object_mut().unwrap();
        cluster.remove("certificate-authority-data");
        cluster.insert("certificate-authority".to_owned(), json!("/nonexistent/ca.pem"));
    });
    for (kubeconfig, part) in [
        (text.trim_end_matches('}').to_owned(), "line 1"),
        (
            user(json!({"exec": {"command": "no-such-plugin", "args": ["s3cret"]}})),
            "\"no-such-plugin\" is not installed",
        ),
        (user(json!({"exec": {"args": ["s3cret"]}})), "exec has no command"),
        (
            user(json!({"tokenFile": "/nonexistent/token"})),
            "its tokenFile names cannot be read",
        ),
        (
            user(json!({"auth-provider": {"name": "gcp"}})),
            "use a credential plugin",
        ),
        (missing_authority.to_string(), "\"/nonexistent/ca.pem\""),
    ] {
        let checked = check(cloud, &kubeconfig);
        assert_eq!(checked.ids("failed"), [""; 0], "\n{}", checked.text());
        assert_eq!(checked.status("api-server"), "skipped", "\n{}", checked.text());
        checked.says("api-server", &["the kubeconfig", "cannot be used", part]);
        assert!(!checked.report.to_string().contains("s3cret"));
        assert!(checked.fix("api-server").contains("kubectl --kubeconfig"));
    }
}

/// client-go trims the token of a file. A token from elsewhere with blanks must not cause a panic.
fn tokens_with_blanks(cloud: &Cloud) {
    let token = "t0ken-that-nobody-knows";
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("token");
    fs::write(&file, format!(" {token}\n")).unwrap();
    let printed = json!({"status": {"token": format!("{token}\n")}}).to_string();
    for user in [
        json!({"token": format!("{token}\n")}),
        json!({"tokenFile": file}),
        json!({"exec": {"command": "echo", "args": [printed]}}),
    ] {
        let kubeconfig = kubeconfig(cloud, |value| value["users"][0]["user"] = user);
        let checked = check(cloud, &kubeconfig.to_string());
        assert_eq!(checked.status("api-server"), "skipped", "\n{}", checked.text());
        checked.says("api-server", &["rejects the user of the kubeconfig"]);
    }
}

/// A server between the caller and the cluster can return a review without `status.allowed`. That is not a refusal.
fn reviews_without_a_response(cloud: &Cloud) {
    let kubeconfig = kubeconfig(cloud, |value| {
        value["clusters"][0]["cluster"] = json!({"server": server_without_reviews()});
    });
    let checked = check(cloud, &kubeconfig.to_string());
    for id in ["rbac-create-jobs", "rbac-get-jobs"] {
        assert_eq!(checked.status(id), "skipped", "\n{}", checked.text());
        checked.says(id, &["has no status.allowed"]);
    }
    assert_eq!(checked.exit_code, 4, "\n{}", checked.text());
}

/// Returns the URL of a server that knows who calls it, and returns an object without content for everything else.
fn server_without_reviews() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    thread::spawn(move || {
        for mut client in listener.incoming().flatten() {
            thread::spawn(move || {
                let mut request = vec![0; 16 << 10];
                let length = client.read(&mut request)?;
                let body = if String::from_utf8_lossy(&request[..length]).contains("/selfsubjectreviews") {
                    json!({"kind": "SelfSubjectReview", "status": {"userInfo": {"username": "caller", "groups": []}}})
                } else {
                    json!({"kind": "Anything", "gitVersion": "v1.34.4"})
                };
                let body = body.to_string();
                let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n";
                write!(client, "{head}Content-Length: {}\r\n\r\n{body}", body.len())
            });
        }
    });
    url
}
