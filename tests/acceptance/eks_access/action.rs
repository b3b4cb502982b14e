//! The action: invoked by a person, and after an apply.

use std::time::{Duration, Instant};

use sandbox::eks::Faults;

use super::{CIDRS, Scene, modes, my_runner, runner};
use crate::Scenario;
use crate::cli::Cli;
use crate::signals::{ctrl_c, until};

pub(crate) const SCENARIOS: &[Scenario] = sandbox::scenarios![
    on_demand,
    after_create,
    unknown_during_plan,
    unknown_settings,
    incomplete_checks,
    interrupted,
];

const ACTION: &str = "platform-orchestrator_check_eks_access";
const ERROR: &str = "eks_access = {\nplan = \"off\"\napply = \"error\"\ntimeout = \"5s\"\n}";
const WARN: &str = "eks_access = {\nplan = \"off\"\napply = \"off\"\n}";

fn action(id: &str) -> String {
    format!("action {ACTION:?} \"this\" {{\n  config {{\n    id = {id:?}\n  }}\n}}\n")
}

/// Returns the block of a runner with a trigger of the action after its creation.
fn triggering(runner: &str) -> String {
    let trigger = format!(
        "lifecycle {{\n  action_trigger {{\n    events  = [after_create]\n    actions = [action.{ACTION}.this]\n  }}\n}}\n}}"
    );
    let (before, after) = runner.rsplit_once('}').expect("a block");
    format!("{before}{trigger}{after}")
}

fn on_demand(cli: &Cli) {
    let scene = Scene::new(cli);
    scene.set_up();
    let runner = my_runner();
    let invoke = format!("-invoke=action.{ACTION}.this");
    scene.write(ERROR, &(runner.clone() + &action("my-runner")));
    scene.init();
    scene.workspace.apply(&[]).ok();
    scene
        .workspace
        .apply(&[&invoke])
        .ok()
        .has("passed: role-exists: The IAM role exists")
        .has("passed: namespace");
    scene.break_trust();
    let failed = scene.workspace.apply(&[&invoke]).fails();
    failed.has("failed: role-trust").has("Error: ").has("To fix it");
    // The checks run again while AWS might still propagate the trust policy, and each is shown once.
    for line in ["passed: role-exists", "failed: role-trust"] {
        assert_eq!(failed.text.matches(line).count(), 1, "{}", failed.text);
    }
    // Without `apply = "error"`, the failures are warnings.
    scene.write(WARN, &(runner.clone() + &action("my-runner")));
    scene
        .workspace
        .apply(&[&invoke])
        .ok()
        .has("failed: role-trust")
        .has("Warning: ");
    scene.write(WARN, &(runner + &action("no-such-runner")));
    scene
        .workspace
        .apply(&[&invoke])
        .fails()
        .has("Runner \"no-such-runner\" does not exist");
    scene.orchestrator.put(&serde_json::json!({
        "id": "another-type",
        "runner_configuration": {"type": "kubernetes-gke", "cluster": {"name": "c"}},
        "state_storage_configuration": {"type": "kubernetes", "namespace": "n"},
    }));
    scene.write(WARN, &(my_runner() + &action("another-type")));
    scene
        .workspace
        .apply(&[&invoke])
        .fails()
        .has("This action checks runners of type `kubernetes-eks` only. Check the ID.");
    scene.write(WARN, &(my_runner() + &action("Bad Id")));
    let validate = scene.workspace.validate().fails();
    validate.has("Invalid runner ID").has("id = \"Bad Id\"");
}

fn after_create(cli: &Cli) {
    let scene = Scene::new(cli);
    scene.set_up();
    scene.write(WARN, &(triggering(&my_runner()) + &action("my-runner")));
    scene.init();
    scene
        .workspace
        .apply(&[])
        .ok()
        .has("passed: role-exists: The IAM role exists");
}

/// The ID of the runner comes from a resource that the same apply creates, and the action refers to the runner.
fn unknown_during_plan(cli: &Cli) {
    let scene = Scene::new(cli);
    scene.set_up();
    let first = "resource \"terraform_data\" \"first\" {\n  input = \"my-runner\"\n}\n";
    let runner = triggering(&runner("id = terraform_data.first.output"));
    let id = "platform-orchestrator_kubernetes_eks_runner.my_runner.id";
    let action = action("my-runner").replace("\"my-runner\"", id);
    scene.write(WARN, &(first.to_owned() + &runner + &action));
    scene.init();
    scene.workspace.plan(&[]).ok().has("(known after apply)");
    scene
        .workspace
        .apply(&[])
        .ok()
        .has("passed: role-exists: The IAM role exists");
    scene.registered();
}

