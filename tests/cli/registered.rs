//! `--runner`: a runner that is registered in the Orchestrator.

use insta::assert_snapshot;
use sandbox::RunnerValues;
use sandbox::orchestrator::faults::{BodyKind, Fault, FaultRule, When};
use sandbox::orchestrator::{Orchestrator, OrchestratorOptions};
use serde_json::{Value, json};

use crate::Test;
use crate::command::{Folder, Ran};

pub(crate) const TESTS: &[Test] = sandbox::scenarios![
    a_runner_is_read,
    the_settings_of_octl,
    no_such_runner,
    another_type,
    a_bad_token,
    nobody_to_ask,
    what_is_not_set,
    texts_name_options,
    errors_of_calls_name_options,
    a_wait_outlives_a_failed_read,
    a_value_is_blamed_on_its_source,
    a_file_needs_no_url,
    the_organization_is_looked_up_for_a_file,
];

/// The documented runner, as the API has it.
pub(crate) fn documented() -> (Value, Value) {
    let storage = json!({"type": "s3", "bucket": "my-state"});
    (RunnerValues::default().configuration(), storage)
}

/// An Orchestrator with the documented runner.
pub(crate) fn orchestrator() -> Orchestrator {
    let orchestrator = Orchestrator::start(OrchestratorOptions::default()).expect("a free port");
    let (configuration, storage) = documented();
    orchestrator.put_runner("my-runner", None, configuration, storage);
    orchestrator
}

/// Returns the environment that names the Orchestrator.
pub(crate) fn environment(orchestrator: &Orchestrator) -> Vec<(String, String)> {
    [
        ("HUMANITEC_API_URL", orchestrator.url()),
        ("HUMANITEC_ORG_ID", orchestrator.org()),
        ("HUMANITEC_AUTH_TOKEN", orchestrator.token()),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()))
    .to_vec()
}

fn setup(orchestrator: &Orchestrator, id: &str) -> Ran {
    let arguments = ["setup", "--runner", id, "--output", "yaml"];
    Folder::new().run_with(&arguments, &environment(orchestrator))
}

fn a_runner_is_read() {
    let orchestrator = orchestrator();
    let ran = setup(&orchestrator, "my-runner");
    assert_eq!((ran.code, ran.error.as_str()), (0, ""));
    let user = format!(
        "assumed-role/humanitec-runner-eks-role/{}-my-runner",
        orchestrator.org()
    );
    assert!(ran.out.contains(&user), "{}", ran.out);

    // Options take precedence over the environment, and hctl's file works as well.
    let folder = Folder::new();
    folder.write(
        "hctl.yaml",
        format!("api_url: http://127.0.0.1:9\ntoken: {}\n", orchestrator.token()),
    );
    let ran = folder.run(&[
        "setup",
        "--runner",
        "my-runner",
        "--output",
        "yaml",
        "--org",
        orchestrator.org(),
        "--api-url",
        orchestrator.url(),
        "--hctl-config-file",
        "hctl.yaml",
    ]);
    assert_eq!((ran.code, ran.error.as_str()), (0, ""));
    assert!(ran.out.contains(&user), "{}", ran.out);
}

/// The settings of octl: its options, its variables, and its default file.
fn the_settings_of_octl() {
    let orchestrator = orchestrator();
    let config = format!(
        "api_url: {}\ndefault_org_id: {}\ntoken: {}\n",
        orchestrator.url(),
        orchestrator.org(),
        orchestrator.token()
    );
    let user = format!("/{}-my-runner", orchestrator.org());
    let setup = ["setup", "--runner", "my-runner", "--output", "yaml"];

    let folder = Folder::new();
    folder.write("octl.yaml", &config);
    let named = folder.run(&[&setup[..], &["--octl-config-file", "octl.yaml"]].concat());
    assert!(named.out.contains(&user), "{}", named.error);
    let both = ["--octl-config-file", "octl.yaml", "--hctl-config-file", "octl.yaml"];
    let both = folder.run(&[&setup[..], &both].concat());
    assert_eq!(both.code, 2, "{}", both.error);

    let variables = [
        ("PO_API_URL", orchestrator.url()),
        ("PO_ORG_ID", orchestrator.org()),
        ("PO_AUTH_TOKEN", orchestrator.token()),
        // They take precedence over those of hctl.
        ("HUMANITEC_AUTH_TOKEN", "wrong"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()));
    let by_variable = Folder::new().run_with(&setup, &variables);
    assert!(by_variable.out.contains(&user), "{}", by_variable.error);

    for cli in ["octl", "hctl"] {
        std::fs::create_dir_all(folder.path().join(".config").join(cli)).expect("a folder");
        folder.write(&format!(".config/{cli}/config.yaml"), &config);
        let by_default = folder.run(&setup);
        if cli == "octl" {
            assert!(by_default.out.contains(&user), "{}", by_default.error);
        } else {
            assert_snapshot!("two_logins", by_default.all());
        }
    }
}

