//! The small EKS with the documented runner, and the commands that check it.

use std::ffi::OsStr;
use std::fs;
use std::io::Write;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use sandbox::eks::{Credentials, Eks, EksOptions, Faults, RunnerSetup};
use serde_json::{Value, json};

use crate::child;
use crate::oracle;
pub(crate) use crate::oracle::{
    BEHIND_API, BEHIND_CLUSTER, BEHIND_ROLE, BY_USER, CHECKS, DOES_NOT_APPLY, IN_NAMESPACE, ONLY_WARN, RBAC, STEPS,
};

/// Variables and their values.
pub(crate) type Environment = Vec<(String, String)>;

pub(crate) struct Cloud {
    pub(crate) eks: Eks,
    runner: Option<RunnerSetup>,
}

/// The report of the command for one runner.
pub(crate) struct Checked {
    pub(crate) report: Value,
    pub(crate) exit_code: i32,
    pub(crate) took: Duration,
    /// The type of the runner's state storage.
    storage: String,
}

impl Cloud {
    pub(crate) fn start() -> Self {
        Self::start_with(EksOptions::default())
    }

    pub(crate) fn start_with(options: EksOptions) -> Self {
        let eks = Eks::start(options).unwrap();
        Self { eks, runner: None }
    }

    /// Restores the documented set-up.
    pub(crate) fn reset(&mut self) {
        self.clear();
        let runner = self.eks.set_up_as_documented("my-org", "my-runner").unwrap();
        self.runner = Some(runner);
        self.eks.reset_calls().unwrap();
    }

    /// Removes what was set up.
    pub(crate) fn clear(&self) {
        if self.runner.is_some() {
            self.eks.reset().unwrap();
        }
        self.faults(Faults::default());
    }

    pub(crate) fn runner(&self) -> &RunnerSetup {
        self.runner.as_ref().unwrap()
    }

    /// The documented runner, as its file has it.
    pub(crate) fn configuration(&self) -> Value {
        json!({
            "runner_configuration": self.runner().values(self.eks.options()).configuration(),
            "state_storage_configuration": documented_storage(),
        })
    }

    /// The documented runner with another value at a path such as `job/namespace`.
    pub(crate) fn with(&self, path: &str, value: Value) -> Value {
        let mut configuration = self.configuration();
        set(&mut configuration, path, value);
        configuration
    }

    /// Checks the documented runner.
    pub(crate) fn check_documented(&self) -> Checked {
        self.check(&self.configuration())
    }

    /// Checks one runner as the administrator.
    pub(crate) fn check(&self, runner: &Value) -> Checked {
        self.check_with(runner, &[])
    }

    /// Checks one runner as the administrator, with more arguments.
    pub(crate) fn check_with(&self, runner: &Value, arguments: &[&str]) -> Checked {
        self.check_in(self.eks.env(), runner, arguments)
    }

    /// Checks the documented runner with other credentials.
    pub(crate) fn check_as(&self, who: &Credentials) -> Checked {
        self.check_in(self.eks.env_as(who), &self.configuration(), &[])
    }

    /// Checks one runner in an environment.
    pub(crate) fn check_in(&self, environment: Environment, runner: &Value, arguments: &[&str]) -> Checked {
        self.check_id("my-runner", environment, runner, arguments)
    }

    /// Checks one runner with an id of its own.
    pub(crate) fn check_id(&self, id: &str, environment: Environment, runner: &Value, arguments: &[&str]) -> Checked {
        let check = ["check", "-", "--org", "my-org", "--id", id, "--output", "json"];
        // With `--only`, a check that no other one needs cannot be skipped.
        let skip: &[&str] = if is_documented(runner) && !arguments.contains(&"--only") {
            &["--skip", "state-storage"]
        } else {
            &[]
        };
        let start = Instant::now();
        let arguments = [&check[..], skip, arguments].concat();
        let (text, exit_code) = command(environment, runner, &arguments);
        // The command does not speak of the provider's attributes.
        for word in TERRAFORM_S_WORDS {
            assert!(!text.contains(word), "{word}\n{text}");
        }
        let report = serde_json::from_str(&text).unwrap();
        Checked::new(report, exit_code, start, runner)
    }

