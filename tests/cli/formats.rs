//! The output formats of `check`, and the documents about errors.

use sandbox::eks::Eks;
use serde_json::{Value, json};

use crate::Test;
use crate::access::documented;
use crate::command::{CHECK, Folder, Ran};
use crate::schemas;

/// The tests that need no EKS.
pub(crate) const TESTS: &[Test] = sandbox::scenarios![
    an_error_is_a_document,
    an_error_is_in_every_format,
    an_error_is_in_junit,
    quiet_hides_only_text,
    without_credentials_nothing_failed,
];

/// The tests with the small EKS.
pub(crate) const WITH_EKS: &[Test] = sandbox::scenarios![
    what_is_broken_is_in_every_format,
    only_the_needed_checks_run,
    a_wait_ends_when_nothing_fails,
];

fn check(eks: &Eks, folder: &Folder, more: &[&str]) -> Ran {
    folder.run_with(&[CHECK, more].concat(), &eks.env())
}

fn json_of(ran: &Ran) -> Value {
    serde_json::from_str(&ran.out).unwrap_or_else(|error| panic!("{error}: {}{}", ran.out, ran.error))
}

/// The line of the runner's file, counted from 1, that contains a text.
fn line_of(text: &str) -> usize {
    let mut lines = crate::command::RUNNER.lines();
    lines.position(|line| line.contains(text)).expect("a line") + 1
}

