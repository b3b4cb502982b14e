//! The identity of runners and rules, and the import by it.

use serde_json::{Value, json};

use crate::Scenario;
use crate::cli::{Cli, Workspace};
use crate::configuration::{Runner, provider};
use crate::existing::{registered, registered_block};
use crate::stand_in::StandIn;

pub(crate) const SCENARIOS: &[Scenario] =
    sandbox::scenarios![import_by_identity, another_organization, in_the_state, created_rule,];

fn import_block(ty: &str, name: &str, identity: &str) -> String {
    format!("import {{\n  to       = {ty}.{name}\n  identity = {identity}\n}}\n")
}

const RUNNER: &str = "platform-orchestrator_kubernetes_eks_runner";
const RULE: &str = "platform-orchestrator_runner_rule";

fn import_by_identity(cli: &Cli) {
    let orchestrator = StandIn::start();
    orchestrator.put(&registered("my-runner"));
    let rule = orchestrator.put_rule("my-runner", "shop", "").expect("a rule").id;
    let rule_block =
        format!("resource {RULE:?} \"shop\" {{\n  runner_id  = \"my-runner\"\n  project_id = \"shop\"\n}}\n");
    let imports = import_block(RUNNER, "my_runner", "{ id = \"my-runner\" }")
        + &import_block(RULE, "shop", &format!("{{ id = {rule:?} }}"));
    let configuration = provider(&orchestrator) + &registered_block().block() + &rule_block + &imports;
    let workspace = Workspace::new(cli, &configuration);
    workspace.init();
    workspace
        .apply(&[])
        .ok()
        .has("2 imported, 0 added, 0 changed, 0 destroyed");
    workspace.plans_nothing();
}

fn another_organization(cli: &Cli) {
    let orchestrator = StandIn::start();
    orchestrator.put(&registered("my-runner"));
    let import = import_block(RUNNER, "my_runner", "{ id = \"my-runner\", org_id = \"other\" }");
    let configuration = provider(&orchestrator) + &registered_block().block() + &import;
    let workspace = Workspace::new(cli, &configuration);
    workspace.init();
    workspace
        .plan(&[])
        .fails()
        .has("Runner of another organization")
        .has("set org_id in the provider block to \"other\"");
}

/// The identity is stored beside the state, after a create, an update, and a replacement.
fn in_the_state(cli: &Cli) {
    let orchestrator = StandIn::start();
    let runner = Runner::basic();
    let renamed = Runner {
        head: "id = \"other-runner\"".into(),
        ..Runner::basic()
    };
    let described = Runner {
        tail: "description = \"new\"".into(),
        ..renamed.clone()
    };
    let workspace = Workspace::new(cli, &(provider(&orchestrator) + &runner.block()));
    workspace.init();
    for (runner, id) in [
        (runner, "my-runner"),
        (renamed, "other-runner"),
        (described, "other-runner"),
    ] {
        workspace.write("main.tf", &(provider(&orchestrator) + &runner.block()));
        workspace.apply(&[]).ok();
        let state: Value = serde_json::from_str(&workspace.read("terraform.tfstate")).expect("JSON");
        let identity = &state["resources"][0]["instances"][0]["identity"];
        assert_eq!(*identity, json!({"org_id": orchestrator.org(), "id": id}));
        workspace.plans_nothing();
    }
    // With another organization, the state would be that of another runner.
    let other = provider(&orchestrator).replace(&format!("{:?}", orchestrator.org()), "\"other-org\"");
    workspace.write("main.tf", &(other + &Runner::basic().block()));
    for arguments in [&[][..], &["-destroy"], &["-destroy", "-refresh=false"]] {
        let plan = workspace.plan(arguments).fails();
        plan.has("The state belongs to another object")
            .has(&format!("has org_id = {:?}", orchestrator.org()))
            .has("configured for org_id = \"other-org\"");
    }
    workspace.write("main.tf", &(provider(&orchestrator) + &Runner::basic().block()));
    workspace.destroy().ok();
}

/// The Orchestrator generates the UUID of a rule, so its identity is not known during plan.
fn created_rule(cli: &Cli) {
    let orchestrator = StandIn::start();
    orchestrator.put(&registered("my-runner"));
    let workspace = Workspace::new(cli, "");
    for project in ["shop", "blog"] {
        let rule =
            format!("resource {RULE:?} \"this\" {{\n  runner_id  = \"my-runner\"\n  project_id = {project:?}\n}}\n");
        workspace.write("main.tf", &(provider(&orchestrator) + &rule));
        workspace.init();
        workspace.apply(&[]).ok();
        workspace.plans_nothing();
    }
    workspace.destroy().ok();
}
