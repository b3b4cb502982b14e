//! `check` of several runners: `--all`, and several files.

use std::time::{Duration, Instant};

use insta::assert_snapshot;
use sandbox::eks::{ClusterOfFleet, Eks};
use sandbox::orchestrator::faults::{BodyKind, Fault, FaultRule, When};
use sandbox::orchestrator::{Orchestrator, OrchestratorOptions};
use serde_json::{Value, json};

use crate::Test;
use crate::access::{clean, documented, run_script, stable};
use crate::command::{Folder, RUNNER, Ran};
use crate::registered;
use crate::schemas;

/// The tests that need no EKS.
pub(crate) const TESTS: &[Test] = sandbox::scenarios![
    runners_that_cannot_be_checked_are_named,
    no_runner_to_check,
    every_bad_file_is_named,
    why_checks_could_not_run_is_shown_once,
];

/// The tests with the small EKS.
pub(crate) const WITH_EKS: &[Test] = sandbox::scenarios![
    all_runners_share_the_calls,
    two_files_in_every_format,
    the_same_id_in_two_organizations,
];

/// How many runners the fleet has.
const RUNNERS: usize = 300;

/// How long their checks can take on a busy machine, in a build without optimization. `make bench` measures a release build.
const TIME: Duration = Duration::from_secs(180);

fn json_of(ran: &Ran) -> Value {
    serde_json::from_str(&ran.out).unwrap_or_else(|error| panic!("{error}: {}{}", ran.out, ran.error))
}

fn orchestrator() -> Orchestrator {
    Orchestrator::start(OrchestratorOptions::default()).expect("a free port")
}

fn all_runners_share_the_calls() {
    let eks = &*clean();
    let orchestrator = orchestrator();
    eks.set_up_as_documented(orchestrator.org(), "any")
        .expect("the documented setup");
    let fleet = eks.set_up_fleet(orchestrator.org()).expect("ten clusters");
    for number in 0..RUNNERS {
        let cluster: &ClusterOfFleet = &fleet[number % fleet.len()];
        let (configuration, storage) = cluster.configuration(eks);
        orchestrator.put_runner(&format!("runner-{number}"), None, configuration, storage);
    }
    let (configuration, storage) = registered::documented();
    let mut agent = configuration;
    agent["type"] = json!("kubernetes-agent");
    orchestrator.put_runner("runner-agent", None, agent, storage);

    let environment = [eks.env(), registered::environment(&orchestrator)].concat();
    let issuer = ["--oidc-issuer", sandbox::eks::ISSUER];
    let arguments = ["check", "--all", "--timeout", "10m", "--output", "json"];
    eks.reset_calls().expect("no calls");
    let start = Instant::now();
    let ran = Folder::new().run_with(&[&arguments[..], &issuer].concat(), &environment);
    assert!(start.elapsed() < TIME, "{:?}", start.elapsed());
    let document = json_of(&ran);
    assert_eq!(ran.code, 0, "{}", ran.out);
    let calls = eks.calls().expect("the calls");
    for (action, count) in [
        ("sts:GetCallerIdentity", 10),
        ("eks:DescribeCluster", 10),
        ("eks:DescribeAccessEntry", 10),
        ("iam:GetRole", 10),
        ("iam:SimulatePrincipalPolicy", 10),
        ("iam:GetOpenIDConnectProvider", 10),
        ("issuer", 2),
    ] {
        assert_eq!(calls.get(action), Some(&count), "{action}: {calls:?}");
    }
    assert!(calls.values().all(|count| *count <= 10), "{calls:?}");
    // A list of a hundred runners for each page, and each runner.
    let pages = (RUNNERS + 1).div_ceil(100);
    assert_eq!(orchestrator.count("GET", "/runners"), pages + RUNNERS);

    let runners = document["runners"].as_array().expect("runners");
    assert_eq!(runners.len(), RUNNERS);
    let mut ids: Vec<&str> = runners.iter().filter_map(|one| one["runner"].as_str()).collect();
    assert!(ids.is_sorted());
    ids.dedup();
    assert_eq!(ids.len(), RUNNERS);
    assert!(runners.iter().all(|one| one["ok"] == true && one["error"].is_null()));
    assert_eq!([&document["ok"], &document["complete"]], [true, true]);
    assert_eq!(document["summary"]["failed"], 0);
    let left_out = json!([{
        "org": "my-org", "runner": "runner-agent", "reason": "it is of type kubernetes-agent",
    }]);
    assert_eq!(document["left_out"], left_out);

    let prefix = ["check", "--all", "--filter", "runner-1*", "--only", "role-exists"];
    let ran = Folder::new().run_with(&prefix, &environment);
    let last = "111 runners: 111 passed, 0 failed, 0 incomplete, 0 not checked";
    assert_eq!((ran.code, ran.out.lines().last()), (0, Some(last)), "{}", ran.out);
}

