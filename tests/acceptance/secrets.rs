//! The token is found nowhere, at any log level.

use std::fs;
use std::path::Path;

use crate::stand_in::StandIn;

use crate::Scenario;
use crate::cli::{Cli, Workspace};
use sandbox::orchestrator::faults::Fault;

use crate::configuration::{Runner, provider_with};

pub(crate) const SCENARIOS: &[Scenario] = &[
    (
        "a token from the environment is found nowhere",
        token_of_the_environment,
    ),
    (
        "a token from the provider block is not shown",
        token_of_the_block,
    ),
];

const ADDRESS: &str = "platform-orchestrator_kubernetes_eks_runner.my_runner";

/// Every file below `folder` that holds `secret`, but for those named in `allowed`.
fn files_with(folder: &Path, secret: &str, allowed: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        let name = entry.file_name().to_string_lossy().into_owned();
        if path.is_dir() {
            found.extend(files_with(&path, secret, allowed));
        } else if !allowed.contains(&name.as_str()) {
            let bytes = fs::read(&path).unwrap_or_default();
            if bytes
                .windows(secret.len())
                .any(|window| window == secret.as_bytes())
            {
                found.push(path.display().to_string());
            }
        }
    }
    found
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
    let data =
        "data \"platform-orchestrator_kubernetes_eks_runner\" \"d\" {\n  id = \"my-runner\"\n}\n";
    let changed = Runner {
        head: "id = \"my-runner\"\ndescription = \"x\"".into(),
        ..Runner::basic()
    };
    workspace.write("main.tf", &(provider.to_owned() + &changed.block() + data));
    keep(workspace.apply(&[]).ok());
    keep(workspace.run(&["state", "rm", ADDRESS]).ok());
    keep(workspace.apply(&[]).fails());
    keep(
        workspace
            .run(&["import", "-no-color", ADDRESS, "my-runner"])
            .ok(),
    );
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
    every_path(
        &mut workspace,
        &orchestrator,
        &provider,
        orchestrator.token(),
    );
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
    every_path(
        &mut workspace,
        &orchestrator,
        &provider,
        orchestrator.token(),
    );
    let found = files_with(
        workspace.path(),
        orchestrator.token(),
        &["main.tf", "saved.tfplan"],
    );
    assert_eq!(found, Vec::<String>::new());
}
