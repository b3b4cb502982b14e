//! `probe` against a small EKS that runs Jobs.

mod refused;
pub(crate) mod terminal;

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use insta::assert_snapshot;
use sandbox::eks::{Credentials, Eks, EksOptions, Faults};
use sandbox::{Pool, Taken};
use serde_json::{Value, json};

use crate::Test;
use crate::command::{Folder, RUNNER, Ran, redact};

pub(crate) const TESTS: &[Test] = sandbox::scenarios![
    the_container_starts,
    as_the_runner,
    each_reason_why_not,
    refused::refused_by_the_api,
    only_who_can_delete,
    documented_least,
    nothing_without_a_yes,
    ended_with_an_error,
    kept,
    refused::uncertain,
    ended_by_a_signal_at_each_stage,
    killed,
];

const PROBE: &[&str] = &["probe", "runner-config.yaml", "--org", "my-org", "--id", "my-runner"];

pub(crate) static EKS: Pool<Eks> = Pool::new();

/// Returns an EKS with the documented runner, which no other test uses meanwhile.
fn documented() -> Taken<Eks> {
    let options = EksOptions {
        runs_jobs: true,
        ..EksOptions::default()
    };
    let eks = EKS.take(|| Eks::start(options).expect("a small EKS that runs Jobs"));
    eks.reset().expect("a clean account");
    eks.set_up_as_documented("my-org", "my-runner")
        .expect("the documented setup");
    eks
}

fn probe(eks: &Eks, folder: &Folder, more: &[&str]) -> Ran {
    folder.run_with(&[PROBE, more].concat(), &eks.env())
}

/// Probes the runner with a pod template.
fn probe_with(eks: &Eks, template: &str, more: &[&str]) -> (Value, Ran) {
    let folder = Folder::new();
    let job = "    service_account: humanitec-runner\n";
    let template = format!("{job}    pod_template: {template}\n");
    folder.write("runner-config.yaml", RUNNER.replace(job, &template));
    let ran = probe(eks, &folder, &[&["--yes", "--output", "json"], more].concat());
    let report = serde_json::from_str(&ran.out);
    (
        report.unwrap_or_else(|error| panic!("{error}: {}{}", ran.out, ran.error)),
        ran,
    )
}

/// The Jobs and pods in the runner's namespace.
fn left(eks: &Eks) -> String {
    eks.kubectl(&["get", "jobs,pods", "--namespace=humanitec-runner", "--output=name"])
        .expect("kubectl")
}

/// What differs from probe to probe.
fn stable(text: &str) -> String {
    let patterns = [
        (r"eks-runner-probe-[0-9a-f]{16}(-[a-z0-9]{5})?", "(job)$1"),
        (r"\(job\)-[a-z0-9]{5}", "(job)-(pod)"),
    ];
    patterns.iter().fold(redact(text), |text, (pattern, with)| {
        let pattern = regex_lite::Regex::new(pattern).expect("a pattern");
        pattern.replace_all(&text, *with).into_owned()
    })
}

fn the_container_starts() {
    let eks = &*documented();
    let ran = probe(eks, &Folder::new(), &["--yes"]);
    assert_eq!(left(eks), "");
    assert_snapshot!("started", stable(&ran.all()));
    let ran = probe(
        eks,
        &Folder::new(),
        &["--yes", "--output", "json", "--runner-image", "ghcr.io/other:2"],
    );
    let report: Value = serde_json::from_str(&ran.out).expect("JSON");
    let found = ["ok", "result", "reason", "deletion", "image", "node", "namespace"].map(|name| &report[name]);
    let node = eks.node_name();
    let expected = [
        &json!(true),
        &json!("started"),
        &Value::Null,
        &json!("deleted"),
        &json!("ghcr.io/other:2"),
        &json!(node),
        &json!("humanitec-runner"),
    ];
    assert_eq!((found, ran.code), (expected, 0), "{report:#}");
    let reasons: Vec<&str> = report["events"]
        .as_array()
        .expect("events")
        .iter()
        .filter_map(|event| event["reason"].as_str())
        .collect();
    for reason in ["SuccessfulCreate", "Scheduled", "Pulled", "Started"] {
        assert!(reasons.contains(&reason), "{reasons:?}");
    }
}