/// Two runners whose role trusts neither of them.
fn two_files(eks: &Eks) -> Folder {
    let policy = eks.documented_trust_policy("my-org", "another-runner");
    eks.set_trust_policy(&policy).expect("another trust policy");
    let folder = Folder::new();
    let storage = RUNNER.replace(
        "type: s3\n  bucket: my-state",
        "type: kubernetes\n  namespace: humanitec-runner",
    );
    folder.write("a.yaml", format!("id: my-runner\n{storage}"));
    folder.write("b.yaml", format!("# The other one\nid: other\n{storage}"));
    folder
}

fn two_files_in_every_format() {
    let eks = &*documented();
    let folder = two_files(eks);
    let only = "session-name,role-exists,role-trust";
    let check = |format: &str| {
        let arguments = [
            "check", "a.yaml", "b.yaml", "--org", "my-org", "--only", only, "--output", format,
        ];
        let ran = folder.run_with(&arguments, &eks.env());
        assert_eq!(ran.code, 3, "{}{}", ran.out, ran.error);
        ran
    };
    assert_snapshot!("two_files", stable(&check("text").all()));
    assert_snapshot!("two_files_markdown", stable(&check("markdown").all()));

    let sarif = schemas::sarif(&check("sarif").out);
    let [run] = sarif["runs"].as_array().expect("runs").as_slice() else {
        panic!("one run: {sarif}");
    };
    let places: Vec<(&Value, &Value)> = run["results"]
        .as_array()
        .expect("results")
        .iter()
        .map(|result| &result["locations"][0]["physicalLocation"])
        .map(|place| (&place["artifactLocation"]["uri"], &place["region"]["startLine"]))
        .collect();
    let (a, b) = (json!("a.yaml"), json!("b.yaml"));
    assert_eq!(places, [(&a, &json!(9)), (&b, &json!(10))]);

    let junit = check("junit").out;
    schemas::junit(&junit);
    for runner in ["my-runner", "other"] {
        let suite = format!("<testsuite name=\"my-org/{runner}\" tests=\"4\"");
        assert!(junit.contains(&suite), "{junit}");
    }

    // The fix of each runner is for both: a trust policy for one of them would overwrite the other's.
    let document = json_of(&check("json"));
    assert_eq!(document["summary"]["failed"], 2, "{document:#}");
    let fixes = [0, 1].map(|runner| {
        let checks = document["runners"][runner]["checks"].as_array().expect("checks");
        let trust = checks.iter().find(|check| check["id"] == "role-trust");
        trust.expect("the check")["fix"].as_str().expect("a fix").to_owned()
    });
    assert_eq!(fixes[0], fixes[1]);
    run_script(eks, &fixes[0]);
    let fixed = ["check", "a.yaml", "b.yaml", "--org", "my-org", "--only", only];
    let ran = folder.run_with(&fixed, &eks.env());
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.error);
}

/// Where an ID alone could be either of two runners, the organization precedes it.
fn the_same_id_in_two_organizations() {
    let eks = &*documented();
    let folder = two_files(eks);
    for (file, org) in [("a.yaml", "my-org"), ("b.yaml", "other-org")] {
        folder.write(file, format!("id: my-runner\norg_id: {org}\n{RUNNER}"));
    }
    let check = |more: &[&str]| {
        let only = ["check", "a.yaml", "b.yaml", "--only", "role-trust"];
        folder.run_with(&[&only[..], more].concat(), &eks.env())
    };
    let above = "see role-trust of runner my-org/my-runner above\n";
    let text = check(&[]);
    assert!(text.out.contains(above), "{}{}", text.out, text.error);
    let markdown = check(&["--output", "markdown"]).out;
    let above = "The fix for role-trust of runner my-org/my-runner also fixes this check.";
    assert!(markdown.contains(above), "{markdown}");

    let both = "my-org/my-runner, other-org/my-runner";
    let denied = sandbox::eks::Faults {
        deny: vec!["iam:GetRole".to_owned()],
        ..sandbox::eks::Faults::default()
    };
    eks.set_faults(&denied).expect("a denied action");
    let text = check(&[]).out;
    assert!(text.contains(&format!("runners:  {both}\n")), "{text}");
    assert_eq!(
        json_of(&check(&["--output", "json"]))["reason"],
        format!("2 of 2 runners could not be checked completely: {both}.")
    );
}

