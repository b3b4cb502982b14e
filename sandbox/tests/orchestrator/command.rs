//! The command: what it prints, that it serves, and how it ends.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, ChildStdout, Command, Output, Stdio};

fn sandbox(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_sandbox"));
    command.args(arguments).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn output(arguments: &[&str]) -> Output {
    sandbox(arguments).output().expect("the command runs")
}

/// The command while it runs, and what it printed up to its last line.
struct Running {
    child: Child,
    stdout: BufReader<ChildStdout>,
    printed: String,
}

impl Running {
    fn start(arguments: &[&str]) -> Self {
        let mut child = sandbox(arguments).spawn().expect("the command starts");
        let mut stdout = BufReader::new(child.stdout.take().expect("a pipe"));
        let mut printed = String::new();
        while !printed.contains("It ends with Ctrl-C.") {
            assert_ne!(stdout.read_line(&mut printed).expect("text"), 0, "{printed}");
        }
        Self { child, stdout, printed }
    }

    /// What is printed after `export NAME=`.
    fn exported(&self, name: &str) -> Option<&str> {
        let start = format!("export {name}=");
        self.printed
            .lines()
            .find_map(|line| line.trim().strip_prefix(start.as_str()))
    }

    /// The head and body of the response to a GET.
    fn get(&self, path: &str, headers: &str) -> String {
        let url = self.exported("HUMANITEC_API_URL").expect("an address");
        let address = url.trim_start_matches("http://");
        let mut connection = TcpStream::connect(address).expect("a connection");
        write!(
            connection,
            "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n{headers}\r\n"
        )
        .expect("the request is sent");
        let mut response = String::new();
        connection.read_to_string(&mut response).expect("a response");
        response
    }

    /// Sends the signal and returns the exit code and what else was printed.
    fn end(mut self, signal: &str) -> (Option<i32>, String) {
        let pid = self.child.id().to_string();
        let sent = Command::new("kill").args(["-s", signal, &pid]).status();
        assert!(sent.expect("kill runs").success());
        let status = self.child.wait().expect("it ends");
        let mut rest = String::new();
        self.stdout.read_to_string(&mut rest).expect("text");
        (status.code(), rest)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn it_prints_what_a_terminal_needs_serves_and_ends_with_a_signal() {
    for signal in ["INT", "TERM"] {
        let running = Running::start(&["--org", "acme"]);
        let url = running.exported("HUMANITEC_API_URL").expect("an address");
        assert!(running.printed.contains(&format!("api_url = \"{url}\"")));
        assert!(running.printed.contains("org_id  = \"acme\""));
        assert_eq!(running.exported("HUMANITEC_ORG_ID"), Some("acme"));
        let token = running.exported("HUMANITEC_AUTH_TOKEN").expect("a token");
        let response = running.get("/orgs/acme/runners", &format!("Authorization: Bearer {token}\r\n"));
        assert!(response.starts_with("HTTP/1.1 200 OK"), "{response}");
        assert!(response.ends_with(r#"{"items":[]}"#), "{response}");
        assert_eq!(running.end(signal), (Some(0), String::new()));
    }
}

#[test]
fn a_token_that_was_given_is_accepted_and_not_printed() {
    let running = Running::start(&["--token", "canary-5a1f"]);
    assert!(!running.printed.contains("canary-5a1f"));
    assert!(running.printed.contains("the token given with --token"));
    let header = "Authorization: Bearer canary-5a1f\r\n";
    assert!(running.get("/orgs/my-org/runners", header).starts_with("HTTP/1.1 200"));
    let log = running.get("/_sandbox/requests", "");
    assert!(log.contains("Bearer …") && !log.contains("canary-5a1f"), "{log}");
}

#[test]
fn a_local_installation_has_no_token() {
    let running = Running::start(&["--local"]);
    assert_eq!(running.exported("HUMANITEC_AUTH_TOKEN"), None);
    let from = "From: 00000000-0000-0000-0000-000000000000\r\n";
    assert!(running.get("/orgs/my-org/runners", from).starts_with("HTTP/1.1 200"));
}

#[test]
fn delay_and_faults_are_set_at_start() {
    let running = Running::start(&[
        "--delay",
        "50ms",
        "--fault",
        r#"{"times": 1, "fault": {"kind": "status", "status": 502}}"#,
        "--fault",
        r#"{"fault": {"kind": "status", "status": 503}}"#,
    ]);
    assert!(running.get("/_sandbox/delay", "").ends_with(r#"{"ms":50}"#));
    assert!(running.get("/", "").starts_with("HTTP/1.1 502"));
    assert!(running.get("/", "").starts_with("HTTP/1.1 503"));
}

#[test]
fn environment_types_are_named_at_start() {
    let running = Running::start(&["--env-type", "prod", "--env-type", "dev"]);
    // Their effect is tested on the handle; here, that the command takes them.
    assert!(running.get("/", "").starts_with("HTTP/1.1 401"));
}

#[test]
fn a_port_that_is_taken_is_an_error() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let port = taken.local_addr().expect("an address").port().to_string();
    let output = output(&["--port", &port]);
    assert_eq!(output.status.code(), Some(1));
    let error = String::from_utf8(output.stderr).expect("text");
    assert!(error.starts_with("error: the sandbox could not start: "), "{error}");
    assert!(error.contains(&format!("127.0.0.1:{port}")), "{error}");
}

#[test]
fn wrong_arguments_are_explained() {
    for (arguments, part) in [
        (vec!["--delay", "soon"], "--delay"),
        (vec!["--delay=-5s"], "--delay"),
        (
            vec!["--fault", r#"{"fault": {"kind": "flood"}}"#],
            "unknown variant `flood`",
        ),
        (vec!["--token", ""], "--token"),
        (vec!["--token", "x", "--local"], "--local"),
    ] {
        let output = output(&arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        let error = String::from_utf8(output.stderr).expect("text");
        assert!(error.contains(part), "{error}");
    }
}

#[test]
fn help_has_examples_that_work() {
    let output = output(&["--help"]);
    assert_eq!(output.status.code(), Some(0));
    let help = String::from_utf8(output.stdout).expect("text");
    let fault = help
        .split_once("--fault '")
        .and_then(|(_, rest)| rest.split_once('\''))
        .expect("an example with a fault")
        .0;
    for line in ["cargo run -p sandbox -- --port 8080 --delay 50ms", "--local"] {
        assert!(help.contains(line), "{help}");
    }
    drop(Running::start(&["--fault", fault]));
}
