//! What is shown beside the result, and how it is laid out on a terminal.

use std::process::Command;

use sandbox::orchestrator::faults::{Fault, FaultRule};

use crate::Test;
use crate::access::documented;
use crate::command::{CHECK, Folder, RUNNER};
use crate::registered;

/// The tests that need no EKS.
pub(crate) const TESTS: &[Test] = sandbox::scenarios![
    explain_on_a_narrow_terminal,
    several_runners_on_a_narrow_terminal,
    calls_of_the_orchestrator,
];

/// The tests with the small EKS.
pub(crate) const WITH_EKS: &[Test] =
    sandbox::scenarios![calls_with_their_times, nothing_unless_it_fails, a_report_on_a_terminal,];

/// Runs a program on a terminal of its own with this number of columns, and prints everything that it writes there.
const TERMINAL: &str = r#"
import fcntl, os, pty, struct, sys, termios
columns, program = int(sys.argv[1]), sys.argv[2:]
process, terminal = pty.fork()
if process == 0:
    fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    os.execv(program[0], program)
said = b""
try:
    while part := os.read(terminal, 4096):
        said += part
except OSError:
    pass
sys.stdout.buffer.write(said.replace(b"\r\n", b"\n"))
sys.exit(os.waitstatus_to_exitcode(os.waitpid(process, 0)[1]))
"#;

/// Returns what the command writes on a terminal.
fn on_terminal(
    folder: &Folder,
    columns: usize,
    term: &str,
    arguments: &[&str],
    environment: &[(String, String)],
) -> String {
    let output = Command::new("python3")
        .args(["-c", TERMINAL, &columns.to_string()])
        .arg(env!("CARGO_BIN_EXE_eks-runner"))
        .args(arguments)
        .current_dir(folder.path())
        .env_clear()
        .envs(std::env::var_os("PATH").map(|path| ("PATH", path)))
        .envs(environment.iter().cloned())
        .env("HOME", folder.path())
        .env("TERM", term)
        .output()
        .expect("python3");
    let errors = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{errors}");
    String::from_utf8(output.stdout).expect("UTF-8")
}

/// Asserts that a text has the words of another one, each in one piece, in lines of at most this length. A word that is longer
/// is a line of its own.
#[track_caller]
fn has_the_words(narrow: &str, wide: &str, columns: usize) {
    let words = |text: &str| -> Vec<String> {
        let words = text.split_whitespace();
        let without_colon = words.map(|word| word.trim_end_matches(':').to_owned());
        without_colon.collect()
    };
    assert_eq!(words(narrow), words(wide), "{narrow}");
    for line in narrow.lines() {
        let is_one_word = line.trim().split(' ').count() == 1;
        assert!(line.chars().count() <= columns || is_one_word, "{line}");
    }
}

fn calls_with_their_times() {
    let eks = &*documented();
    let folder = Folder::new();
    let check = |more: &[&str]| {
        let arguments = [CHECK, &["--only", "role-exists,api-server"], more].concat();
        folder.run_with(&arguments, &eks.env())
    };
    let silent = check(&[]);
    assert_eq!((silent.code, silent.error.as_str()), (0, ""));
    let lines = |text: &str, pattern: &str| {
        let pattern = regex_lite::Regex::new(pattern).expect("a pattern");
        assert!(text.lines().any(|line| pattern.is_match(line)), "{pattern}: {text}");
    };
    let ran = check(&["-v"]);
    assert_eq!((ran.code, ran.out.as_str()), (0, silent.out.as_str()));
    lines(&ran.error, r"^iam GetRole: 200 in \d+ ms$");
    lines(&ran.error, r"^eks GET /clusters/my-eks-cluster: 200 in \d+ ms$");
    lines(&ran.error, r"^kubernetes GET /version: 200 in \d+ ms$");
    let ran = check(&["-vv"]);
    lines(
        &ran.error,
        r"^iam GetRole: 200 in \d+ ms \(iam\.amazonaws\.com, attempt 1, request [^ ]+\)$",
    );
    for secret in eks.env().iter().filter(|(name, _)| name.contains("SECRET")) {
        assert!(!ran.error.contains(&secret.1), "{}", ran.error);
    }
}

fn calls_of_the_orchestrator() {
    let orchestrator = registered::orchestrator();
    let arguments = ["check", "--runner", "my-runner", "--only", "session-name", "-v"];
    let ran = Folder::new().run_with(&arguments, &registered::environment(&orchestrator));
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.error);
    let line = format!(
        "orchestrator GET /orgs/{}/runners/my-runner: 200 in ",
        orchestrator.org()
    );
    assert!(ran.error.starts_with(&line), "{}", ran.error);
    // No call of AWS is needed.
    assert_eq!(ran.error.lines().count(), 1, "{}", ran.error);
    // A response that cannot be used has a status all the same.
    let redirect = Fault::Redirect {
        status: 302,
        location: "https://login.example.com".to_owned(),
    };
    orchestrator.faults().add(FaultRule::new(redirect));
    let ran = Folder::new().run_with(&arguments, &registered::environment(&orchestrator));
    assert!(ran.error.starts_with(&line.replace("200", "302")), "{}", ran.error);
}