/// Runners of other types, one that is deleted meanwhile, and two that cannot be checked.
fn runners_that_cannot_be_checked_are_named() {
    let orchestrator = orchestrator();
    let (configuration, storage) = registered::documented();
    for id in ["a", "b", "gone", "secret"] {
        orchestrator.put_runner(id, None, configuration.clone(), storage.clone());
    }
    let mut agent = configuration.clone();
    agent["type"] = json!("kubernetes-agent");
    orchestrator.put_runner("agent", None, agent, storage.clone());
    let mut wrong = configuration;
    wrong["cluster"]["auth"]["role_arn"] = json!("arn:aws:iam::123456789012:user/me");
    orchestrator.put_runner("wrong", None, wrong, storage);
    for (id, status, message) in [
        ("gone", 404, "runner not found"),
        ("secret", 403, "you have no permission for this runner"),
    ] {
        let fault = Fault::Status {
            status,
            retry_after: None,
            body: BodyKind::Json,
            message: Some(message.to_owned()),
            when: When::BeforeWork,
        };
        let path = format!("/runners/{id}");
        let rule = FaultRule::new(fault).method("GET").path(&path);
        orchestrator.faults().add(rule);
    }

    let environment = registered::environment(&orchestrator);
    let check = |output: &str| {
        let arguments = ["check", "--all", "--only", "session-name", "--output", output];
        let ran = Folder::new().run_with(&arguments, &environment);
        assert_eq!(ran.code, 2, "{}{}", ran.out, ran.error);
        ran
    };
    let one = ["check", "--all", "--filter", "a", "--only", "session-name"];
    let one = Folder::new().run_with(&one, &environment);
    let last = "1 runner: 1 passed, 0 failed, 0 incomplete, 0 not checked";
    assert_eq!(one.out.lines().last(), Some(last), "{}", one.out);
    let one = ["check", "--all", "--filter", "a", "--output", "markdown"];
    let one = Folder::new().run_with(&one, &environment).out;
    assert!(one.starts_with("## EKS access of 1 runner in "), "{one}");
    assert_snapshot!("not_checked", check("text").all());
    assert_snapshot!("not_checked_markdown", check("markdown").all());
    assert_snapshot!("not_checked_json", check("json").all());
    let junit = check("junit").out;
    schemas::junit(&junit);
    for part in [
        "<testsuites name=\"eks-runner\" tests=\"6\" failures=\"0\" errors=\"2\"",
        "<skipped message=\"it was deleted after it had been listed\"/>",
        "<skipped message=\"it is of type kubernetes-agent\"/>",
    ] {
        assert!(junit.contains(part), "{part}: {junit}");
    }
    let sarif = schemas::sarif(&check("sarif").out);
    let invocation = &sarif["runs"][0]["invocations"][0];
    let levels: Vec<&Value> = invocation["toolExecutionNotifications"]
        .as_array()
        .expect("notifications")
        .iter()
        .map(|notification| &notification["level"])
        .collect();
    assert_eq!(levels, ["error", "error", "note", "note"]);
    assert_eq!(invocation["executionSuccessful"], false);
}

fn no_runner_to_check() {
    let orchestrator = registered::orchestrator();
    let environment = registered::environment(&orchestrator);
    let arguments = ["check", "--all", "--filter", "x-*", "--output", "json"];
    let ran = Folder::new().run_with(&arguments, &environment);
    assert_snapshot!("no_runner_to_check", ran.all());
}

fn every_bad_file_is_named() {
    let folder = Folder::new();
    folder.write("a.yaml", format!("nope: 1\n{RUNNER}"));
    folder.write("b.yaml", format!("id: other\n{RUNNER}"));
    let check = |more: &[&str]| folder.run(&[&["check", "--org", "o"], more].concat());
    let ran = check(&["a.yaml", "b.yaml", "no.yaml"]);
    assert_snapshot!("bad_files", ran.all());
    let document = json_of(&check(&["a.yaml", "b.yaml", "no.yaml", "--output", "json"]));
    let problems = document["error"]["problems"].as_array().expect("problems");
    let files: Vec<&Value> = problems.iter().map(|problem| &problem["file"]).collect();
    assert_eq!(files, ["a.yaml", "a.yaml", "no.yaml"]);
    let ran = check(&["b.yaml", "./b.yaml"]);
    assert_snapshot!("the_same_runner", ran.all());
}

/// Without credentials, the runners have the same reason and the same fix.
fn why_checks_could_not_run_is_shown_once() {
    let folder = Folder::new();
    for id in ["one", "two", "three"] {
        folder.write(&format!("{id}.yaml"), format!("id: {id}\n{RUNNER}"));
    }
    let check = |output: &str| {
        let files = ["one.yaml", "two.yaml", "three.yaml"];
        // The issuer is on the internet.
        let options = ["--org", "o", "--skip", "oidc-issuer", "--output", output];
        let ran = folder.run(&[&["check"], &files[..], &options].concat());
        assert_eq!(ran.code, 4, "{}", ran.error);
        ran
    };
    assert_snapshot!("no_credentials", check("text").all());
    // The exit code is 0, but the runners are no less unknown.
    let allowed = folder.run(&[
        "check",
        "one.yaml",
        "two.yaml",
        "--org",
        "o",
        "--skip",
        "oidc-issuer",
        "--allow-incomplete",
    ]);
    let last = "2 runners: 0 passed, 0 failed, 2 incomplete, 0 not checked\n\
                32 of 46 checks could not run: no AWS credentials (32).\n";
    assert_eq!(allowed.code, 0, "{}", allowed.out);
    assert!(allowed.out.ends_with(last), "{}", allowed.out);
    let markdown = check("markdown").out;
    assert!(markdown.contains("- Runners: one, two, three\n"), "{markdown}");
    assert_eq!(markdown.matches("aws sso login").count(), 1, "{markdown}");
    // The reason is above, so a runner needs neither the graph nor all checks.
    assert!(!markdown.contains("<summary>All checks"), "{markdown}");
    assert!(!markdown.contains("```mermaid"), "{markdown}");
}
