//! Bad input: exit code 2, every problem at once, with line and column.

use insta::assert_snapshot;

use crate::Test;
use crate::command::{CHECK, Folder, RUNNER};
use crate::schemas;

pub(crate) const TESTS: &[Test] = sandbox::scenarios![
    a_file_needs_no_token,
    no_file,
    a_directory,
    broken_yaml,
    an_empty_file,
    unknown_and_misplaced_fields,
    wrong_values,
    wrong_types_and_missing_fields,
    wrong_in_the_pod_template,
    placeholders,
    wrong_storage,
    another_runner_type,
    two_documents,
    what_octl_reads,
    nulls_and_fields_of_the_storage,
    too_large,
    not_utf8,
    deep_and_swelling_yaml,
    standard_input,
    standard_input_beside_a_bad_file,
    an_alias_is_read,
    what_windows_writes_is_read,
    arguments,
];

const SETUP: &[&str] = &[
    "setup",
    "runner-config.yaml",
    "--org",
    "my-org",
    "--id",
    "my-runner",
    "--output",
    "yaml",
];

/// Documents that yaml.v3 reads and that stricter parsers refuse.
fn what_octl_reads() {
    let folder = Folder::new();
    let template = "    \
    pod_template:
      metadata:
        labels: {country: no, since: 2001-01-01}
      spec:
        terminationGracePeriodSeconds: 30.0
        tolerations:
        - {key: dedicated, value: yes}
        containers:
        - name: main
          env:
          - {name: SWITCH, value: on}
        volumes:
        - {name: keys, secret: {secretName: keys, defaultMode: 0400}}
state_storage";
    let content = RUNNER
        .replace("state_storage", template)
        .replace("description:", "id: my-runner\ndescription: yes\n#");
    folder.write("runner-config.yaml", content);
    let ran = folder.run(SETUP);
    assert_eq!((ran.code, ran.error.as_str()), (0, ""));
    assert!(ran.out.contains("my-org-my-runner"), "{}", ran.out);
}

/// No token is looked up for a file, so the redaction does not hide words of the output.
fn a_file_needs_no_token() {
    let folder = Folder::new();
    for word in ["not-used", "-"] {
        let name = format!("a{word}b");
        let content = RUNNER.replace("namespace: humanitec-runner", &format!("namespace: {name}"));
        folder.write("runner-config.yaml", content);
        let ran = folder.run(SETUP);
        assert_eq!((ran.code, ran.error.as_str()), (0, ""));
        assert!(ran.out.contains(&name), "{}", ran.out);
        assert!(!ran.out.contains("(redacted)"), "{}", ran.out);
    }
}

/// A null is refused where octl sends it. Storage fields that the Orchestrator keeps are accepted.
fn nulls_and_fields_of_the_storage() {
    let folder = Folder::new();
    let content = RUNNER
        .replace("description:", "id: 7\ndescription: ~\n#")
        .replace("    service_account:", "    pod_template:\n    service_account:")
        .replace("bucket: my-state", "bucket: my-state\n  path_prefix:\n  encrypt: true");
    assert_snapshot!("nulls", folder.check(content).all());
}

fn no_file() {
    let ran = Folder::new().run(&["check", "nope.yaml", "--org", "o", "--id", "my-runner"]);
    assert_snapshot!("no_file", ran.all());
}

fn a_directory() {
    let ran = Folder::new().run(&["check", ".", "--org", "o", "--id", "my-runner"]);
    assert_snapshot!("a_directory", ran.all());
}

fn broken_yaml() {
    let folder = Folder::new();
    assert_snapshot!(
        "broken_yaml",
        folder.check(RUNNER.replace("  cluster:", "  cluster: [")).all()
    );
    let twice = RUNNER.replace("    region:", "    name: again\n    region:");
    assert_snapshot!("duplicate_key", folder.check(twice).all());
    let tab = RUNNER.replace("    region:", "\tregion:");
    assert_snapshot!("tab", folder.check(tab).all());
}

fn an_empty_file() {
    let folder = Folder::new();
    assert_snapshot!("empty_file", folder.check("").all());
    assert_snapshot!("only_a_comment", folder.check("# nothing\n").all());
    assert_snapshot!("a_list", folder.check("- a\n").all());
}

fn unknown_and_misplaced_fields() {
    let content = RUNNER
        .replace("region:", "regoin:")
        .replace("      role_arn", "    role_arn")
        .replace("description:", "id: my-runner\ncolour: red\ndescription:")
        .replace(
            "type: kubernetes-eks\n  cluster",
            "type: kubernetes-eks\n  description: x\n  cluster",
        );
    assert_snapshot!("unknown_fields", Folder::new().check(content).all());
}

