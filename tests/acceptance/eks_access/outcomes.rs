//! The effect of a check's outcome during plan and apply.

use std::time::{Duration, Instant};

use super::{CIDRS, SUBJECT, Scene, modes, my_runner};
use crate::Scenario;
use crate::cli::Cli;

pub(super) const SCENARIOS: &[Scenario] =
    sandbox::scenarios![healthy, warn_tells, error_in_the_plan, error_in_the_apply,];

fn healthy(cli: &Cli) {
    let scene = Scene::new(cli);
    scene.set_up();
    scene.write(&modes("error", "error", CIDRS), &my_runner());
    scene.init();
    scene.workspace.plan(&[]).ok().has_not(SUBJECT);
    scene.workspace.apply(&[]).ok().has_not(SUBJECT);
    assert!(scene.orchestrator.runner("my-runner").is_some());
    scene.workspace.plans_nothing();
}

fn warn_tells(cli: &Cli) {
    let scene = Scene::new(cli);
    scene.set_up();
    scene.break_trust();
    scene.write("", &my_runner());
    scene.init();
    let plan = scene.workspace.plan(&[]).ok();
    plan.has("Warning: EKS access: role-trust")
        .has("my-org+another-runner")
        .has("my-org+my-runner")
        .has("docs/guides/eks-access-checks.md#role-trust");
    assert_eq!(
        plan.text.matches("EKS access: ").count(),
        1,
        "one failed check:\n{}",
        plan.text
    );
    scene
        .workspace
        .apply(&[])
        .ok()
        .has("Warning: EKS access: role-trust")
        .has("1 added");
    assert!(scene.orchestrator.runner("my-runner").is_some());
    // A registered, unchanged runner is not checked again.
    scene.workspace.plan(&[]).ok().has_not(SUBJECT);
}

fn error_in_the_plan(cli: &Cli) {
    let scene = Scene::new(cli);
    scene.write(&modes("error", "off", CIDRS), &my_runner());
    scene.init();
    // Nothing exists yet, and the same apply might create it.
    scene
        .workspace
        .plan(&[])
        .ok()
        .has("Warning: EKS access: role-exists")
        .has("The same apply might fix this")
        .has_not("Error:");
    scene.set_up();
    scene.break_trust();
    scene.workspace.plan(&[]).fails().has("Error: EKS access: role-trust");
    scene.fix_trust();
    scene.workspace.plan(&[]).ok().has_not(SUBJECT);
}

fn error_in_the_apply(cli: &Cli) {
    let scene = Scene::new(cli);
    scene.set_up();
    scene.break_trust();
    scene.write(
        &modes("off", "error", &format!("timeout = \"3s\"\n{CIDRS}")),
        &my_runner(),
    );
    scene.init();
    let start = Instant::now();
    scene
        .workspace
        .apply(&[])
        .fails()
        .has("Error: EKS access: role-trust")
        .has("To fix it");
    assert!(
        start.elapsed() < Duration::from_secs(3 + 10),
        "it took {:?}",
        start.elapsed()
    );
    assert!(scene.orchestrator.runners().is_empty(), "nothing is registered");
    assert!(scene.workspace.state().is_empty());
    scene.fix_trust();
    scene.workspace.apply(&[]).ok().has("1 added");
    // A change that would break the runner is refused, and the runner stays as it was.
    scene.write(
        &modes("off", "error", &format!("timeout = \"3s\"\n{CIDRS}")),
        &my_runner().replace(
            "service_account = \"humanitec-runner\"",
            "service_account = \"missing\"",
        ),
    );
    scene
        .workspace
        .apply(&[])
        .fails()
        .has("Error: EKS access: service-account")
        .has("missing");
    let stored = scene.orchestrator.runner("my-runner").expect("registered");
    assert_eq!(
        stored["runner_configuration"]["job"]["service_account"],
        "humanitec-runner"
    );
    let state = scene.workspace.state();
    let state = &state["platform-orchestrator_kubernetes_eks_runner.my_runner"];
    assert_eq!(
        state["runner_configuration"]["job"]["service_account"],
        "humanitec-runner"
    );
}