    /// Returns the output of `setup` for a runner.
    pub(crate) fn setup(&self, runner: &Value, format: &str) -> String {
        self.setup_id("my-runner", runner, format)
    }

    /// The same for a runner with an id of its own.
    pub(crate) fn setup_id(&self, id: &str, runner: &Value, format: &str) -> String {
        self.setup_with(id, runner, &["--output", format])
    }

    /// The same with other arguments.
    pub(crate) fn setup_with(&self, id: &str, runner: &Value, arguments: &[&str]) -> String {
        let setup = ["setup", "-", "--org", "my-org", "--id", id];
        let (text, exit_code) = command(Vec::new(), runner, &[&setup, arguments].concat());
        assert_eq!(exit_code, 0);
        text
    }

    /// Runs the library in a process with the administrator's environment.
    pub(crate) fn library(&self, request: &Value) -> Value {
        self.library_in(self.eks.env(), request)
    }

    /// The same in another environment.
    pub(crate) fn library_in(&self, environment: Environment, request: &Value) -> Value {
        let mut process = Command::new(std::env::current_exe().unwrap());
        process.env(child::MARK, "1").envs(environment);
        let mut request = request.clone();
        if is_documented(&request["runners"][0]) {
            request["skip"] = json!(["state-storage"]);
        }
        let (text, exit_code) = finish(process, &request);
        assert_eq!(exit_code, 0);
        serde_json::from_str(&text).unwrap()
    }

    /// One call of AWS as the administrator.
    pub(crate) fn aws(&self, service: &str, operation: &str, parameters: &Value) -> Value {
        self.eks.aws(service, operation, parameters).unwrap()
    }

    /// kubectl as the cluster's administrator.
    pub(crate) fn kubectl(&self, arguments: &[&str]) -> String {
        self.eks.kubectl(arguments).unwrap()
    }

    /// Ends the deletion of a namespace, as the namespace controller does, which does not run here.
    pub(crate) fn finish_deletion(&self, namespace: &str) {
        let finalized = json!({
            "apiVersion": "v1", "kind": "Namespace", "metadata": {"name": namespace}, "spec": {"finalizers": []},
        });
        let file = tempfile::NamedTempFile::new().unwrap();
        fs::write(file.path(), finalized.to_string()).unwrap();
        let path = format!("--raw=/api/v1/namespaces/{namespace}/finalize");
        self.kubectl(&["replace", &path, "-f", &file.path().display().to_string()]);
    }

    /// Replaces the faults.
    pub(crate) fn faults(&self, faults: Faults) {
        self.eks.set_faults(&faults).unwrap();
    }

    /// Denies an action of AWS to everyone, and nothing else.
    pub(crate) fn deny(&self, action: &str) {
        self.faults(Faults {
            deny: vec![action.to_owned()],
            ..Faults::default()
        });
    }

    /// Sets the authentication mode, and waits until the authenticator uses it.
    pub(crate) fn authentication_mode(&self, mode: &str) {
        let mode = json!({"authenticationMode": mode});
        self.eks.set_cluster(&mode).unwrap();
        let start = Instant::now();
        while self.check_documented().status("namespace") != "passed" {
            assert!(start.elapsed() < Duration::from_secs(10), "{mode}");
        }
    }

    /// Returns the parameters that name the role's access entry.
    pub(crate) fn entry(&self) -> Value {
        json!({"clusterName": self.eks.options().cluster_name, "principalArn": self.runner().role_arn})
    }

    /// A file with an OIDC token of the Orchestrator, in a directory that must be kept.
    pub(crate) fn token_file(&self, token: &str) -> (tempfile::TempDir, String) {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("token");
        fs::write(&file, token).unwrap();
        let path = file.display().to_string();
        (directory, path)
    }

    /// The environment without any AWS credentials.
    pub(crate) fn no_credentials(&self) -> Environment {
        let mut environment = self.eks.env();
        let secret = |name: &str| name.starts_with("AWS_ACCESS_KEY") || name.starts_with("AWS_SECRET");
        environment.retain(|(name, _)| !secret(name));
        environment
    }
}