fn nothing_unless_it_fails() {
    let eks = &*documented();
    let folder = Folder::new();
    let check = |more: &[&str]| folder.run_with(&[CHECK, more].concat(), &eks.env());
    for quiet in ["-q", "--quiet"] {
        let ran = check(&[quiet]);
        assert_eq!((ran.code, ran.all_output()), (0, String::new()));
    }
    // A note on the file is text as well.
    folder.write("noted.yaml", format!("id: other\n{RUNNER}"));
    let noted = ["check", "noted.yaml", "--org", "my-org", "--id", "my-runner"];
    let only = ["--only", "session-name"];
    let check_noted = |more: &[&str]| folder.run(&[&noted[..], &only, more].concat());
    let loud = check_noted(&[]);
    assert!(loud.error.starts_with("note: noted.yaml:1:5: id: "), "{}", loud.error);
    assert_eq!(check_noted(&["-q"]).all_output(), "");
    // A file is written in any case.
    let ran = check(&["-q", "-o", "report.txt"]);
    assert_eq!((ran.code, ran.all_output()), (0, String::new()));
    let report = std::fs::read_to_string(folder.path().join("report.txt")).expect("the file");
    assert!(report.contains(" passed, 0 failed"), "{report}");

    let policy = eks.documented_trust_policy("my-org", "another-runner");
    eks.set_trust_policy(&policy).expect("another trust policy");
    let ran = check(&["-q"]);
    assert_eq!((ran.code, ran.error.as_str()), (3, ""));
    assert!(ran.out.contains("× role-trust"), "{}", ran.out);
    let ran = folder.run(&["check", "nope.yaml", "--id", "x", "-q"]);
    assert_eq!(ran.code, 2);
    assert!(ran.error.contains("does not exist"), "{}", ran.error);
}

fn a_report_on_a_terminal() {
    let eks = &*documented();
    let folder = Folder::new();
    let check = |columns, term| on_terminal(&folder, columns, term, CHECK, &eks.env());
    let piped = folder.run_with(CHECK, &eks.env()).out;

    let wide = check(120, "xterm");
    assert!(wide.contains("\r\x1b[2K"), "the progress: {wide:?}");
    assert!(wide.contains("\x1b[32m√"), "colors: {wide:?}");
    let dumb = check(120, "dumb");
    assert!(!dumb.contains(['\x1b', '\r']), "{dumb:?}");
    has_the_words(&dumb, &piped, 120);
    let narrow = check(50, "dumb");
    has_the_words(&narrow, &piped, 50);
    // A narrow terminal has no space for the progress.
    let colored = check(50, "xterm");
    assert!(!colored.contains("\x1b[2K"), "{colored:?}");
}

fn explain_on_a_narrow_terminal() {
    let folder = Folder::new();
    for arguments in [&["explain"][..], &["explain", "namespace"]] {
        let wide = folder.run(arguments).out;
        let narrow = on_terminal(&folder, 40, "dumb", arguments, &[]);
        has_the_words(&narrow, &wide, 40);
    }
    // Neither a narrow nor a dumb terminal gets columns.
    for (columns, term) in [(40, "xterm"), (120, "dumb")] {
        let list = on_terminal(&folder, columns, term, &["explain"], &[]);
        let lines = "  namespace\n    The Job's namespace exists\n";
        assert!(list.contains(lines), "{list}");
    }
}

/// The table becomes a line for each runner.
fn several_runners_on_a_narrow_terminal() {
    let folder = Folder::new();
    for id in ["first", "second"] {
        folder.write(&format!("{id}.yaml"), format!("id: {id}\norg_id: o\n{RUNNER}"));
    }
    let only = ["--only", "session-name"];
    let arguments = [&["check", "first.yaml", "second.yaml"], &only[..]].concat();
    let narrow = on_terminal(&folder, 45, "dumb", &arguments, &[]);
    let lines = [
        "first: passed (0 failed, 0 warned, 0 skipped)",
        "second: passed (0 failed, 0 warned, 0",
        "skipped)",
        "",
        "2 runners: 2 passed, 0 failed, 0 incomplete,",
        "0 not checked",
    ];
    assert_eq!(narrow.lines().collect::<Vec<_>>(), lines);
}
