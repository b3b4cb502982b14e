//! `check` against the small EKS, and the output of `setup` applied to it.

use std::net::TcpListener;
use std::process::Command;
use std::time::{Duration, Instant};

use insta::assert_snapshot;
use sandbox::eks::{Eks, EksOptions};
use sandbox::{Pool, Taken};
use serde_json::{Value, json};
use terraform_provider_platform_orchestrator::access::CheckId;

use crate::Test;
use crate::command::{CHECK, Folder, RUNNER, Ran, redact};
use crate::registered;

pub(crate) const TESTS: &[Test] = sandbox::scenarios![
    all_is_well,
    what_is_broken_is_named,
    only_warnings,
    as_the_runner,
    a_registered_runner,
    no_credentials_are_reported_at_once,
    time_runs_out,
    incomplete,
    setup_turns_every_check_green,
];

pub(crate) static EKS: Pool<Eks> = Pool::new();

/// Returns a clean EKS, which no other test uses meanwhile.
pub(crate) fn clean() -> Taken<Eks> {
    let eks = EKS.take(|| Eks::start(EksOptions::default()).expect("a small EKS"));
    eks.reset().expect("a clean account");
    eks
}

/// Returns an EKS in which the documented runner is set up.
pub(crate) fn documented() -> Taken<Eks> {
    let eks = clean();
    let runner = eks
        .set_up_as_documented("my-org", "my-runner")
        .expect("the documented setup");
    eks.set_up_state_bucket(&runner, "my-state")
        .expect("a bucket for the states");
    eks
}

fn check(eks: &Eks, more: &[&str]) -> Ran {
    Folder::new().run_with(&[CHECK, more].concat(), &eks.env())
}

fn json_of(ran: &Ran) -> Value {
    serde_json::from_str(&ran.out).unwrap_or_else(|error| panic!("{error}: {}{}", ran.out, ran.error))
}

/// Runs commands of the AWS CLI and kubectl, as the administrators of both.
pub(crate) fn run_script(eks: &Eks, script: &str) {
    let home = std::env::var_os("HOME").unwrap_or_default();
    let applied = Command::new("bash")
        .args(["-euo", "pipefail", "-c", script])
        .env_clear()
        .envs(eks.shell_env())
        .env("HOME", home)
        .output()
        .expect("bash");
    let error = String::from_utf8_lossy(&applied.stderr);
    assert!(applied.status.success(), "{script}\n{error}");
}

/// The ids of the checks with a status.
fn with_status(report: &Value, status: &str) -> Vec<String> {
    let checks = report["checks"].as_array().expect("checks").iter();
    let with = checks.filter(|check| check["status"] == status);
    with.map(|check| check["id"].as_str().expect("an id").to_owned())
        .collect()
}

/// Versions of the cluster differ from machine to machine.
pub(crate) fn stable(text: &str) -> String {
    let version = regex_lite::Regex::new(r"\(v1\.[^)]*\)").expect("a pattern");
    version.replace_all(&redact(text), "(v1.x)").into_owned()
}

fn all_is_well() {
    let eks = &*documented();
    let ran = check(eks, &[]);
    assert_snapshot!("all_is_well", stable(&ran.all()));
    assert!(!ran.out.contains('\x1b'), "no color where there is no terminal");
    let ran = check(eks, &["--output", "json"]);
    assert_snapshot!("all_is_well_json", stable(&ran.all()));
    let ran = check(eks, &["--color", "always"]);
    assert!(ran.out.contains("\x1b[32m√"), "{}", ran.out);
}

fn what_is_broken_is_named() {
    let eks = &*documented();
    let policy = eks.documented_trust_policy("my-org", "another-runner");
    eks.set_trust_policy(&policy).expect("another trust policy");
    eks.kubectl(&["delete", "rolebinding", "--namespace=humanitec-runner", "--all"])
        .expect("no binding");
    assert_snapshot!("broken", stable(&check(eks, &[]).all()));
    assert_snapshot!("broken_json", stable(&check(eks, &["--output", "json"]).all()));
}

