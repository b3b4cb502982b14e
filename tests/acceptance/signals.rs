//! Ctrl-C, and a provider that is killed, in the middle of an apply.

use std::path::Path;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

use crate::stand_in::StandIn;

use sandbox::orchestrator::faults::When;

use crate::Scenario;
use crate::cli::{Cli, Workspace};
use crate::configuration::{Runner, provider};

pub(crate) const SCENARIOS: &[Scenario] = sandbox::scenarios![
    interrupted_create,
    interrupted_slow_create,
    interrupted_wait,
    killed_after_the_work,
    killed_before_the_work,
    nothing_left,
];

const ADDRESS: &str = "platform-orchestrator_kubernetes_eks_runner.my_runner";

fn started(cli: &Cli, orchestrator: &StandIn) -> Workspace {
    let workspace = Workspace::new(cli, &(provider(orchestrator) + &Runner::basic().block()));
    workspace.init();
    workspace
}

/// Waits until something is so.
pub(crate) fn until(what: &str, mut done: impl FnMut() -> bool) {
    let start = Instant::now();
    while !done() {
        assert!(start.elapsed() < Duration::from_secs(60), "{what} did not happen");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn signal(signal: &str, target: &str) {
    let status = Command::new("kill").args(["-s", signal, "--", target]).status();
    assert!(
        status.expect("kill can be run").success(),
        "kill -s {signal} -- {target}"
    );
}

/// Sends the signal to the whole process group, as a terminal does.
pub(crate) fn ctrl_c(terraform: &Child) {
    signal("INT", &format!("-{}", terraform.id()));
}

/// The processes of the provider that `parent` has started.
fn providers_of(parent: u32) -> Vec<String> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir("/proc").into_iter().flatten().flatten() {
        let stat = std::fs::read_to_string(entry.path().join("stat")).unwrap_or_default();
        let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
        let name = std::fs::read_link(entry.path().join("exe")).unwrap_or_default();
        let is_ours = name
            .to_string_lossy()
            .contains("terraform-provider-platform-orchestrator");
        if is_ours && fields.get(1) == Some(&parent.to_string().as_str()) {
            found.push(entry.file_name().to_string_lossy().into_owned());
        }
    }
    found
}

fn output(workspace: &Workspace) -> String {
    workspace.read("out") + &workspace.read("err")
}

/// The time within which Terraform must end: a create in flight has ten seconds, and the lookup after it three.
const PROMPT: Duration = Duration::from_secs(15);

/// Interrupted while the service works: the state has the runner, untainted.
fn interrupted_slow_create(cli: &Cli) {
    let orchestrator = StandIn::start();
    let workspace = started(cli, &orchestrator);
    orchestrator.delay_once("POST", Duration::from_secs(4), When::BeforeWork);
    let mut terraform = workspace.spawn(&["apply", "-auto-approve", "-no-color"]);
    until("the create", || orchestrator.count("POST", "/runners") > 0);
    let interrupted = Instant::now();
    ctrl_c(&terraform);
    terraform.wait().expect("terraform ends");
    let took = interrupted.elapsed();
    assert!(took < Duration::from_secs(8), "it took {took:?} to end");
    let text = output(&workspace);
    assert!(workspace.state().contains_key(ADDRESS), "{text}");
    assert!(workspace.tainted().is_empty(), "{text}");
    workspace.plans_nothing();
    assert_eq!(orchestrator.runners().len(), 1);
}

/// Interrupted while the response is delayed: Terraform ends soon, the state knows the
/// runner, the next apply has nothing to do.
fn interrupted_create(cli: &Cli) {
    let orchestrator = StandIn::start();
    let workspace = started(cli, &orchestrator);
    orchestrator.delay_once("POST", Duration::from_secs(30), When::AfterWork);
    let mut terraform = workspace.spawn(&["apply", "-auto-approve", "-no-color"]);
    until("the create", || orchestrator.runner("my-runner").is_some());
    let interrupted = Instant::now();
    ctrl_c(&terraform);
    terraform.wait().expect("terraform ends");
    let took = interrupted.elapsed();
    assert!(took < PROMPT, "it took {took:?} to end:\n{}", output(&workspace));
    assert!(
        workspace.state().contains_key(ADDRESS),
        "the runner is lost:\n{}",
        output(&workspace)
    );
    assert!(
        workspace.tainted().is_empty(),
        "a healthy runner is tainted:\n{}",
        output(&workspace)
    );
    workspace.plans_nothing();
}

/// Interrupted before the service did anything: Terraform ends soon, and whatever became of the request, the
/// next apply ends with the one runner.
fn interrupted_wait(cli: &Cli) {
    let orchestrator = StandIn::start();
    let workspace = started(cli, &orchestrator);
    orchestrator.delay_once("POST", Duration::from_secs(20), When::BeforeWork);
    let mut terraform = workspace.spawn(&["apply", "-auto-approve", "-no-color"]);
    until("the create", || orchestrator.count("POST", "/runners") > 0);
    let interrupted = Instant::now();
    ctrl_c(&terraform);
    let status = terraform.wait().expect("terraform ends");
    let took = interrupted.elapsed();
    assert!(took < PROMPT, "it took {took:?} to end:\n{}", output(&workspace));
    assert!(!status.success());
    let text = output(&workspace);
    assert!(text.contains("Could not create runner"), "{text}");
    orchestrator.faults().clear();
    until("the end of the delay", || {
        interrupted.elapsed() > Duration::from_secs(21)
    });
    workspace.apply(&[]).ok();
    workspace.plans_nothing();
    assert_eq!(orchestrator.runners().len(), 1);
}

fn killed_after_the_work(cli: &Cli) {
    let orchestrator = StandIn::start();
    let workspace = started(cli, &orchestrator);
    orchestrator.delay_once("POST", Duration::from_secs(30), When::AfterWork);
    let mut terraform = workspace.spawn(&["apply", "-auto-approve", "-no-color"]);
    until("the create", || orchestrator.runner("my-runner").is_some());
    for provider in providers_of(terraform.id()) {
        signal("KILL", &provider);
    }
    assert!(!terraform.wait().expect("terraform ends").success());
    orchestrator.faults().clear();
    // The state does not have the runner. The next apply reports it, and what to do.
    workspace
        .apply(&[])
        .fails()
        .has("already exists")
        .has("import {")
        .has("id = \"my-runner\"");
    workspace.write(
        "import.tf",
        &format!("import {{\n  to = {ADDRESS}\n  id = \"my-runner\"\n}}\n"),
    );
    workspace
        .apply(&[])
        .ok()
        .has("1 imported, 0 added, 0 changed, 0 destroyed");
    workspace.plans_nothing();
    assert_eq!(orchestrator.runners().len(), 1);
}

fn killed_before_the_work(cli: &Cli) {
    let orchestrator = StandIn::start();
    let workspace = started(cli, &orchestrator);
    orchestrator.delay_once("POST", Duration::from_secs(600), When::BeforeWork);
    let mut terraform = workspace.spawn(&["apply", "-auto-approve", "-no-color"]);
    until("the create", || orchestrator.count("POST", "/runners") > 0);
    for provider in providers_of(terraform.id()) {
        signal("KILL", &provider);
    }
    assert!(!terraform.wait().expect("terraform ends").success());
    orchestrator.faults().clear();
    workspace.apply(&[]).ok();
    workspace.plans_nothing();
    assert_eq!(orchestrator.runners().len(), 1);
}

/// No process and no socket stays behind, not even when Terraform is killed.
fn nothing_left(cli: &Cli) {
    let orchestrator = StandIn::start();
    let workspace = started(cli, &orchestrator);
    workspace.apply(&[]).ok();
    assert_eq!(sockets(&workspace.home()), 0);
    orchestrator.delay_once("GET", Duration::from_secs(600), When::BeforeWork);
    let mut terraform = workspace.spawn(&["plan", "-no-color"]);
    until("a provider", || {
        !providers_of(terraform.id()).is_empty() && orchestrator.requests().len() > 1
    });
    let providers = providers_of(terraform.id());
    terraform.kill().expect("terraform can be killed");
    terraform.wait().expect("terraform is dead");
    for provider in providers {
        until("the end of the provider", || {
            !Path::new("/proc").join(&provider).exists()
        });
    }
    assert_eq!(sockets(&workspace.home()), 0);
}

fn sockets(folder: &Path) -> usize {
    use std::os::unix::fs::FileTypeExt;
    let mut count = 0;
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let Ok(kind) = entry.file_type() else {
            continue;
        };
        count += if kind.is_dir() {
            sockets(&entry.path())
        } else {
            usize::from(kind.is_socket())
        };
    }
    count
}