fn as_the_runner() {
    let eks = &*documented();
    let folder = Folder::new();
    folder.write("token", eks.oidc_token("my-org", "my-runner").expect("a token"));
    let token = ["--as", "runner", "--web-identity-token-file", "token", "--yes"];
    let ran = probe(eks, &folder, &token);
    assert_eq!(ran.code, 0, "{}", ran.all());
    assert!(
        ran.error
            .contains("assumed-role/humanitec-runner-eks-role/my-org-my-runner"),
        "{}",
        ran.error
    );
    assert_eq!(left(eks), "");
}

fn each_reason_why_not() {
    let eks = &*documented();
    let secret = r#"{spec: {containers: [{name: main}], volumes: [{name: credentials, secret: {secretName: missing-credentials}}]}}"#;
    for (reason, template, timeout, words) in [
        (
            "unschedulable",
            r#"{spec: {nodeSelector: {team: x}}}"#,
            "3s",
            "node(s) didn't match Pod's node affinity/selector",
        ),
        (
            "image-pull",
            r#"{spec: {containers: [{name: main, image: "registry.invalid/runner:1"}]}}"#,
            "5s",
            "no such host",
        ),
        ("mount", secret, "1m", "secret \"missing-credentials\" not found"),
    ] {
        let (report, ran) = probe_with(eks, template, &["--timeout", timeout]);
        assert_eq!((&report["reason"], ran.code), (&json!(reason), 3), "{report:#}");
        assert!(
            report["message"].as_str().unwrap_or_default().contains(words),
            "{report:#}"
        );
        assert!(
            report["events"]
                .as_array()
                .is_some_and(|events| events.iter().any(|event| event["type"] == "Warning")),
            "{report:#}"
        );
        assert_eq!((&report["deletion"], left(eks).as_str()), (&json!("deleted"), ""));
    }
    eks.kubectl(&[
        "create",
        "quota",
        "no-pods",
        "--namespace=humanitec-runner",
        "--hard=pods=0",
    ])
    .expect("a quota");
    std::thread::sleep(Duration::from_secs(2));
    let (report, ran) = probe_with(eks, "{}", &["--timeout", "1m"]);
    assert_eq!((&report["reason"], ran.code), (&json!("quota"), 3), "{report:#}");
    assert!(
        report["message"]
            .as_str()
            .unwrap_or_default()
            .contains("exceeded quota: no-pods"),
        "{report:#}"
    );
    assert_eq!(left(eks), "");
}

/// A caller who is allowed to do everything but delete Jobs.
fn only_who_can_delete() {
    let eks = &*documented();
    let all = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]});
    let user = eks.create_user("reader", &all).expect("a user");
    let entry = json!({
        "clusterName": "my-eks-cluster",
        "principalArn": "arn:aws:iam::123456789012:user/reader",
        "kubernetesGroups": ["readers"],
    });
    eks.aws("eks", "CreateAccessEntry", &entry).expect("an entry");
    let rights = "
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRole
metadata: {name: readers}
rules:
- {apiGroups: [''], resources: [users, groups], verbs: [impersonate]}
- {apiGroups: ['', batch], resources: [jobs, pods, events], verbs: [get, list, create]}
---
apiVersion: rbac.authorization.k8s.io/v1
kind: ClusterRoleBinding
metadata: {name: readers}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: readers}
subjects: [{apiGroup: rbac.authorization.k8s.io, kind: Group, name: readers}]
";
    eks.apply(rights).expect("rights");
    let ran = once_admitted(|| Folder::new().run_with(&[PROBE, &["--yes"]].concat(), &eks.env_as(&user)));
    eks.kubectl(&["delete", "clusterrole,clusterrolebinding", "readers"])
        .expect("no rights");
    assert_snapshot!("cannot_delete", ran.all());
    assert_eq!(left(eks), "");
}