fn wrong_values() {
    let content = RUNNER
        .replace("us-west-2", "us-west-2a")
        .replace("role/humanitec", "user/humanitec")
        .replace("service_account: humanitec-runner", "service_account: Humanitec")
        .replace("bucket: my-state", "bucket: s3://my-state");
    let folder = Folder::new();
    folder.write("runner-config.yaml", content);
    let ran = folder.run(&["check", "runner-config.yaml", "--org", "my-org", "--id", "My Runner"]);
    assert_snapshot!("wrong_values", ran.all());
}

fn wrong_types_and_missing_fields() {
    let content = RUNNER
        .replace("    name: my-eks-cluster\n", "    name: 12\n")
        .replace("    region: us-west-2\n", "    region:\n")
        .replace("    namespace: humanitec-runner\n", "    namespace: Upper\n")
        .replace("    service_account: humanitec-runner\n", "")
        .replace("  type: s3\n  bucket: my-state\n", "  - s3\n");
    assert_snapshot!("wrong_types", Folder::new().check(content).all());
}

fn wrong_in_the_pod_template() {
    let template = "    \
    pod_template:
      spec:
        serviceAccountName: mine
        containers:
        - name: main
          imagePullPolice: Always
          env:
          - name: TOKEN
            value: do-not-show-me
          - name: TF_EXAMPLE
            value: 1
        - name: sidecar
          env:
            name: TF_EXAMPLE
            value: x
state_storage";
    let ran = Folder::new().check(RUNNER.replace("state_storage", template));
    assert!(!ran.error.contains("do-not-show-me"));
    assert_snapshot!("pod_template", ran.all());
}

/// Placeholders that the Orchestrator's documentation leaves to the reader.
fn placeholders() {
    let folder = Folder::new();
    let content = RUNNER.replace(
        "state_storage_configuration:\n  type: s3\n  bucket: my-state\n",
        "    pod_template:\n      ...\nstate_storage_configuration:\n  ...\n",
    );
    assert_snapshot!("placeholders", folder.check(content).all());
}

fn wrong_storage() {
    let folder = Folder::new();
    for (name, storage) in [
        ("storage_of_unknown_type", "type: s4"),
        ("storage_without_type", "bucket: my-state"),
        (
            "storage_in_a_block",
            "type: s3\n  s3_configuration:\n    bucket: my-state",
        ),
        ("storage_with_fields_of_another", "type: kubernetes\n  bucket: my-state"),
    ] {
        let content = RUNNER.replace("type: s3\n  bucket: my-state", storage);
        assert_snapshot!(name, folder.check(content).all());
    }
}

fn another_runner_type() {
    let content = RUNNER.replace("type: kubernetes-eks", "type: kubernetes-agent");
    assert_snapshot!("another_type", Folder::new().check(content).all());
}

fn two_documents() {
    let folder = Folder::new();
    // octl reads the first one, whatever follows it.
    for (rest, line) in [
        ("---\ncolour: red\n", Some(15)),
        ("---\n# Nothing.\n---\n- a\n", Some(17)),
        ("---\n{", Some(15)),
        ("---\n", None),
        ("...\n", None),
    ] {
        folder.write("runner-config.yaml", format!("{RUNNER}{rest}"));
        let ran = folder.run(SETUP);
        let note = line.map(|line| {
            format!(
                "note: runner-config.yaml:{line}:1: This document is ignored: only the first one of a file is read. Write \
                 each runner to a file of its own.\n"
            )
        });
        let expected = (0, note.unwrap_or_default());
        assert_eq!((ran.code, ran.error), expected, "{rest:?}");
    }
    let empty_first = format!("---\n---\n{RUNNER}");
    assert_snapshot!("empty_first_document", folder.check(empty_first).all());
}

fn too_large() {
    let folder = Folder::new();
    let ran = folder.check(format!("{RUNNER}{}", "# comment\n".repeat(1024 * 1024)));
    assert_snapshot!("ten_megabytes", ran.all());
}

fn not_utf8() {
    let folder = Folder::new();
    let mut content = RUNNER.as_bytes().to_vec();
    content[17] = 0xff;
    assert_snapshot!("not_utf8", folder.check(content).all());
}