fn only_warnings() {
    let eks = &*documented();
    let restricted = json!({"resourcesVpcConfig": {"publicAccessCidrs": ["203.0.113.0/24"]}});
    eks.set_cluster(&restricted).expect("restricted addresses");
    let ran = check(eks, &["--output", "json"]);
    let report = json_of(&ran);
    assert_eq!(with_status(&report, "warned"), ["cluster-endpoint"]);
    assert_eq!(with_status(&report, "failed"), [] as [&str; 0]);
    assert_eq!((ran.code, &report["ok"]), (0, &json!(true)));
    assert_eq!(check(eks, &["--fail-on", "warning"]).code, 3);
    assert_eq!(check(eks, &["--orchestrator-cidr", "203.0.113.7"]).code, 0);
    assert_eq!(check(eks, &["--orchestrator-cidr", "198.51.100.0/24"]).code, 3);
}

fn as_the_runner() {
    let eks = &*documented();
    let folder = Folder::new();
    let token = eks.oidc_token("my-org", "my-runner").expect("a token");
    folder.write("token", token);
    let arguments = [
        "--as",
        "runner",
        "--web-identity-token-file",
        "token",
        "--output",
        "json",
    ];
    let ran = folder.run_with(&[CHECK, &arguments].concat(), &eks.env());
    let report = json_of(&ran);
    assert_eq!(
        (ran.code, with_status(&report, "failed")),
        (0, Vec::new()),
        "{}",
        ran.out
    );
    let passed = with_status(&report, "passed");
    for id in [
        "assume-role",
        "cluster-active",
        "api-server",
        "rbac-create-jobs",
        "job-dry-run",
    ] {
        assert!(passed.iter().any(|other| other == id), "{id}: {}", ran.out);
    }
}

fn a_registered_runner() {
    let eks = &*documented();
    let orchestrator = registered::orchestrator();
    let environment = [eks.env(), registered::environment(&orchestrator)].concat();
    let arguments = ["check", "--runner", "my-runner", "--output", "json"];
    // Its API is not Humanitec's, so that the issuer is unknown.
    let ran = Folder::new().run_with(&arguments, &environment);
    let skipped = with_status(&json_of(&ran), "skipped");
    for id in ["oidc-provider", "role-trust"] {
        assert!(skipped.iter().any(|other| other == id), "{id}: {}", ran.out);
    }
    assert!(ran.out.contains("Set --oidc-issuer"), "{}", ran.out);
    let issuer = ["--oidc-issuer", sandbox::eks::ISSUER];
    let ran = Folder::new().run_with(&[&arguments[..], &issuer].concat(), &environment);
    let report = json_of(&ran);
    assert_eq!(ran.code, 0, "{}", ran.out);
    assert_eq!(report["oidc_subject"], "my-org+my-runner");
    assert_eq!(report["summary"]["failed"], 0);
}

fn no_credentials_are_reported_at_once() {
    // A server in place of the instance metadata service never responds.
    let metadata = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("http://{}", metadata.local_addr().expect("its address"));
    let eks = &*documented();
    let folder = Folder::new();
    let mut command = folder.command(CHECK);
    let is_of_network = |name: &str| ["HTTPS_PROXY", "NO_PROXY", "AWS_CA_BUNDLE"].contains(&name);
    let network = eks.env().into_iter().filter(|(name, _)| is_of_network(name));
    command
        .envs(network)
        .env_remove("AWS_EC2_METADATA_DISABLED")
        .env("AWS_EC2_METADATA_SERVICE_ENDPOINT", url);
    let start = Instant::now();
    let output = command.output().expect("it starts");
    let took = start.elapsed();
    assert!(took < Duration::from_secs(2), "{took:?}");
    assert_eq!(output.status.code(), Some(4));
    let text = String::from_utf8_lossy(&output.stdout);
    assert_snapshot!("no_credentials", text);
    // The guide shows this line.
    let guide = include_str!("../../templates/guides/eks-runner-command.md");
    let last = text.lines().last().unwrap_or_default();
    assert!(guide.contains(&format!("\n{last}\n")), "{last}");
}