/// A file of the documentation.
fn example(name: &str) -> String {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/examples/eks-access/");
    std::fs::read_to_string(format!("{folder}{name}")).expect("an example")
}

/// Creates a caller with the documented permissions.
fn documented_caller(eks: &Eks) -> Credentials {
    let policy = serde_json::from_str(&example("caller-policy.json")).expect("a policy");
    let user = eks.create_user("caller", &policy).expect("a user");
    let entry = json!({
        "clusterName": "my-eks-cluster",
        "principalArn": "arn:aws:iam::123456789012:user/caller",
        "kubernetesGroups": ["eks-runner-preflight"],
    });
    eks.aws("eks", "CreateAccessEntry", &entry).expect("an entry");
    for file in ["caller-impersonation.yaml", "caller-probe.yaml"] {
        eks.apply(&example(file)).expect("an example");
    }
    user
}

/// The documented permissions are enough.
fn documented_least() {
    let eks = &*documented();
    let user = documented_caller(eks);
    let ran = once_admitted(|| Folder::new().run_with(&[PROBE, &["--yes"]].concat(), &eks.env_as(&user)));
    assert_eq!(ran.code, 0, "{}", ran.all());
    assert_eq!(left(eks), "");
}

/// Runs the command until the cluster knows its caller.
fn once_admitted(run: impl Fn() -> Ran) -> Ran {
    let deadline = Instant::now() + Duration::from_secs(15);
    loop {
        let ran = run();
        if !ran.error.contains("Unauthorized") && !ran.error.contains("401") {
            return ran;
        }
        assert!(Instant::now() < deadline, "{}", ran.all());
    }
}

fn nothing_without_a_yes() {
    let eks = &*documented();
    let ran = probe(eks, &Folder::new(), &[]);
    assert_snapshot!("not_asked", stable(&ran.all()));
    assert_eq!(left(eks), "");
    let unwritable = ["--yes", "--keep", "-o", "no/report"];
    let ran = probe(eks, &Folder::new(), &unwritable);
    assert_eq!((ran.code, left(eks).as_str()), (2, ""), "{}", ran.error);
}

/// A container that ends soon after its start shows how, if it can be read.
fn ended_with_an_error() {
    const FAILS: [&str; 3] = ["--yes", "--image", "registry.example/fails:1"];
    let eks = &*documented();
    let ran = probe(eks, &Folder::new(), &FAILS);
    assert_eq!(left(eks), "");
    assert_snapshot!("ended_with_an_error", stable(&ran.all()));
    let json = [&FAILS[..], &["--output", "json"]].concat();
    let ran = probe(eks, &Folder::new(), &json);
    let report: Value = serde_json::from_str(&ran.out).expect("JSON");
    let log = "GET https://registry.opentofu.org\nconnect: connection timed out";
    assert_eq!(
        (&report["ok"], &report["exit_code"], &report["log"]),
        (&json!(true), &json!(1), &json!(log)),
        "{report:#}"
    );
    // The permission to read the log is optional.
    let user = documented_caller(eks);
    let without_log = example("caller-probe.yaml").replace("pods/log", "pods/other");
    eks.apply(&without_log).expect("an example");
    let ran = once_admitted(|| Folder::new().run_with(&[PROBE, &FAILS].concat(), &eks.env_as(&user)));
    assert_eq!(ran.code, 0, "{}", ran.all());
    let end = "The container ended with exit code 1 (Error). Its log could not be read: the caller has no permission to get \
               pods/log.";
    assert!(ran.out.contains(end), "{}", ran.out);
    assert_eq!(left(eks), "");
}

