//! A server that repeats requests in its errors, as AWS, proxies, and API servers do.
//!
//! It stands in for all services that the command calls. For AWS, it responds with enough for the checks to reach
//! the cluster's API: whose credentials they are, and where the cluster is.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::thread;

/// The URL of a server, which runs until the process ends.
pub(crate) fn start() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("its address"));
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            thread::spawn(move || serve(stream));
        }
    });
    url
}

/// Serves one request. A broken connection does not matter here.
fn serve(mut stream: TcpStream) -> Option<()> {
    let (head, body) = read(&mut stream)?;
    let line = head.lines().next()?.to_owned();
    let (status, kind, text) = content(&line, &head, &body);
    let response = format!(
        "HTTP/1.1 {status} X\r\nContent-Type: {kind}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{text}",
        text.len()
    );
    stream.write_all(response.as_bytes()).ok()
}

fn content(line: &str, head: &str, body: &str) -> (u16, &'static str, String) {
    if body.contains("Action=GetCallerIdentity") {
        let text = "<GetCallerIdentityResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><GetCallerIdentityResult>\
            <Arn>arn:aws:iam::123456789012:user/me</Arn><UserId>U</UserId><Account>123456789012</Account>\
            </GetCallerIdentityResult></GetCallerIdentityResponse>";
        return (200, "text/xml", text.to_owned());
    }
    if line.starts_with("GET /clusters/my-eks-cluster ") {
        let cluster = serde_json::json!({"cluster": {
            "name": "my-eks-cluster", "status": "ACTIVE", "endpoint": "https://127.0.0.1:9", "version": "1.34",
            "certificateAuthority": {"data": "LS0t"},
            "accessConfig": {"authenticationMode": "API"},
            "resourcesVpcConfig": {"endpointPublicAccess": true, "publicAccessCidrs": ["0.0.0.0/0"]},
        }});
        return (200, "application/json", cluster.to_string());
    }
    let sent = format!("The request could not be verified. You sent:\n{head}{body}");
    if body.contains("Action=") {
        let sent = sent.replace('&', "&amp;").replace('<', "&lt;");
        let text = format!(
            "<ErrorResponse><Error><Type>Sender</Type><Code>ValidationError</Code><Message>{sent}</Message></Error></ErrorResponse>"
        );
        return (400, "text/xml", text);
    }
    let text =
        serde_json::json!({"error": "HTTP-400", "kind": "Status", "message": sent, "__type": "ValidationException"});
    (400, "application/json", text.to_string())
}

fn read(stream: &mut TcpStream) -> Option<(String, String)> {
    let (mut bytes, mut buffer) = (Vec::new(), [0; 4096]);
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| {
                let (name, value) = line.split_once(':')?;
                name.eq_ignore_ascii_case("content-length")
                    .then(|| value.trim().parse::<usize>().ok())?
            });
            if body.len() >= length.unwrap_or(0) {
                return Some((format!("{head}\n"), body.to_owned()));
            }
        }
        let count = stream.read(&mut buffer).ok()?;
        if count == 0 {
            return None;
        }
        bytes.extend_from_slice(&buffer[..count]);
    }
}