fn deep_and_swelling_yaml() {
    let folder = Folder::new();
    let deep = format!("description: {}", "[".repeat(100_000));
    let mut swelling = "a: &a [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for (name, before) in ('b'..='i').zip('a'..) {
        swelling += &format!("{name}: &{name} [{}]\n", vec![format!("*{before}"); 10].join(", "));
    }
    for content in [deep, swelling] {
        let ran = folder.check(content);
        assert_eq!(ran.code, 2, "{}", ran.error);
        assert!(ran.error.starts_with("error: runner-config.yaml"), "{}", ran.error);
        assert!(ran.error.len() < 2000, "{}", ran.error);
    }
}

fn standard_input() {
    let folder = Folder::new();
    let arguments = ["setup", "-", "--org", "my-org", "--id", "my-runner", "--output", "yaml"];
    let ran = folder.run_on(&arguments, RUNNER.as_bytes());
    assert_eq!((ran.code, ran.error.as_str()), (0, ""));
    assert!(ran.out.contains("my-org-my-runner"), "{}", ran.out);
    let ran = folder.run_on(&arguments, RUNNER.replace("region", "regio").as_bytes());
    assert_snapshot!("standard_input", ran.all());
}

/// In SARIF, the problems of a file are results, and those of standard input are notifications.
fn standard_input_beside_a_bad_file() {
    let folder = Folder::new();
    folder.write("a.yaml", format!("id: a-1\nnope: 1\n{RUNNER}"));
    let arguments = ["check", "a.yaml", "-", "--org", "o", "--output", "sarif"];
    let ran = folder.run_on(&arguments, format!("id: b-1\nwrong: 1\n{RUNNER}").as_bytes());
    let run = &schemas::sarif(&ran.out)["runs"][0];
    let text = |found: &serde_json::Value| {
        let texts = found.as_array().expect("an array").iter();
        let texts = texts.map(|one| one["message"]["text"].as_str().expect("a text").to_owned());
        texts.collect::<Vec<_>>()
    };
    let results = text(&run["results"]);
    assert!(results[0].starts_with("nope: "), "{results:?}");
    let notifications = text(&run["invocations"][0]["toolExecutionNotifications"]);
    assert!(
        notifications[0].starts_with("standard input:2:1: wrong: "),
        "{notifications:?}"
    );
    assert_eq!([results.len(), notifications.len()], [1, 1]);
}

fn an_alias_is_read() {
    let folder = Folder::new();
    let content = RUNNER
        .replace("namespace: humanitec-runner", "namespace: &name humanitec-runner")
        .replace("service_account: humanitec-runner", "service_account: *name");
    folder.write("runner-config.yaml", content);
    let ran = folder.run(&[
        "setup",
        "runner-config.yaml",
        "--org",
        "o",
        "--id",
        "my-runner",
        "--output",
        "yaml",
    ]);
    assert_eq!((ran.code, ran.error.as_str()), (0, ""));
}

fn what_windows_writes_is_read() {
    let folder = Folder::new();
    folder.write(
        "runner-config.yaml",
        format!("\u{feff}{}", RUNNER.replace('\n', "\r\n")),
    );
    let ran = folder.run(&[
        "setup",
        "runner-config.yaml",
        "--org",
        "o",
        "--id",
        "my-runner",
        "--output",
        "yaml",
    ]);
    assert_eq!((ran.code, ran.error.as_str()), (0, ""));
    assert!(!ran.out.contains('\r'), "{:?}", ran.out);
}

fn arguments() {
    let folder = Folder::new();
    for (name, arguments) in [
        ("nothing_to_check", &["check"][..]),
        ("no_id", &["check", "runner-config.yaml", "--org", "my-org"]),
        ("no_org", &["check", "runner-config.yaml", "--id", "my-runner"]),
        (
            "empty_org",
            &["check", "runner-config.yaml", "--id", "my-runner", "--org", ""],
        ),
        (
            "file_and_runner",
            &["check", "runner-config.yaml", "--id", "a1", "--runner", "b1"],
        ),
        ("bad_timeout", &[CHECK, &["--timeout", "soon"]].concat()),
        (
            "unknown_check",
            &[CHECK, &["--skip", "job-dry-run,role-exist"]].concat(),
        ),
        ("bad_cidr", &[CHECK, &["--orchestrator-cidr", "here"]].concat()),
        (
            "bad_issuer",
            &[CHECK, &["--oidc-issuer", "oidc.humanitec.dev"]].concat(),
        ),
        ("bad_role", &[CHECK, &["--assume-role-arn", "my-role"]].concat()),
        ("no_kubeconfig", &[CHECK, &["--kubeconfig", "no-such-file"]].concat()),
        ("unknown_flag", &[CHECK, &["--outptu", "json"]].concat()),
    ] {
        assert_snapshot!(format!("arguments_{name}"), folder.run(arguments).all());
    }
}
