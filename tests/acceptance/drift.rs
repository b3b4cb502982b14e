//! Changes outside Terraform.

use crate::stand_in::StandIn;
use serde_json::json;

use crate::Scenario;
use crate::cli::{Cli, Workspace};
use crate::configuration::{Runner, provider};

pub(crate) const SCENARIOS: &[Scenario] =
    sandbox::scenarios![deleted_outside, changed_outside, another_type, not_the_api,];

const ADDRESS: &str = "platform-orchestrator_kubernetes_eks_runner.my_runner";

fn applied(cli: &Cli, orchestrator: &StandIn) -> Workspace {
    let workspace = Workspace::new(cli, &(provider(orchestrator) + &Runner::extended().block()));
    workspace.init();
    workspace.apply(&[]).ok();
    workspace
}

fn deleted_outside(cli: &Cli) {
    let orchestrator = StandIn::start();
    let workspace = applied(cli, &orchestrator);
    orchestrator.remove_runner("my-runner");
    workspace.plan(&[]).ok().has("1 to add, 0 to change, 0 to destroy");
    // Destroying a runner that no longer exists succeeds silently.
    workspace
        .run(&["destroy", "-auto-approve", "-refresh=false", "-no-color"])
        .ok()
        .has_not("Warning");
    workspace.apply(&[]).ok();
    assert!(orchestrator.runner("my-runner").is_some());
}

fn changed_outside(cli: &Cli) {
    let orchestrator = StandIn::start();
    let workspace = applied(cli, &orchestrator);
    let mut changed = orchestrator.runner("my-runner").expect("registered");
    changed["runner_configuration"]["cluster"]["region"] = json!("eu-west-3");
    changed["runner_configuration"]["job"]["pod_template"]["metadata"]["labels"]["extra"] = json!("yes");
    orchestrator.put(&changed);
    let plan = workspace.plan(&[]).ok();
    plan.has("0 to add, 1 to change, 0 to destroy")
        .has("region = \"eu-west-3\" -> \"us-west-2\"")
        .has("- extra = \"yes\"")
        .has_not("description")
        .has_not("session_name =")
        .has_not("(known after apply)");
    workspace.apply(&[]).ok();
    workspace.plans_nothing();
}

fn another_type(cli: &Cli) {
    let orchestrator = StandIn::start();
    let workspace = applied(cli, &orchestrator);
    let before = workspace.read("terraform.tfstate");
    orchestrator.put(&json!({
        "id": "my-runner",
        "runner_configuration": {"type": "kubernetes-gke", "cluster": {"name": "c"}},
        "state_storage_configuration": {"type": "kubernetes", "namespace": "n"},
    }));
    workspace
        .plan(&[])
        .fails()
        .has("my-runner")
        .has("kubernetes-gke")
        .has("kubernetes-eks");
    assert_eq!(workspace.read("terraform.tfstate"), before);
}

/// A proxy's page, a wrong token, or a wrong organization never make the provider treat a runner as
/// deleted.
fn not_the_api(cli: &Cli) {
    let orchestrator = StandIn::start();
    let mut workspace = applied(cli, &orchestrator);
    let with = |provider_lines: &str| crate::configuration::provider_with(provider_lines) + &Runner::extended().block();
    let (url, org, token) = (orchestrator.url(), orchestrator.org(), orchestrator.token());
    workspace.write(
        "main.tf",
        &with(&format!(
            "api_url = {url:?}\norg_id = {org:?}\nauth_token = \"wrong\"\n"
        )),
    );
    workspace.plan(&[]).fails().has("401").has_not("will be created");
    workspace.write(
        "main.tf",
        &with(&format!(
            "api_url = {url:?}\norg_id = \"other\"\nauth_token = {token:?}\n"
        )),
    );
    workspace.plan(&[]).fails().has("other").has_not("will be created");
    workspace.write(
        "main.tf",
        &with(&format!(
            "api_url = \"{url}/wrong\"\norg_id = {org:?}\nauth_token = {token:?}\n"
        )),
    );
    workspace.plan(&[]).fails().has("api_url").has_not("will be created");
    assert!(workspace.state().contains_key(ADDRESS));
    workspace.set_env("HUMANITEC_ORG_ID", "ignored");
    workspace.write("main.tf", &(provider(&orchestrator) + &Runner::extended().block()));
    workspace.plans_nothing();
}