fn kept() {
    let eks = &*documented();
    let (report, ran) = probe_with(eks, "{}", &["--keep"]);
    assert_eq!((&report["deletion"], ran.code), (&json!("kept"), 0), "{report:#}");
    let name = report["job"].as_str().expect("a name");
    assert!(left(eks).contains(name), "{}", left(eks));
    let ttl = eks
        .kubectl(&[
            "get",
            "jobs",
            "--namespace=humanitec-runner",
            "--output=jsonpath={.items[0].spec.ttlSecondsAfterFinished}",
        ])
        .expect("a Job");
    assert_eq!(ttl, "3600");
}

/// Returns a running probe, whose standard error has been read up to a line that begins with `stage`.
fn until(eks: &Eks, arguments: &[&str], stage: &str) -> (Folder, Child, BufReader<std::process::ChildStderr>) {
    let folder = Folder::new();
    let mut command = folder.command(&[PROBE, &["--yes"], arguments].concat());
    command.envs(eks.env()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("it starts");
    let mut lines = BufReader::new(child.stderr.take().expect("a pipe"));
    read_until(&mut lines, stage);
    (folder, child, lines)
}

/// Reads lines up to one that begins with `stage`.
fn read_until(lines: &mut impl BufRead, stage: &str) {
    let mut all = String::new();
    loop {
        let mut line = String::new();
        let read = lines.read_line(&mut line).expect("a line");
        assert!(read > 0, "no line begins with {stage:?}: {all}");
        if line.starts_with(stage) {
            return;
        }
        all += &line;
    }
}

fn send(signal: &str, child: &Child) {
    let sent = Command::new("kill").args([signal, &child.id().to_string()]).status();
    assert!(sent.expect("kill").success());
}

fn ended_by_a_signal_at_each_stage() {
    let eks = &*documented();
    let slow = |kubernetes_delay_ms: u64| {
        let faults = Faults {
            kubernetes_delay_ms,
            ..Faults::default()
        };
        eks.set_faults(&faults).expect("faults");
    };
    // Before the Job is created, while the request is under way, before the pod has a node, while the pod starts, and
    // while the Job is deleted.
    let stages = [
        ("The probe creates this Job", 0, false),
        ("Creating Job", 0, false),
        ("Created", 0, true),
        ("Scheduled on node", 0, false),
        ("Deleting Job", 0, false),
        ("Creating Job", 1000, false),
    ];
    for (stage, delay, cordoned) in stages {
        for signal in ["-INT", "-TERM"] {
            let cordon = if cordoned { "cordon" } else { "uncordon" };
            eks.kubectl(&[cordon, &eks.node_name()]).expect("a node");
            slow(delay);
            let (_folder, mut child, mut rest) = until(eks, &[], stage);
            send(signal, &child);
            let mut said = String::new();
            rest.read_to_string(&mut said).expect("text");
            let code = child.wait().expect("it ends").code();
            slow(0);
            let what = format!("{signal} at {stage:?}, delayed by {delay} ms: {said}");
            assert!(code.is_some_and(|code| [0, 4].contains(&code)), "{code:?} {what}");
            assert_eq!(left(eks), "", "{what}");
        }
    }
}

/// After SIGKILL, the Job's deadline and its time to live remove it, here one that never gets a node.
fn killed() {
    let eks = &*documented();
    eks.kubectl(&["cordon", &eks.node_name()]).expect("a node");
    let (_folder, mut child, _rest) = until(eks, &["--timeout", "3s"], "Created");
    child.kill().expect("killed");
    child.wait().expect("it ends");
    let start = Instant::now();
    while !left(eks).is_empty() {
        assert!(start.elapsed() < Duration::from_secs(90), "{}", left(eks));
        std::thread::sleep(Duration::from_secs(1));
    }
    assert!(start.elapsed() > Duration::from_secs(5), "{:?}", start.elapsed());
}