fn documented_storage() -> Value {
    json!({"type": "s3", "bucket": "states"})
}

/// Returns whether a runner has the documented state storage. Only the scenarios about the state, which have another one,
/// create the place where it is stored.
pub(crate) fn is_documented(runner: &Value) -> bool {
    runner["state_storage_configuration"] == documented_storage()
}

/// Runs the command on a runner's file. Gives what it prints and its exit code.
pub(crate) fn command(environment: Environment, runner: &Value, arguments: &[&str]) -> (String, i32) {
    let mut process = Command::new(env!("CARGO_BIN_EXE_eks-runner"));
    process.args(arguments).envs(environment);
    finish(process, runner)
}

fn finish(mut process: Command, input: &Value) -> (String, i32) {
    // The machine's own settings must not change the result.
    let of_the_machine = |name: &OsStr| {
        let name = name.to_string_lossy().to_uppercase();
        name.starts_with("AWS_") || ["HTTPS_PROXY", "NO_PROXY", "ALL_PROXY", "KUBECONFIG"].contains(&name.as_str())
    };
    for (name, _) in std::env::vars_os().filter(|(name, _)| of_the_machine(name)) {
        if !process.get_envs().any(|(set, _)| set == name) {
            process.env_remove(name);
        }
    }
    let mut running = process
        .env("HOME", "/nonexistent")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = running.stdin.take().unwrap();
    stdin.write_all(input.to_string().as_bytes()).unwrap();
    drop(stdin);
    let output = running.wait_with_output().unwrap();
    let error = String::from_utf8(output.stderr).unwrap();
    assert!(!output.stdout.is_empty(), "it printed nothing: {error}");
    (String::from_utf8(output.stdout).unwrap(), output.status.code().unwrap())
}

/// Puts a value at a path below `runner_configuration`.
pub(crate) fn set(runner: &mut Value, path: &str, value: Value) {
    let start = &mut runner["runner_configuration"];
    *path.split('/').fold(start, |at, name| &mut at[name]) = value;
}

/// The words of the provider's users, as they appear in JSON.
const TERRAFORM_S_WORDS: [&str; 9] = [
    "resource \\\"aws_",
    "as = ",
    "orchestrator_cidrs",
    "profile or assume_role",
    "assume_role of",
    "set web_identity_token_file",
    "Set web_identity_token_file",
    "role_arn = ",
    "session_name = ",
];

impl Checked {
    pub(crate) fn new(report: Value, exit_code: i32, start: Instant, runner: &Value) -> Self {
        let storage = &runner["state_storage_configuration"]["type"];
        Self {
            report,
            exit_code,
            took: start.elapsed(),
            storage: storage.as_str().unwrap_or_default().to_owned(),
        }
    }

    fn checks(&self) -> impl Iterator<Item = &Value> {
        let checks = self.report["checks"].as_array();
        checks.unwrap_or_else(|| panic!("{:#}", self.report)).iter()
    }

    pub(crate) fn of(&self, id: &str) -> &Value {
        self.checks().find(|check| check["id"] == id).unwrap()
    }

    pub(crate) fn status(&self, id: &str) -> &str {
        self.of(id)["status"].as_str().unwrap()
    }

    pub(crate) fn message(&self, id: &str) -> &str {
        self.of(id)["message"].as_str().unwrap()
    }

    #[track_caller]
    pub(crate) fn fix(&self, id: &str) -> &str {
        let fix = self.of(id)["fix"].as_str();
        fix.unwrap_or_else(|| panic!("{id} has no fix\n{}", self.text()))
    }

    /// The ids with a status, in order.
    pub(crate) fn ids(&self, status: &str) -> Vec<&str> {
        let has = |check: &&Value| check["status"] == status;
        self.checks()
            .filter(has)
            .map(|check| check["id"].as_str().unwrap())
            .collect()
    }

    /// The ids of all checks, in order.
    pub(crate) fn all_ids(&self) -> impl Iterator<Item = &str> {
        self.checks().map(|check| check["id"].as_str().unwrap())
    }

