//! The action: invoked by a person, and after an apply.

use super::{Scene, my_runner};
use crate::Scenario;
use crate::cli::Cli;

pub(crate) const SCENARIOS: &[Scenario] = &[
    ("EKS access: the action on demand", on_demand),
    ("EKS access: the action after a create", after_create),
];

const ACTION: &str = "platform-orchestrator_check_eks_access";
const ERROR: &str = "eks_access = {\nplan = \"off\"\napply = \"error\"\ntimeout = \"5s\"\n}";
const WARN: &str = "eks_access = {\nplan = \"off\"\napply = \"off\"\n}";

fn action(id: &str) -> String {
    format!("action {ACTION:?} \"this\" {{\n  config {{\n    id = {id:?}\n  }}\n}}\n")
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
    scene
        .workspace
        .apply(&[&invoke])
        .fails()
        .has("failed: role-trust")
        .has("Error: ")
        .has("To fix it");
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
    scene.write(WARN, &(my_runner() + &action("Bad Id")));
    let validate = scene.workspace.validate().fails();
    validate.has("Invalid runner ID").has("id = \"Bad Id\"");
}

fn after_create(cli: &Cli) {
    let scene = Scene::new(cli);
    scene.set_up();
    let trigger = format!(
        "lifecycle {{\n  action_trigger {{\n    events  = [after_create]\n    actions = [action.{ACTION}.this]\n  }}\n}}\n}}"
    );
    let runner = my_runner();
    let (before, after) = runner.rsplit_once('}').expect("a block");
    let runner = format!("{before}{trigger}{after}");
    scene.write(WARN, &(runner + &action("my-runner")));
    scene.init();
    scene
        .workspace
        .apply(&[])
        .ok()
        .has("passed: role-exists: The IAM role exists");
}
