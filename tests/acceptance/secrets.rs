//! No credential is found anywhere, at any log level: the API's token, and those of the access checks.

use std::fs;
use std::path::Path;

use crate::stand_in::StandIn;

use crate::Scenario;
use crate::cli::{Cli, Workspace};
use crate::echo;
use sandbox::orchestrator::faults::Fault;

use crate::configuration::{Runner, provider_with};

pub(crate) const SCENARIOS: &[Scenario] =
    sandbox::scenarios![token_of_the_environment, token_of_the_block, credentials_of_the_checks,];

/// The canary. Eight consecutive characters of it count as a leak.
const CANARY: &str = "Zq7Xw2Lp9Tv5-C4n4ry-Hk3Rb8";

const ADDRESS: &str = "platform-orchestrator_kubernetes_eks_runner.my_runner";

/// Every file below `folder` whose text `holds` something, but for those named in `allowed` and the
/// provider itself.
fn files_that(folder: &Path, holds: &dyn Fn(&str) -> bool, allowed: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        let name = entry.file_name().to_string_lossy().into_owned();
        if path.is_dir() {
            found.extend(files_that(&path, holds, allowed));
        } else if !allowed.contains(&name.as_str()) && !name.starts_with("terraform-provider-") {
            let bytes = fs::read(&path).unwrap_or_default();
            if holds(&String::from_utf8_lossy(&bytes)) {
                found.push(path.display().to_string());
            }
        }
    }
    found
}

fn files_with(folder: &Path, secret: &str, allowed: &[&str]) -> Vec<String> {
    files_that(folder, &|text| text.contains(secret), allowed)
}

/// Every path: create, read, update, delete, import, data sources, and every way in which they fail.
fn every_path(workspace: &mut Workspace, orchestrator: &StandIn, provider: &str, secret: &str) {
    let log = workspace.path().join("trace.log").display().to_string();
    workspace.set_env("TF_LOG", "TRACE");
    workspace.set_env("TF_LOG_PATH", &log);
    let mut seen = String::new();
    let mut keep = |output: crate::cli::Output| seen.push_str(&output.text);
    keep(workspace.validate());
    keep(workspace.plan(&["-out=saved.tfplan"]).ok());
    keep(workspace.run(&["apply", "-no-color", "saved.tfplan"]).ok());
    keep(workspace.run(&["show", "-json"]).ok());
    let data = "data \"platform-orchestrator_kubernetes_eks_runner\" \"d\" {\n  id = \"my-runner\"\n}\n";
    let changed = Runner {
        head: "id = \"my-runner\"\ndescription = \"x\"".into(),
        ..Runner::basic()
    };
    workspace.write("main.tf", &(provider.to_owned() + &changed.block() + data));
    keep(workspace.apply(&[]).ok());
    keep(workspace.run(&["state", "rm", ADDRESS]).ok());
    keep(workspace.apply(&[]).fails());
    keep(workspace.run(&["import", "-no-color", ADDRESS, "my-runner"]).ok());
    orchestrator.fault("GET", Fault::status(500), None);
    keep(workspace.plan(&[]).fails());
    orchestrator.faults().clear();
    orchestrator.fault("GET", crate::faults::login_page(), None);
    keep(workspace.plan(&[]).fails());
    orchestrator.faults().clear();
    keep(workspace.destroy().ok());
    assert!(!seen.contains(secret), "the token was printed");
    let trace = workspace.read("trace.log");
    assert!(
        trace.contains("/runners/my-runner"),
        "the provider's own log lines are in the log"
    );
}

fn token_of_the_environment(cli: &Cli) {
    let orchestrator = StandIn::start();
    let provider = provider_with("");
    let mut workspace = Workspace::new(cli, &(provider.clone() + &Runner::basic().block()))
        .with_env("HUMANITEC_API_URL", orchestrator.url())
        .with_env("HUMANITEC_ORG_ID", orchestrator.org())
        .with_env("HUMANITEC_AUTH_TOKEN", orchestrator.token());
    workspace.init();
    every_path(&mut workspace, &orchestrator, &provider, orchestrator.token());
    assert_eq!(
        files_with(workspace.path(), orchestrator.token(), &[]),
        Vec::<String>::new()
    );
    workspace.write("main.tf", &(provider + &Runner::basic().block()));
    workspace.plan(&["-out=shown.tfplan"]).ok();
    workspace
        .run(&["show", "-json", "shown.tfplan"])
        .ok()
        .has_not(orchestrator.token());
}

/// The configuration itself, and the plan that carries a copy of it, hold what the user wrote there.
fn token_of_the_block(cli: &Cli) {
    let orchestrator = StandIn::start();
    let provider = crate::configuration::provider(&orchestrator);
    let mut workspace = Workspace::new(cli, &(provider.clone() + &Runner::basic().block()));
    workspace.init();
    every_path(&mut workspace, &orchestrator, &provider, orchestrator.token());
    let found = files_with(workspace.path(), orchestrator.token(), &["main.tf", "saved.tfplan"]);
    assert_eq!(found, Vec::<String>::new());
}