fn no_such_runner() {
    let orchestrator = orchestrator();
    assert_snapshot!("no_such_runner", setup(&orchestrator, "other").all());
    let impossible = setup(&orchestrator, "A B").error;
    assert!(
        impossible.contains("A runner ID has at least 2 lowercase letters"),
        "{impossible}"
    );
    assert!(!impossible.contains("--id"), "{impossible}");
}

fn another_type() {
    let orchestrator = orchestrator();
    let configuration = json!({"type": "kubernetes-agent", "key": "k", "job": documented().0["job"]});
    orchestrator.put_runner("agent", None, configuration, documented().1);
    assert_snapshot!("runner_of_another_type", setup(&orchestrator, "agent").all());
}

fn a_bad_token() {
    let orchestrator = orchestrator();
    let mut environment = environment(&orchestrator);
    environment.push(("HUMANITEC_AUTH_TOKEN".to_owned(), "wrong".to_owned()));
    let ran = Folder::new().run_with(&["check", "--runner", "my-runner"], &environment);
    assert_snapshot!("bad_token", ran.all());
}

fn nobody_to_ask() {
    let arguments = [
        "check",
        "--runner",
        "my-runner",
        "--org",
        "my-org",
        "--api-url",
        "http://127.0.0.1:9",
    ];
    let token = [("HUMANITEC_AUTH_TOKEN".to_owned(), "t".to_owned())];
    let ran = Folder::new().run_with(&arguments, &token);
    assert_eq!(ran.code, 1, "{}", ran.error);
    assert!(ran.error.contains("refused"), "{}", ran.error);
}

fn what_is_not_set() {
    let ran = Folder::new().run(&["check", "--runner", "my-runner", "--hctl-config-file", "nope.yaml"]);
    assert_snapshot!("no_hctl_file", ran.all());
    let ran = Folder::new().run(&["check", "--runner", "my-runner"]);
    assert_snapshot!("nothing_set", ran.all());
}

/// The errors of the lookup name the options of the command, not the attributes of the provider block.
fn texts_name_options() {
    let token = [("PO_AUTH_TOKEN".to_owned(), "t".to_owned())];
    let saas = "https://api.humanitec.dev";
    let folder = Folder::new();
    folder.write("octl.yaml", "token: t\n");
    let check = |more: &[&str]| {
        let arguments = ["check", "--runner", "my-runner", "--org", "o"];
        let ran = folder.run_with(&[&arguments[..], more].concat(), &token);
        assert_eq!(ran.code, 2, "{}", ran.error);
        ran.error
    };
    for (more, text) in [
        (
            &["--api-url", saas][..],
            "PO_AUTH_TOKEN: not used, because --api-url selects the settings of hctl",
        ),
        (
            &["--api-url", saas, "--octl-config-file", "octl.yaml"],
            "--api-url sets the URL of hctl's API. Set --api-url to the URL of the installation",
        ),
        (
            &[],
            "the URL of the API is not set. Searched in this order:\n  - --api-url: not set",
        ),
        (&["--api-url", "x"], "--api-url cannot be used: "),
    ] {
        let error = check(more);
        assert!(error.contains(text), "{text}: {error}");
        for attribute in ["provider block", "api_url", "auth_token"] {
            assert!(!error.replace("`api_url` to", "").contains(attribute), "{error}");
        }
    }
}

/// The errors of calls name the options of the command, not what only Terraform has.
fn errors_of_calls_name_options() {
    let status = |status, body| Fault::Status {
        status,
        retry_after: None,
        body,
        message: None,
        when: When::BeforeWork,
    };
    let redirect = Fault::Redirect {
        status: 307,
        location: "https://login.example.com".to_owned(),
    };
    let orchestrator = orchestrator();
    let (configuration, _) = documented();
    let storage = json!({"type": "http", "url": "u"});
    orchestrator.put_runner("newer", None, configuration, storage);
    for (fault, runner, text) in [
        (None, "newer", "Upgrade eks-runner."),
        (Some(redirect), "my-runner", "set --api-url to"),
        (
            Some(status(200, BodyKind::Html)),
            "my-runner",
            "Check that --api-url is",
        ),
        (
            Some(status(401, BodyKind::Json)),
            "my-runner",
            "than the one in --api-url",
        ),
        (Some(status(403, BodyKind::Json)), "my-runner", "Check --org,"),
        (Some(status(500, BodyKind::Json)), "my-runner", "Try again later."),
    ] {
        orchestrator.faults().clear();
        if let Some(fault) = fault {
            orchestrator.faults().add(FaultRule::new(fault));
        }
        let error = setup(&orchestrator, runner).error;
        assert!(error.contains(text), "{text}: {error}");
        for word in ["api_url", "org_id", "auth_token", "-parallelism", "the provider"] {
            assert!(!error.contains(word), "{word}: {error}");
        }
    }
}