/// The settings come from a resource that is not applied yet.
fn unknown_settings(cli: &Cli) {
    let scene = Scene::new(cli);
    scene.set_up();
    scene.write(WARN, &my_runner());
    scene.init();
    scene.workspace.apply(&[]).ok();
    let first = "resource \"terraform_data\" \"first\" {\n  input = \"https://oidc.humanitec.dev\"\n}\n";
    let settings = "eks_access = {\n  oidc_issuer = terraform_data.first.output\n}";
    scene.write(settings, &(first.to_owned() + &my_runner() + &action("my-runner")));
    let invoke = format!("-invoke=action.{ACTION}.this");
    scene
        .workspace
        .apply(&[&invoke])
        .fails()
        .has("eks_access is unknown until apply")
        .has("Apply that resource first (`-target`)")
        .has_not("data source");
}

fn incomplete_checks(cli: &Cli) {
    let scene = Scene::new(cli);
    scene.set_up();
    let denied = Faults {
        deny: vec!["iam:GetRole".to_owned()],
        ..Faults::default()
    };
    let settings = |apply: &str, incomplete: &str| {
        let more = format!("timeout = \"5s\"\nincomplete = {incomplete:?}\n{CIDRS}");
        modes("off", apply, &more)
    };
    let both = my_runner() + &action("my-runner");
    scene.write(&settings("off", "ignore"), &both);
    scene.init();
    scene.workspace.apply(&[]).ok();
    scene.eks.set_faults(&denied).expect("faults");
    let invoke = format!("-invoke=action.{ACTION}.this");
    let summary = "EKS access checks are incomplete: no permission for iam:GetRole";
    for (apply, incomplete, severity) in [
        ("off", "ignore", None),
        ("off", "warn", Some("Warning")),
        ("off", "error", Some("Warning")),
        ("error", "warn", Some("Warning")),
        ("error", "error", Some("Error")),
    ] {
        scene.write(&settings(apply, incomplete), &both);
        let output = scene.workspace.apply(&[&invoke]);
        let output = match severity {
            Some("Error") => output.fails(),
            _ => output.ok(),
        };
        output.has("skipped: role-trust");
        match severity {
            Some(severity) => output
                .has(&format!("{severity}: {severity} when invoking action"))
                .has(summary),
            None => output.has_not(summary),
        };
    }
}

/// The action waits for what AWS is still propagating, and a stop ends the wait.
fn interrupted(cli: &Cli) {
    let scene = Scene::new(cli);
    scene.set_up();
    let settings = modes("off", "error", &format!("timeout = \"5m\"\n{CIDRS}"));
    scene.write(&settings, &(my_runner() + &action("my-runner")));
    scene.init();
    scene.workspace.apply(&[]).ok();
    scene.eks.reset().expect("an account without the role");
    let invoke = format!("-invoke=action.{ACTION}.this");
    let arguments = ["apply", "-auto-approve", "-no-color", &invoke];
    let mut terraform = scene.workspace.spawn(&arguments);
    // A run of the checks is over, and the action waits for the next one. Terraform 1.14 crashes if it receives several
    // results between Ctrl-C and the stop of the provider.
    until("a pause", || {
        let shown = scene.workspace.read("out").len();
        std::thread::sleep(Duration::from_millis(800));
        let is_run = scene.workspace.read("out").contains("failed: namespace");
        is_run && scene.workspace.read("out").len() == shown
    });
    let begun = Instant::now();
    ctrl_c(&terraform);
    let is_success = terraform.wait().expect("terraform ends").success();
    let took = begun.elapsed();
    let text = scene.workspace.read("out") + &scene.workspace.read("err");
    assert!(took < Duration::from_secs(10), "it took {took:?}:\n{text}");
    assert!(!is_success, "{text}");
    assert!(text.contains("Error: execution halted"), "{text}");
    assert!(!text.contains("CRASH"), "{text}");
}
