//! Running the command.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use tempfile::TempDir;

/// The documented runner, in the file that `hctl` takes.
pub(crate) const RUNNER: &str = "\
description: Runner of type kubernetes-eks
runner_configuration:
  type: kubernetes-eks
  cluster:
    name: my-eks-cluster
    region: us-west-2
    auth:
      role_arn: arn:aws:iam::123456789012:role/humanitec-runner-eks-role
  job:
    namespace: humanitec-runner
    service_account: humanitec-runner
state_storage_configuration:
  type: s3
  bucket: my-state
";

/// The output and the exit code of the command.
pub(crate) struct Ran {
    pub(crate) out: String,
    pub(crate) error: String,
    pub(crate) code: i32,
}

impl Ran {
    fn of(output: Output, folder: &Path) -> Self {
        let text = |bytes| {
            let text = String::from_utf8(bytes).expect("UTF-8");
            text.replace(&folder.display().to_string(), "(home)")
        };
        Self {
            out: text(output.stdout),
            error: text(output.stderr),
            code: output.status.code().expect("it ended by itself"),
        }
    }

    /// Returns standard output and standard error.
    pub(crate) fn all_output(&self) -> String {
        format!("{}{}", self.out, self.error)
    }

    /// Returns everything that a person sees, for a snapshot.
    pub(crate) fn all(&self) -> String {
        redact(&format!(
            "exit code: {}\n----- stdout -----\n{}----- stderr -----\n{}",
            self.code, self.out, self.error
        ))
    }
}

/// Replaces what differs from run to run and from machine to machine.
pub(crate) fn redact(text: &str) -> String {
    let text = text.replace(env!("CARGO_PKG_VERSION"), "(version)");
    let port = regex_lite::Regex::new(r"127\.0\.0\.1:\d+").expect("a pattern");
    let text = port.replace_all(&text, "127.0.0.1:(port)");
    let time = regex_lite::Regex::new(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ").expect("a pattern");
    let text = time.replace_all(&text, "(time)");
    let duration = regex_lite::Regex::new(r#""duration_ms": \d+"#).expect("a pattern");
    let text = duration.replace_all(&text, "\"duration_ms\": (ms)");
    let association = regex_lite::Regex::new(r"\ba-[0-9a-f]{17}\b").expect("a pattern");
    association.replace_all(&text, "a-(id)").into_owned()
}

/// A folder with files in which the command runs. It is the command's home, and the environment is empty.
pub(crate) struct Folder(TempDir);

impl Folder {
    /// With the documented runner in `runner-config.yaml`.
    pub(crate) fn new() -> Self {
        let folder = Self(TempDir::new().expect("a folder"));
        folder.write("runner-config.yaml", RUNNER);
        folder
    }

    pub(crate) fn path(&self) -> &Path {
        self.0.path()
    }

    pub(crate) fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        std::fs::write(self.path().join(name), content).expect("a file");
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_eks-runner"));
        command
            .args(arguments)
            .current_dir(self.path())
            .env_clear()
            .env("HOME", self.path())
            .env("AWS_EC2_METADATA_DISABLED", "true")
            .stdin(Stdio::null());
        command
    }

    pub(crate) fn run(&self, arguments: &[&str]) -> Ran {
        Ran::of(self.command(arguments).output().expect("it starts"), self.path())
    }

    pub(crate) fn run_with(&self, arguments: &[&str], environment: &[(String, String)]) -> Ran {
        let mut command = self.command(arguments);
        command.envs(environment.iter().cloned());
        Ran::of(command.output().expect("it starts"), self.path())
    }

    pub(crate) fn run_on(&self, arguments: &[&str], stdin: &[u8]) -> Ran {
        let mut command = self.command(arguments);
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().expect("it starts");
        // It may have read enough before the end.
        let _ = child.stdin.take().expect("a pipe").write_all(stdin);
        Ran::of(child.wait_with_output().expect("it ends"), self.path())
    }

    /// Checks `runner-config.yaml` with this content.
    pub(crate) fn check(&self, content: impl AsRef<[u8]>) -> Ran {
        self.write("runner-config.yaml", content);
        self.run(CHECK)
    }
}

/// The check of the documented file.
pub(crate) const CHECK: &[&str] = &["check", "runner-config.yaml", "--org", "my-org", "--id", "my-runner"];