/// `--wait` reads the runner again before each run. A read that fails does not end it, and the last completed run is the
/// result.
fn a_wait_outlives_a_failed_read() {
    let orchestrator = orchestrator();
    // The default session name of this runner is cut, which is a warning.
    let id = "r".repeat(60);
    let (mut configuration, storage) = documented();
    orchestrator.put_runner(&id, None, configuration.clone(), storage.clone());
    let path = format!("/runners/{id}");
    let fails = || FaultRule::new(Fault::status(500)).path(&path).after(1);
    let check = |wait: &str| {
        let only = ["--only", "session-name", "--fail-on", "warning"];
        let arguments = ["check", "--runner", &id, "--wait", wait];
        Folder::new().run_with(&[&arguments[..], &only].concat(), &environment(&orchestrator))
    };

    orchestrator.faults().add(fails());
    let ran = check("1s");
    assert_eq!(ran.code, 3, "{}{}", ran.out, ran.error);
    assert!(ran.out.contains("was cut to 64 characters"), "{}", ran.out);
    let note = "note: the last attempt to read the runners again failed, so this is the result of the run before: GET";
    assert!(ran.error.contains(note), "{}", ran.error);
    assert_eq!(orchestrator.count("GET", &path), 2, "within the second");

    orchestrator.faults().clear();
    orchestrator.faults().add(fails().times(1));
    configuration["cluster"]["auth"]["session_name"] = json!("short");
    let ran = std::thread::scope(|scope| {
        let waiting = scope.spawn(|| check("60s"));
        while orchestrator.count("GET", &path) < 4 {
            assert!(!waiting.is_finished());
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        orchestrator.put_runner(&id, None, configuration, storage);
        waiting.join().expect("the command")
    });
    assert_eq!(ran.code, 0, "{}{}", ran.out, ran.error);
    assert!(!ran.error.contains("note:"), "{}", ran.error);
}

/// An option that nobody set is not blamed.
fn a_value_is_blamed_on_its_source() {
    let variables = [("HUMANITEC_API_URL", "x"), ("HUMANITEC_AUTH_TOKEN", "t")]
        .map(|(name, value)| (name.to_owned(), value.to_owned()));
    let arguments = ["check", "--runner", "my-runner", "--org", "o"];
    let ran = Folder::new().run_with(&arguments, &variables);
    assert_eq!(ran.code, 2, "{}", ran.error);
    let text = "error: the URL of the API from the environment variable HUMANITEC_API_URL cannot be used: ";
    assert!(ran.error.starts_with(text), "{}", ran.error);
    assert!(!ran.error.contains("--api-url"), "{}", ran.error);
}

/// The Orchestrator is not called for a file, so a token that selects `octl`, whose API has no default URL, does not
/// matter.
fn a_file_needs_no_url() {
    let token = [("PO_AUTH_TOKEN".to_owned(), "t".to_owned())];
    let file = ["setup", "runner-config.yaml", "--org", "o", "--id", "my-runner"];
    let ran = Folder::new().run_with(&[&file[..], &["--output", "yaml"]].concat(), &token);
    assert_eq!((ran.code, ran.error.as_str()), (0, ""));
    // Nothing is known about the installation.
    let ran = Folder::new().run_with(&file, &token);
    assert!(ran.error.contains("--oidc-issuer"), "{}", ran.error);
}

fn the_organization_is_looked_up_for_a_file() {
    let folder = Folder::new();
    folder.write("hctl.yaml", "default_org_id: of-hctl\n");
    let arguments = ["setup", "runner-config.yaml", "--id", "my-runner", "--output", "yaml"];
    let from_file = folder.run(&[&arguments[..], &["--hctl-config-file", "hctl.yaml"]].concat());
    assert!(
        from_file.out.contains("/of-hctl-my-runner"),
        "{}{}",
        from_file.out,
        from_file.error
    );
    let environment = [("HUMANITEC_ORG_ID".to_owned(), "of-env".to_owned())];
    let from_environment = folder.run_with(&arguments, &environment);
    assert!(
        from_environment.out.contains("/of-env-my-runner"),
        "{}",
        from_environment.error
    );
}
