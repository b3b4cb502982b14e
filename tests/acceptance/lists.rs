//! The data sources that list: the organization's EKS runners, and the environments of a runner.

use serde_json::{Value, json};

use crate::Scenario;
use crate::cli::{Cli, Workspace};
use crate::configuration::provider;
use crate::existing::registered;
use crate::stand_in::StandIn;

pub(crate) const SCENARIOS: &[Scenario] = sandbox::scenarios![eks_runners, environments];

/// Returns the attributes of a data source after an apply.
fn applied(workspace: &Workspace, address: &str) -> Value {
    workspace.init();
    workspace.apply(&[]).ok();
    workspace.state()[address].clone()
}

fn eks_runners(cli: &Cli) {
    let orchestrator = StandIn::start();
    for index in 0..150 {
        orchestrator.put(&registered(&format!("dev-{index:03}")));
    }
    orchestrator.put(&registered("production-1"));
    orchestrator.put_runner(
        "production-agent",
        None,
        json!({"type": "kubernetes-agent", "key": "k"}),
        json!({"type": "s3", "bucket": "my-bucket"}),
    );
    let block = "data \"platform-orchestrator_kubernetes_eks_runners\" \"all\" {}\n\
                 data \"platform-orchestrator_kubernetes_eks_runners\" \"production\" {\n  \
                 id_prefix = \"production-\"\n}\n";
    let workspace = Workspace::new(cli, &(provider(&orchestrator) + block));
    let address = "data.platform-orchestrator_kubernetes_eks_runners";
    let production = applied(&workspace, &format!("{address}.production"));
    assert_eq!(
        production,
        json!({"id_prefix": "production-", "runners": [
            {"id": "production-1", "description": "made by hand", "state_storage_type": "s3"},
        ]})
    );
    let all = &workspace.state()[&format!("{address}.all")]["runners"];
    assert_eq!(all.as_array().map(Vec::len), Some(151));
    assert_eq!(all[149]["id"], "dev-149");
}

fn environments(cli: &Cli) {
    let orchestrator = StandIn::start();
    orchestrator.put(&registered("my-runner"));
    orchestrator.put(&registered("other"));
    orchestrator.set_environments("my-runner", &["shop/production", "blog/production"]);
    orchestrator.set_environments("other", &["shop/staging"]);
    orchestrator.set_environments("", &["shop/new"]);
    let data = |id: &str| {
        provider(&orchestrator)
            + &format!("data \"platform-orchestrator_runner_environments\" \"this\" {{\n  runner_id = {id:?}\n}}\n")
    };
    let workspace = Workspace::new(cli, &data("my-runner"));
    let environment = |project: &str| json!({"project_id": project, "id": "production", "env_type_id": "development", "status": "active"});
    assert_eq!(
        applied(&workspace, "data.platform-orchestrator_runner_environments.this"),
        json!({"runner_id": "my-runner", "environments": [environment("blog"), environment("shop")]})
    );
    // A runner without environments, and one that does not exist.
    orchestrator.set_environments("other", &[]);
    workspace.write("main.tf", &data("other"));
    workspace.apply(&[]).ok();
    workspace.write("main.tf", &data("othr"));
    workspace
        .plan(&[])
        .fails()
        .has("Runner \"othr\" does not exist in organization")
        .has("runner_id = \"othr\"");
}