/// A missing permission of the caller: the exit code, the last line, and the effect of `--skip`.
fn incomplete() {
    let eks = &*documented();
    let denied = sandbox::eks::Faults {
        deny: vec!["iam:GetRole".to_owned()],
        ..sandbox::eks::Faults::default()
    };
    eks.set_faults(&denied).expect("a denied action");
    let ran = check(eks, &[]);
    assert_eq!(ran.code, 4, "{}", ran.out);
    let all = CheckId::ALL.len();
    let last = format!("4 of {all} checks could not run: no permission for iam:GetRole (4).");
    assert_eq!(ran.out.lines().last(), Some(&*last), "{}", ran.out);
    let report = json_of(&check(eks, &["--output", "json"]));
    let said = [&report["ok"], &report["complete"], &report["reason"]];
    assert_eq!(said, [&json!(false), &json!(false), &json!(last)]);
    assert_eq!(check(eks, &["--allow-incomplete"]).code, 0);
    assert_eq!(check(eks, &["--fail-on", "warning"]).code, 4);
    // By name, in a list and one by one. The check that needs a skipped one is still made.
    let each = [
        "--skip",
        "role-exists,role-trust",
        "--skip",
        "role-permission",
        "--skip",
        "pod-identity",
    ];
    let ran = check(eks, &[&each[..], &["--output", "json"]].concat());
    let report = json_of(&ran);
    assert_eq!((ran.code, &report["ok"]), (0, &json!(true)), "{}", ran.out);
    assert_eq!(report["reason"], Value::Null);
    let ran = check(eks, &["--skip", "role-exists", "--output", "json"]);
    let report = json_of(&ran);
    assert_eq!(ran.code, 4, "{}", ran.out);
    let reason = report["reason"].as_str().unwrap_or_default();
    assert!(reason.starts_with(&format!("3 of {all} checks")), "{reason}");
}

fn time_runs_out() {
    let eks = &*documented();
    let slow = sandbox::eks::Faults {
        delay_ms: 20_000,
        ..sandbox::eks::Faults::default()
    };
    eks.set_faults(&slow).expect("slow AWS");
    let start = Instant::now();
    let ran = check(eks, &["--timeout", "1s", "--output", "json"]);
    assert!(start.elapsed() < Duration::from_secs(4), "{:?}", start.elapsed());
    let report = json_of(&ran);
    assert_eq!((ran.code, &report["summary"]["failed"]), (4, &json!(0)));
    let reason = report["reason"].as_str().expect("a reason");
    assert!(reason.contains("timed out ("), "{reason}");
    let allowed = check(eks, &["--timeout", "1s", "--allow-incomplete"]);
    assert_eq!(allowed.code, 0, "{}", allowed.out);
    let last = allowed.out.lines().last().unwrap_or_default();
    assert!(last.contains(" checks could not run: timed out ("), "{last}");
}

fn setup_turns_every_check_green() {
    let eks = &*clean();
    let folder = Folder::new();
    let storage = RUNNER.replace("type: s3\n  bucket: my-state", "type: kubernetes\n  namespace: state");
    folder.write("runner-config.yaml", storage);
    let before = json_of(&folder.run_with(&[CHECK, &["--output", "json"]].concat(), &eks.env()));
    assert_eq!(before["ok"], false);

    let script = folder.run(&[&["setup"], &CHECK[1..], &["--output", "aws-cli"]].concat());
    assert_eq!(script.code, 0, "{}", script.error);
    run_script(eks, &script.out);

    let ran = folder.run_with(&[CHECK, &["--output", "json"]].concat(), &eks.env());
    let after = json_of(&ran);
    assert_eq!(ran.code, 0, "{}", ran.out);
    // As the caller nothing is assumed, and the Job has no AWS identity of its own.
    assert_eq!(
        with_status(&after, "skipped"),
        ["assume-role", "pod-identity"],
        "{}",
        ran.out
    );
}