/// A credential of the provider.
#[derive(Clone)]
struct Credential {
    /// What it is, and what is reported of it.
    name: (&'static str, &'static str),
    /// The files that hold it.
    files: Vec<(&'static str, String)>,
    /// The variables. An empty one is not set.
    variables: Vec<(&'static str, String)>,
    /// A line of the provider block, and the lines of its `eks_access`.
    settings: (&'static str, &'static str),
}

const KUBECONFIG: &str = "kubeconfig = { path = \"kubeconfig\" }";

/// A kubeconfig whose user has these lines.
fn kubeconfig(server: &str, cluster: &str, user: &str) -> (&'static str, String) {
    let text = format!(
        "current-context: c\ncontexts:\n- name: c\n  context: {{cluster: k, user: u}}\nclusters:\n- name: k\n  cluster:\n    \
         server: {server}\n{cluster}users:\n- name: u\n  user:\n{user}"
    );
    ("kubeconfig", text)
}

fn credential(
    name: (&'static str, &'static str),
    files: Vec<(&'static str, String)>,
    variables: &[(&'static str, &str)],
) -> Credential {
    let variables = variables.iter();
    Credential {
        name,
        files,
        variables: variables.map(|(name, value)| (*name, (*value).to_owned())).collect(),
        settings: ("", KUBECONFIG),
    }
}

/// AWS credentials in files only.
const FILES: [(&str, &str); 4] = [
    ("AWS_CONFIG_FILE", "aws-config"),
    ("AWS_SHARED_CREDENTIALS_FILE", "aws-credentials"),
    ("AWS_ACCESS_KEY_ID", ""),
    ("AWS_SECRET_ACCESS_KEY", ""),
];

/// The credentials of AWS: keys, files, a process, a token, and the password of a proxy.
fn aws_credentials(aws: &str) -> Vec<Credential> {
    let usable = kubeconfig(aws, "", "    token: t0ken-of-mine\n");
    let in_files =
        |name, more: Vec<(&'static str, String)>| credential(name, [vec![usable.clone()], more].concat(), &FILES);
    let process = |script: String| {
        let config = "[default]\ncredential_process = sh process.sh\n".to_owned();
        vec![("process.sh", script), ("aws-config", config)]
    };
    let keys = |secret, session| [("AWS_SECRET_ACCESS_KEY", secret), ("AWS_SESSION_TOKEN", session)];
    let proxy = format!("http://me:{CANARY}@127.0.0.1:9");
    let as_runner = "as = \"runner\"\nweb_identity_token_file = \"token\"";
    vec![
        credential(
            ("session token repeated by AWS", "(redacted)"),
            vec![usable.clone()],
            &keys("s3cret-key", CANARY),
        ),
        credential(
            ("secret key", "(redacted)"),
            vec![usable.clone()],
            &keys(CANARY, "s3ssion-1"),
        ),
        in_files(
            ("secret key in a file", "(redacted)"),
            vec![(
                "aws-credentials",
                format!("[default]\naws_access_key_id = an-id\naws_secret_access_key = {CANARY}\n"),
            )],
        ),
        in_files(
            ("a file that cannot be read", "cannot be read"),
            vec![(
                "aws-credentials",
                format!("[default]\naws_access_key_id = an-id\n{CANARY}\n"),
            )],
        ),
        in_files(
            ("stderr of a credential_process", "is not shown"),
            process(format!("echo {CANARY} >&2; exit 1")),
        ),
        in_files(
            ("stdout of a credential_process", "could not parse response"),
            process(format!("echo '{{\"Version\": 1, \"SecretAccessKey\": \"{CANARY}'")),
        ),
        credential(
            (
                "password of HTTPS_PROXY",
                "no usable response from sts:GetCallerIdentity",
            ),
            vec![usable.clone()],
            &[("HTTPS_PROXY", &proxy), ("AWS_ENDPOINT_URL", "")],
        ),
        Credential {
            settings: ("", as_runner),
            ..credential(("OIDC token", "(redacted)"), vec![("token", CANARY.to_owned())], &[])
        },
    ]
}

/// The credentials in a kubeconfig, and those of hctl and octl.
fn other_credentials(aws: &str) -> Vec<Credential> {
    let file = |name, user: String| credential(name, vec![kubeconfig(aws, "", &user)], &[]);
    let plugin = |name, script: String| file(name, format!("    exec: {{command: sh, args: [-c, {script:?}]}}\n"));
    let proxied = format!("    proxy-url: http://me:{CANARY}@127.0.0.1:9\n");
    vec![
        file(
            ("tab in the kubeconfig", "cannot be used: line "),
            format!("    token: {CANARY}\n\tx: 1\n"),
        ),
        file(
            ("unclosed quote", "cannot be used: line "),
            format!("    token: \"{CANARY}\n"),
        ),
        file(
            ("newline in the token", "a line break"),
            format!("    token: \"{CANARY}\\n{CANARY}\"\n"),
        ),
        file(
            ("token repeated by the server", "(redacted)"),
            format!("    token: |\n      {CANARY}\n"),
        ),
        file(
            ("password", "(redacted)"),
            format!("    username: me\n    password: {CANARY}\n"),
        ),
        file(
            ("id-token", "(redacted)"),
            format!("    auth-provider: {{name: oidc, config: {{id-token: {CANARY}}}}}\n"),
        ),
        file(
            ("client key", "not base64"),
            format!("    client-certificate-data: aGk=\n    client-key-data: {CANARY}\n"),
        ),
        credential(
            ("token file", "(redacted)"),
            vec![
                kubeconfig(aws, "", "    tokenFile: token\n"),
                ("token", CANARY.to_owned()),
            ],
            &[],
        ),
        plugin(
            ("stdout of a plugin", "no usable ExecCredential"),
            format!("echo {CANARY}"),
        ),
        plugin(
            ("stderr of a plugin", "exited with code 1"),
            format!("echo {CANARY} >&2; exit 1"),
        ),
        credential(
            ("password of a proxy", "refused"),
            vec![kubeconfig(aws, &proxied, "    token: t0ken-of-mine\n")],
            &[],
        ),
        Credential {
            settings: ("hctl_config_file = \"hctl.yaml\"\n", ""),
            ..credential(
                ("file of hctl", "cannot be used"),
                vec![("hctl.yaml", format!("token: [{CANARY}\n"))],
                &[],
            )
        },
        Credential {
            settings: ("octl_config_file = \"octl.yaml\"\n", ""),
            ..credential(
                ("file of octl", "cannot be used"),
                vec![("octl.yaml", format!("token: [{CANARY}\n"))],
                &[],
            )
        },
    ]
}

/// The part of the canary that a text has, if it has one.
fn leak(text: &str) -> Option<&'static str> {
    (0..=CANARY.len() - 8)
        .map(|from| &CANARY[from..from + 8])
        .find(|run| text.contains(run))
}

/// Each credential with one of the two command lines: what the provider returns and logs does not depend on it.
fn credentials_of_the_checks(cli: &Cli) {
    let (orchestrator, aws) = (StandIn::start(), echo::start());
    let cases = [aws_credentials(&aws), other_credentials(&aws)].concat();
    let own = usize::from(cli.name == "tofu");
    for case in cases.iter().skip(own).step_by(2) {
        is_found_nowhere(cli, &orchestrator, &aws, case);
        // The registration does not depend on the caller's credentials.
        orchestrator.faults().clear();
    }
}

/// Plans and applies with a credential, and asserts that nothing of it is in an output, a log, a plan, or a state.
fn is_found_nowhere(cli: &Cli, orchestrator: &StandIn, aws: &str, case: &Credential) {
    let Credential {
        name: (name, shows),
        files,
        variables,
        settings: (line, access),
    } = case;
    let provider = provider_with(&format!(
        "api_url = {:?}\norg_id = {:?}\nauth_token = {:?}\n{line}eks_access = {{\n{access}\ntimeout = \"40s\"\n}}\n",
        orchestrator.url(),
        orchestrator.org(),
        orchestrator.token()
    ));
    let runner = Runner::basic().block();
    let data = "data \"platform-orchestrator_kubernetes_eks_access\" \"planned\"";
    let data = runner.replace(
        "resource \"platform-orchestrator_kubernetes_eks_runner\" \"my_runner\"",
        data,
    );
    let mut workspace = Workspace::new(cli, &(provider + &runner + &data));
    let log = workspace.path().join("trace.log").display().to_string();
    let usual = [
        ("AWS_ENDPOINT_URL", aws),
        ("AWS_ACCESS_KEY_ID", "an-access-key"),
        ("AWS_SECRET_ACCESS_KEY", "another-key"),
        ("TF_LOG", "TRACE"),
        ("TF_LOG_PATH", &log),
    ];
    let own = variables.iter().map(|(name, value)| (*name, value.as_str()));
    for (variable, value) in usual.into_iter().chain(own) {
        match value {
            "" => workspace.unset_env(variable),
            value => workspace.set_env(variable, value),
        }
    }
    for (file, text) in files {
        workspace.write(file, text);
    }
    workspace.init();
    let planned = workspace.plan(&["-out=saved.tfplan"]);
    let shown = workspace.run(&["show", "-json", "saved.tfplan"]);
    let applied = workspace.run(&["apply", "-no-color", "saved.tfplan"]);
    let kept = workspace.run(&["show", "-json"]);
    // The reports of the checks are in the plan; a file that cannot be used ends it.
    let reported = format!("{}{}", shown.text, planned.text);
    assert!(reported.contains(shows), "{name}: {reported}");
    for output in [planned, shown, applied, kept] {
        assert_eq!(leak(&output.text), None, "{name}: {}", output.text);
        assert!(!output.text.contains("panicked"), "{name}: {}", output.text);
    }
    let inputs: Vec<&str> = files.iter().map(|(file, _)| *file).collect();
    let leaking = files_that(workspace.path(), &|text| leak(text).is_some(), &inputs);
    assert_eq!(leaking, Vec::<String>::new(), "{name}");
    let trace = workspace.read("trace.log");
    assert!(trace.contains("platform-orchestrator"), "{name}: the log was written");
    workspace.destroy();
}