    /// Returns the whole report as text, for a failed assertion.
    pub(crate) fn text(&self) -> String {
        let line = |check: &Value| {
            let part = |name: &str| check[name].as_str().unwrap_or_default();
            format!("{:8} {:18} {}\n", part("status"), part("id"), part("message"))
        };
        self.checks().map(line).collect()
    }

    /// Asserts that every check that applies to the documented runner as the caller passed.
    #[track_caller]
    pub(crate) fn all_pass(&self) {
        self.only(&[], &[]);
    }

    /// Asserts that exactly these failed (or warned, if they never fail), and that exactly these were skipped, besides the
    /// ones that always are. Each failure must have an expected value, a found value, and a fix.
    #[track_caller]
    pub(crate) fn only(&self, failed: &[&str], skipped: &[&str]) -> &Self {
        let (warned, failed): (Vec<&str>, Vec<&str>) = failed.iter().partition(|id| self.only_warns(id));
        self.outcome(&failed, &warned, skipped)
    }

    /// The same with warnings.
    #[track_caller]
    pub(crate) fn outcome(&self, failed: &[&str], warned: &[&str], skipped: &[&str]) -> &Self {
        assert_eq!(self.ids("failed"), failed, "\n{}", self.text());
        assert_eq!(self.ids("warned"), warned, "\n{}", self.text());
        let mut others = self.ids("skipped");
        others.retain(|id| skipped.contains(id) || !self.need_not_run(id));
        assert_eq!(others, skipped, "\n{}", self.text());
        for check in self.checks().filter(|check| check["status"] == "failed") {
            for part in ["expected", "found", "fix"] {
                assert!(!check[part].is_null(), "no {part}: {check:#}");
            }
        }
        let complete = self.unchecked().is_empty();
        let exit_code = match (failed, complete) {
            ([_, ..], _) => 3,
            ([], false) => 4,
            ([], true) => 0,
        };
        assert_eq!(self.exit_code, exit_code, "\n{}", self.text());
        assert_eq!(self.report["ok"], exit_code == 0, "\n{}", self.text());
        assert_eq!(self.report["complete"], complete, "\n{}", self.text());
        assert_eq!(self.report["reason"].is_null(), complete);
        self
    }

    /// The ids of the checks that make the run incomplete.
    pub(crate) fn unchecked(&self) -> Vec<&str> {
        let missing = |check: &&Value| check["skip"] == "incomplete";
        let ids = self.checks().filter(missing).map(|check| &check["id"]);
        ids.filter_map(Value::as_str)
            .filter(|id| !self.only_warns(id))
            .collect()
    }

    /// Returns whether a check cannot fail for the runner.
    fn only_warns(&self, id: &str) -> bool {
        oracle::only_warns(id, &self.storage)
    }

    /// Returns whether a check is skipped because it does not apply, as the documented runner has it, or by name.
    fn need_not_run(&self, id: &str) -> bool {
        let skip = self.of(id)["skip"].as_str().unwrap_or_default();
        DOES_NOT_APPLY.contains(&id) && ["not-applicable", "requested"].contains(&skip)
    }

    /// Asserts that no check failed, that the run is incomplete for this reason, and that the exit code is 4.
    #[track_caller]
    pub(crate) fn is_incomplete(&self, reason: &str) -> &Self {
        let failed = self.ids("failed");
        assert_eq!((failed, self.exit_code), (vec![], 4), "\n{}", self.text());
        let (ok, complete) = (&self.report["ok"], &self.report["complete"]);
        assert_eq!((ok, complete), (&json!(false), &json!(false)));
        let said = self.report["reason"].as_str().unwrap_or_default();
        let count = format!("{} of {} checks", self.unchecked().len(), self.checks().count());
        assert!(
            said.starts_with(&count) && said.contains(reason),
            "{said}\n{}",
            self.text()
        );
        self
    }

    /// Asserts that the message of a check has these parts.
    #[track_caller]
    pub(crate) fn says(&self, id: &str, parts: &[&str]) -> &Self {
        for part in parts {
            let message = self.message(id);
            assert!(message.contains(part), "{part:?} is not in: {message}\n{}", self.text());
        }
        self
    }
}
