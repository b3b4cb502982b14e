//! A check that a signal ends, and inputs that can be read only once.

use std::fs::{self, File};
use std::io::Write;
use std::net::TcpListener;
use std::process::{Command, Output, Stdio};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::Test;
use crate::command::{CHECK, Folder, RUNNER};

/// The tests, which need no EKS.
pub(crate) const TESTS: &[Test] = sandbox::scenarios![
    a_signal_replaces_an_earlier_report,
    ctrl_c_erases_the_progress,
    a_pipe_to_which_nothing_is_written,
    a_wait_reads_a_pipe_once,
];

/// An AWS that accepts connections and never responds, and the environment that leads to it.
fn silent_aws() -> (TcpListener, [(&'static str, String); 3]) {
    let proxy = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = proxy.local_addr().expect("an address");
    let environment = [
        ("HTTPS_PROXY", format!("http://{address}")),
        ("AWS_ACCESS_KEY_ID", "AKIAIOSFODNN7EXAMPLE".to_owned()),
        ("AWS_SECRET_ACCESS_KEY", "secret".to_owned()),
    ];
    (proxy, environment)
}

/// Starts the command, waits for what `running` returns once it runs, and sends the signal.
fn interrupt<T>(mut command: Command, signal: &str, running: impl FnOnce() -> T) -> Output {
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = command.spawn().expect("it starts");
    let _held = running();
    let sent = Command::new("kill").args([signal, &child.id().to_string()]).status();
    assert!(sent.expect("kill").success());
    child.wait_with_output().expect("it ends")
}

/// A CI job whose time is over must not upload the report of an earlier run.
fn a_signal_replaces_an_earlier_report() {
    for (signal, code, name) in [("-INT", 130, "Ctrl-C"), ("-TERM", 143, "SIGTERM")] {
        let folder = Folder::new();
        folder.write("report", "stale");
        let (proxy, environment) = silent_aws();
        let only = ["--only", "aws-credentials", "-o", "report"];
        let mut command = folder.command(&[CHECK, &only, &["--output", "json"]].concat());
        command.envs(environment);
        let ended = interrupt(command, signal, || proxy.accept().expect("a connection"));
        let error = String::from_utf8_lossy(&ended.stderr);
        let message = format!("interrupted by {name}: the checks have no result");
        assert_eq!(ended.status.code(), Some(code), "{error}");
        assert_eq!(error, format!("error: {message}\n"));
        let report = fs::read(folder.path().join("report")).expect("a report");
        let report: Value = serde_json::from_slice(&report).expect("JSON");
        let expected = json!({"message": message, "exit_code": code, "problems": []});
        assert_eq!(report["error"], expected);
    }
}

/// Runs a program on a terminal of its own, types Ctrl-C once it shows progress, and prints everything that it writes there.
const TERMINAL: &str = r#"
import os, pty, sys
program = sys.argv[1:]
process, terminal = pty.fork()
if process == 0:
    os.execv(program[0], program)
said = b""
while b" done: " not in said:
    said += os.read(terminal, 4096)
os.write(terminal, b"\x03")
try:
    while part := os.read(terminal, 4096):
        said += part
except OSError:
    pass
sys.stdout.buffer.write(said)
sys.exit(os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]))
"#;

fn ctrl_c_erases_the_progress() {
    let folder = Folder::new();
    let (_proxy, environment) = silent_aws();
    let ended = Command::new("python3")
        .args(["-c", TERMINAL, env!("CARGO_BIN_EXE_eks-runner")])
        .args([CHECK, &["--only", "aws-credentials"]].concat())
        .current_dir(folder.path())
        .env_clear()
        .envs(std::env::var_os("PATH").map(|path| ("PATH", path)))
        .envs(environment)
        .env("HOME", folder.path())
        .env("TERM", "xterm")
        .output()
        .expect("python3");
    let text = String::from_utf8_lossy(&ended.stdout);
    assert_eq!(ended.status.code(), Some(130), "{text}");
    let (_, after) = text.rsplit_once("\x1b[2K").expect("progress");
    let after = anstream::adapter::strip_str(after).to_string();
    assert_eq!(
        after.trim_end(),
        "error: interrupted by Ctrl-C: the checks have no result",
        "{text:?}"
    );
}

/// Creates a named pipe, as a shell does for `<(command)` on some systems.
fn named_pipe(folder: &Folder) {
    let created = Command::new("mkfifo").arg("pipe").current_dir(folder.path()).status();
    assert!(created.expect("mkfifo").success());
}

fn a_pipe_to_which_nothing_is_written() {
    let folder = Folder::new();
    named_pipe(&folder);
    let options = ["--org", "my-org", "--id", "my-runner"];
    for (subcommand, code) in [("check", 130), ("probe", 4)] {
        let command = folder.command(&[&[subcommand, "pipe"][..], &options].concat());
        let ended = interrupt(command, "-INT", || {
            // This waits until the command reads the pipe.
            let opened = File::options().write(true).open(folder.path().join("pipe"));
            opened.expect("the pipe")
        });
        let error = String::from_utf8_lossy(&ended.stderr);
        assert_eq!(ended.status.code(), Some(code), "{subcommand}: {error}");
    }
}

/// `--wait` checks the runner again that the pipe described, and does not read the pipe again, which would not end.
fn a_wait_reads_a_pipe_once() {
    let folder = Folder::new();
    named_pipe(&folder);
    // The default session name is cut, which is a warning.
    let id = "x".repeat(60);
    let check = ["check", "pipe", "--org", "my-org", "--id", &id];
    let wait = ["--fail-on", "warning", "--wait", "1s"];
    let mut command = folder.command(&[&check[..], &["--only", "session-name"], &wait].concat());
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let start = Instant::now();
    let child = command.spawn().expect("it starts");
    let pipe = File::options().write(true).open(folder.path().join("pipe"));
    pipe.expect("the pipe").write_all(RUNNER.as_bytes()).expect("a reader");
    let ended = child.wait_with_output().expect("it ends");
    let text = [ended.stdout, ended.stderr].concat();
    let text = String::from_utf8_lossy(&text);
    assert_eq!(ended.status.code(), Some(3), "{text}");
    assert!(!text.contains("note:"), "{text}");
    assert!(start.elapsed() > Duration::from_secs(1));

    // The second run would get nothing from the pipe.
    let kubeconfig = ["--kubeconfig", "pipe", "--wait", "1m"];
    let ran = folder.run(&[CHECK, &kubeconfig].concat());
    let error = "error: --wait repeats the checks, and pipe can be read only once: it is not a regular file\n\n\
                 To fix it, write the content to a regular file, or remove --wait.\n";
    assert_eq!((ran.code, ran.error.as_str()), (2, error));
}