fn what_is_broken_is_in_every_format() {
    let eks = &*documented();
    let policy = eks.documented_trust_policy("my-org", "another-runner");
    eks.set_trust_policy(&policy).expect("another trust policy");
    let folder = Folder::new();

    let ran = check(eks, &folder, &["--output", "json"]);
    let report = json_of(&ran);
    let about = ["command", "org", "runner", "cluster", "region"].map(|field| &report[field]);
    assert_eq!(
        about.map(|field| field.as_str().unwrap_or_default()),
        ["check", "my-org", "my-runner", "my-eks-cluster", "us-west-2"]
    );
    assert_eq!(report["version"], env!("CARGO_PKG_VERSION"));
    let time = regex_lite::Regex::new(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$").expect("a pattern");
    assert!(time.is_match(report["time"].as_str().unwrap_or_default()));
    let whole = report["duration_ms"].as_u64().expect("a duration");
    let checks = report["checks"].as_array().expect("checks");
    for check in checks {
        let took = check["duration_ms"].as_u64();
        assert!(took.is_none_or(|took| took <= whole), "{check}");
        let makes_calls = check["id"] == "role-trust";
        assert!(took.is_some() || !makes_calls, "{check}");
    }

    let ran = check(eks, &folder, &["--output", "junit"]);
    assert_eq!(ran.code, 3, "{}", ran.error);
    let count = checks.len();
    let skipped = &report["summary"]["skipped"];
    let suite = format!(
        "<testsuite name=\"my-org/my-runner\" tests=\"{count}\" skipped=\"{skipped}\" errors=\"0\" failures=\"1\""
    );
    assert!(ran.out.contains(&suite), "{}", ran.out);
    schemas::junit(&ran.out);
    for part in [
        "<property name=\"cluster\" value=\"my-eks-cluster\"/>",
        "<testcase name=\"role-trust\" classname=\"IAM role\" time=\"",
        "<failure message=\"",
        "see: eks-runner explain role-trust",
    ] {
        assert!(ran.out.contains(part), "{part}: {}", ran.out);
    }

    let ran = check(eks, &folder, &["--output", "sarif"]);
    assert_eq!(ran.code, 3, "{}", ran.error);
    is_at_the_line_of_the_role(&schemas::sarif(&ran.out)["runs"][0]);

    let ran = check(eks, &folder, &["--output", "markdown"]);
    assert_eq!((ran.code, ran.error.as_str()), (3, ""));
    for part in [
        "## EKS access of runner my-runner in my-org\n",
        "```mermaid\nflowchart LR\n  orchestrator([Orchestrator])\n  orchestrator --> stage0[\"Identity\"]:::passed\n",
        "  stage0 --> stage1[\"IAM role<br/>role-trust\"]:::failed\n",
        "\n### role-trust: failed\n",
        "<summary>Fix</summary>\n\n```text\n",
        "\n| namespace | passed | ",
    ] {
        assert!(ran.out.contains(part), "{part}: {}", ran.out);
    }
}

/// Verifies the failure of `role-trust` in a SARIF run.
fn is_at_the_line_of_the_role(run: &Value) {
    let rules = run["tool"]["driver"]["rules"].as_array().expect("rules");
    let [result] = run["results"].as_array().expect("results").as_slice() else {
        panic!("one result: {run}");
    };
    let index = result["ruleIndex"].as_u64().expect("an index");
    assert_eq!(rules[usize::try_from(index).expect("small")]["id"], "role-trust");
    assert_eq!([&result["ruleId"], &result["level"]], ["role-trust", "error"]);
    let location = &result["locations"][0]["physicalLocation"];
    assert_eq!(location["artifactLocation"]["uri"], "runner-config.yaml");
    assert_eq!(location["region"]["startLine"], line_of("role_arn"));
    let invocation = &run["invocations"][0];
    assert_eq!(
        [&invocation["executionSuccessful"], &invocation["exitCode"]],
        [&json!(true), &json!(3)]
    );
}

/// Without credentials, most checks cannot run. No format calls that a failure of the runner.
fn without_credentials_nothing_failed() {
    let folder = Folder::new();
    let run = |more: &[&str]| folder.run(&[CHECK, more].concat());
    // The issuer is on the internet.
    let skip = ["--skip", "oidc-issuer", "--output"];
    let with = |format: &str, more: &[&str]| run(&[&skip[..], &[format], more].concat());

    let ran = with("junit", &[]);
    assert_eq!(ran.code, 4, "{}", ran.error);
    assert!(ran.out.contains(" failures=\"0\""), "{}", ran.out);
    assert!(ran.out.contains("<error message=\""), "{}", ran.out);
    schemas::junit(&ran.out);
    let allowed = with("junit", &["--allow-incomplete"]);
    assert_eq!(allowed.code, 0);
    assert!(allowed.out.contains(" errors=\"0\" failures=\"0\""), "{}", allowed.out);

    let sarif = schemas::sarif(&with("sarif", &[]).out);
    let invocation = &sarif["runs"][0]["invocations"][0];
    assert_eq!(sarif["runs"][0]["results"], json!([]));
    assert_eq!(invocation["executionSuccessful"], false);
    let notes = invocation["toolExecutionNotifications"]
        .as_array()
        .expect("notifications");
    assert!(notes.iter().any(|note| note["associatedRule"]["id"] == "role-trust"));

    let markdown = with("markdown", &[]).out;
    assert!(markdown.contains("\"IAM role\"]:::skipped"), "{markdown}");
    assert!(markdown.contains(" checks could not run: "), "{markdown}");
}

fn an_error_is_a_document() {
    let folder = Folder::new();
    let json = ["--output", "json"];

    folder.write("bad.yaml", format!("nope: 1\n{}", crate::command::RUNNER));
    let arguments = ["check", "bad.yaml", "--org", "o", "--id", "my-runner"];
    let ran = folder.run(&[&arguments[..], &json].concat());
    let document = json_of(&ran);
    assert_eq!((ran.code, &document["ok"]), (2, &json!(false)));
    assert_eq!(
        [&document["command"], &document["error"]["exit_code"]],
        [&json!("check"), &json!(2)]
    );
    let problems = document["error"]["problems"].as_array().expect("problems");
    let unknown = problems.iter().find(|problem| problem["path"] == "nope");
    assert_eq!(unknown.expect("the field")["line"], 1);
    // The text for people is on standard error.
    let message = document["error"]["message"].as_str().expect("a message");
    assert_eq!(ran.error.trim_end(), format!("error: {message}"));

    let ran = folder.run(&["check", "--output=json", "--nope"]);
    let document = json_of(&ran);
    assert_eq!((ran.code, &document["command"]), (2, &Value::Null));
    let message = document["error"]["message"].as_str().expect("a message");
    assert!(message.starts_with("unexpected argument '--nope'"), "{message}");

    let ran = folder.run(&["probe", "--runner", "x", "--org", "o", "--output", "json"]);
    let document = json_of(&ran);
    assert_eq!((ran.code, &document["command"]), (2, &json!("probe")));
    let keys: Vec<&str> = document
        .as_object()
        .expect("an object")
        .keys()
        .map(String::as_str)
        .collect();
    assert_eq!(keys.len(), 6, "{keys:?}");

    let ran = folder.run(&arguments);
    assert_eq!((ran.code, ran.out.as_str()), (2, ""));
}

fn with_a_bad_file() -> Folder {
    let folder = Folder::new();
    folder.write("a b.yaml", format!("nope: 1\n{}", crate::command::RUNNER));
    folder
}

/// Returns what `check` writes to standard output for a bad file, and what it writes in place of an earlier report.
fn bad_file(folder: &Folder, file: &str, format: &str) -> (String, String) {
    let check = ["check", file, "--org", "o", "--id", "my-runner", "--output", format];
    let ran = folder.run(&check);
    assert_eq!(ran.code, 2, "{}", ran.error);
    folder.write("report", "an earlier report");
    let into_file = folder.run(&[&check[..], &["-o", "report"]].concat());
    assert_eq!((into_file.code, into_file.out.as_str()), (2, ""));
    let written = std::fs::read_to_string(folder.path().join("report")).expect("the report");
    (ran.out, written)
}

/// An error takes the place of the result, in the file of `-o` as well: an earlier report would pass for this one.
fn an_error_is_in_every_format() {
    let folder = with_a_bad_file();
    let check = |file: &str, format: &str| bad_file(&folder, file, format);
    let (out, written) = check("a b.yaml", "text");
    assert_eq!(out, "");
    assert!(
        written.starts_with("error: a b.yaml cannot be used as the runner's file\n\na b.yaml:1:1: nope\n"),
        "{written}"
    );

    let (out, written) = check("a b.yaml", "markdown");
    assert_eq!(out, written);
    let start = "## EKS access: not checked\n\n```text\na b.yaml cannot be used as the runner's file\n";
    assert!(written.starts_with(start), "{written}");
    let (out, written) = check("a b.yaml", "json");
    for document in [out, written] {
        let document: Value = serde_json::from_str(&document).expect("JSON");
        assert_eq!(document["error"]["problems"][0]["line"], 1);
    }

    let (out, written) = check("a b.yaml", "sarif");
    for log in [out, written] {
        let run = &schemas::sarif(&log)["runs"][0];
        let result = &run["results"][0];
        assert_eq!([&result["ruleId"], &result["level"]], ["runner-file", "error"]);
        let text = result["message"]["text"].as_str().expect("a text");
        assert!(text.starts_with("nope: "), "{text}");
        let place = &result["locations"][0]["physicalLocation"];
        assert_eq!(place["artifactLocation"]["uri"], "a%20b.yaml");
        assert_eq!(place["region"], json!({"startLine": 1, "startColumn": 1}));
        let invocation = &run["invocations"][0];
        assert_eq!(
            [&invocation["executionSuccessful"], &invocation["exitCode"]],
            [&json!(false), &json!(2)]
        );
    }
    let (log, _) = check("missing.yaml", "sarif");
    let missing = &schemas::sarif(&log)["runs"][0]["results"][0]["locations"][0]["physicalLocation"];
    assert_eq!(missing["region"]["startLine"], 1);
    let (log, _) = check("-", "sarif");
    let run = &schemas::sarif(&log)["runs"][0];
    let notification = &run["invocations"][0]["toolExecutionNotifications"][0];
    let text = notification["message"]["text"].as_str().expect("a text");
    assert!(text.contains("The file is empty."), "{text}");
    assert_eq!(run["results"], json!([]));
}

fn an_error_is_in_junit() {
    let folder = with_a_bad_file();
    let check = |file: &str, format: &str| bad_file(&folder, file, format);
    for (file, parts) in [
        (
            "a b.yaml",
            [
                "<testsuite name=\"a b.yaml\" tests=\"1\" skipped=\"0\" errors=\"1\" failures=\"0\"",
                "<testcase name=\"a b.yaml:1:1: nope\" classname=\"Input\">",
                "<error message=\"",
            ],
        ),
        (
            "missing.yaml",
            [
                "<testsuite name=\"missing.yaml\"",
                "<testcase name=\"missing.yaml\"",
                "<error message=\"The file does not exist. ",
            ],
        ),
    ] {
        let (out, written) = check(file, "junit");
        for report in [out, written] {
            schemas::junit(&report);
            for part in parts {
                assert!(report.contains(part), "{part}: {report}");
            }
        }
    }

    // Arguments that cannot be parsed, and a set-up, whose file is not a report.
    folder.run(&["check", "--output=junit", "--nope", "-o", "report"]);
    let report = std::fs::read_to_string(folder.path().join("report")).expect("the report");
    schemas::junit(&report);
    assert!(report.contains("unexpected argument"), "{report}");
    folder.run(&["check", "a b.yaml", "--output=json", "--nope", "-o", "a b.yaml"]);
    folder.write("main.tf", "# Terraform");
    let setup = folder.run(&["setup", "a b.yaml", "--org", "o", "--id", "my-runner", "-o", "main.tf"]);
    assert_eq!(setup.code, 2, "{}", setup.error);
    let kept = ["a b.yaml", "main.tf"].map(|name| {
        let text = std::fs::read_to_string(folder.path().join(name)).expect("the file");
        text.lines().next().unwrap_or_default().to_owned()
    });
    assert_eq!(kept, ["nope: 1", "# Terraform"]);
}

/// `-q` hides the text of a success. A report for a program is written in any case.
fn quiet_hides_only_text() {
    let folder = Folder::new();
    let check = |more: &[&str]| {
        let ran = folder.run(&[CHECK, &["-q", "--only", "session-name"], more].concat());
        assert_eq!((ran.code, ran.error.as_str()), (0, ""));
        ran.out
    };
    assert_eq!(check(&[]), "");
    assert_eq!(check(&["-o", "report"]), "");
    let report = std::fs::read_to_string(folder.path().join("report")).expect("the report");
    assert!(report.contains("√ session-name"), "{report}");
    schemas::junit(&check(&["--output", "junit"]));
    schemas::sarif(&check(&["--output", "sarif"]));
}

fn only_the_needed_checks_run() {
    let eks = &*documented();
    let folder = Folder::new();
    let ids = |more: &[&str]| {
        let ran = check(eks, &folder, &[more, &["--output", "json"]].concat());
        assert_eq!(ran.code, 0, "{}{}", ran.out, ran.error);
        let report = json_of(&ran);
        let checks = report["checks"].as_array().expect("checks").iter();
        let ids = checks.map(|check| check["id"].as_str().expect("an id").to_owned());
        ids.collect::<Vec<_>>()
    };
    assert_eq!(ids(&["--only", "session-name"]), ["session-name"]);
    assert_eq!(
        ids(&["--only", "role-trust,namespace", "--skip", "role-exists"]).first(),
        Some(&"aws-credentials".to_owned())
    );
    let needed = ids(&["--only", "role-trust"]);
    assert_eq!(needed, ["aws-credentials", "role-exists", "role-trust"]);

    let ran = check(eks, &folder, &["--only", "namespace", "--skip", "namespace"]);
    assert_eq!((ran.code, ran.out.as_str()), (2, ""));
    assert!(ran.error.contains("--only namespace has no effect"), "{}", ran.error);
    let ran = check(eks, &folder, &["--web-identity-token-file", "token"]);
    assert_eq!((ran.code, ran.out.as_str()), (2, ""));
    assert!(ran.error.contains("add --as runner"), "{}", ran.error);
}

fn a_wait_ends_when_nothing_fails() {
    let eks = &*documented();
    let broken = eks.documented_trust_policy("my-org", "another-runner");
    eks.set_trust_policy(&broken).expect("another trust policy");
    let folder = Folder::new();
    let ran = check(eks, &folder, &["--wait", "1s"]);
    assert_eq!(ran.code, 3, "{}{}", ran.out, ran.error);

    // Without credentials, no time changes anything.
    let started = std::time::Instant::now();
    let ran = folder.run(&[CHECK, &["--skip", "oidc-issuer", "--wait", "90s"]].concat());
    assert_eq!(ran.code, 4, "{}{}", ran.out, ran.error);
    assert!(started.elapsed().as_secs() < 60, "{:?}", started.elapsed());

    let fixed = eks.documented_trust_policy("my-org", "my-runner");
    let ran = std::thread::scope(|scope| {
        let waiting = scope.spawn(|| check(eks, &folder, &["--wait", "90s", "--output", "json"]));
        std::thread::sleep(std::time::Duration::from_secs(2));
        eks.set_trust_policy(&fixed).expect("the trust policy");
        waiting.join().expect("the command")
    });
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.error);
    let report = json_of(&ran);
    let took = report["duration_ms"].as_u64().expect("a duration");
    assert!((5_000..60_000).contains(&took), "one more run, after a pause: {took}");
}
