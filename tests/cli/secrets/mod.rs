//! The command never prints a secret: each source of a credential, in each way of
//! breaking it, with its standard output and standard error, as text and as JSON.

mod aws;
mod kubeconfig;
mod orchestrator;

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use crate::Test;
use crate::command::{CHECK, Folder};

pub(crate) const TESTS: &[Test] = sandbox::scenarios![
    kubeconfig::fields,
    kubeconfig::credential_plugin,
    aws::keys,
    aws::files,
    aws::credential_process,
    aws::token_files,
    orchestrator::token,
    orchestrator::proxy,
];

/// The canary. Eight consecutive characters of it count as a leak.
const CANARY: &str = "Zq7Xw2Lp9Tv5-C4n4ry-Hk3Rb8";

/// One source of a credential, and one way of breaking it.
struct Case {
    name: String,
    files: Vec<(&'static str, Vec<u8>)>,
    variables: Vec<(String, String)>,
    arguments: Vec<String>,
    /// A text that the output must have, which shows that the credential was used.
    shows: &'static str,
}

impl Case {
    fn new(name: impl Into<String>, shows: &'static str) -> Self {
        Self {
            name: name.into(),
            files: Vec::new(),
            variables: Vec::new(),
            arguments: Vec::new(),
            shows,
        }
    }

    fn file(mut self, name: &'static str, content: impl Into<Vec<u8>>) -> Self {
        self.files.push((name, content.into()));
        self
    }

    fn variable(mut self, name: &str, value: impl Into<String>) -> Self {
        self.variables.push((name.to_owned(), value.into()));
        self
    }

    fn arguments(mut self, arguments: &[&str]) -> Self {
        self.arguments
            .extend(arguments.iter().map(|argument| (*argument).to_owned()));
        self
    }

    /// Uses the echo server as AWS, with credentials for it.
    fn with_aws(self, url: &str) -> Self {
        self.variable("AWS_ENDPOINT_URL", url)
            .variable("AWS_ACCESS_KEY_ID", "an-access-key")
            .variable("AWS_SECRET_ACCESS_KEY", "another-key")
    }

    /// Returns the problem of the output, if there is one.
    fn problem(&self) -> Option<String> {
        let folder = Folder::new();
        for (name, content) in &self.files {
            folder.write(name, content);
        }
        ["text", "json"].into_iter().find_map(|output| {
            let more: Vec<&str> = self.arguments.iter().map(String::as_str).collect();
            let check = if more.contains(&"--runner") { &CHECK[..1] } else { CHECK };
            let arguments = [check, &["--output", output, "--timeout", "20s"], &more].concat();
            let variables = [&self.variables[..], &[("TF_LOG".to_owned(), "TRACE".to_owned())]].concat();
            let ran = folder.run_with(&arguments, &variables);
            let all = format!("{}{}", ran.out, ran.error);
            let leaked = CANARY.as_bytes().windows(8).map(|run| String::from_utf8_lossy(run));
            let leaked: Vec<_> = leaked.filter(|run| all.contains(run.as_ref())).collect();
            let name = &self.name;
            if !leaked.is_empty() {
                return Some(format!("{name} ({output}): it shows {leaked:?}\n{all}"));
            }
            if all.contains("panicked") || all.contains("Bug in ") || ran.code == 101 {
                return Some(format!("{name} ({output}): exit code {}\n{all}", ran.code));
            }
            (!all.contains(self.shows)).then(|| format!("{name} ({output}): it does not show {:?}\n{all}", self.shows))
        })
    }
}

/// Tries all cases, some at a time.
fn try_all(cases: Vec<Case>) {
    assert!(!cases.is_empty());
    let (next, problems) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
                    if let Some(problem) = case.problem() {
                        problems.lock().expect("no panic").push(problem);
                    }
                }
            });
        }
    });
    let problems = problems.into_inner().expect("no panic");
    assert!(problems.is_empty(), "{}", problems.join("\n\n"));
}

/// The ways of breaking `    FIELD: CANARY` in a YAML file.
fn broken(field: &str, indent: &str) -> Vec<(&'static str, Vec<u8>)> {
    let lines = [
        ("unclosed quote", format!("{indent}{field}: \"{CANARY}\n")),
        ("unclosed single quote", format!("{indent}{field}: '{CANARY}\n")),
        ("tab", format!("{indent}{field}: {CANARY}\n\tx: 1\n")),
        ("bad indentation", format!("{indent}{field}: {CANARY}\n {indent}x: 1\n")),
        (
            "duplicate key",
            format!("{indent}{field}: {CANARY}\n{indent}{field}: {CANARY}\n"),
        ),
        ("list", format!("{indent}{field}: [{CANARY}]\n")),
        ("mapping", format!("{indent}{field}: {{{CANARY}: {CANARY}}}\n")),
        ("alias", format!("{indent}{field}: *{CANARY}\n")),
        ("tag", format!("{indent}{field}: !{CANARY} x\n")),
        ("wrong tag", format!("{indent}{field}: !!int {CANARY}\n")),
        ("newline inside", format!("{indent}{field}: \"{CANARY}\\n{CANARY}\"\n")),
        ("no header value", format!("{indent}{field}: \"{CANARY}\\u0001é\"\n")),
        ("bad escape", format!("{indent}{field}: \"{CANARY}\\q\"\n")),
        ("truncated", format!("{indent}{field}: {{a: {CANARY}")),
        ("colon", format!("{indent}{field}: {CANARY}: {CANARY}\n")),
    ];
    let mut ways: Vec<_> = lines.map(|(name, line)| (name, line.into_bytes())).into();
    let bytes = [format!("{indent}{field}: {CANARY}").as_bytes(), b"\xff\xfe\n"].concat();
    ways.push(("invalid UTF-8", bytes));
    ways
}
