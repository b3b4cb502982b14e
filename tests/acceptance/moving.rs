//! Moving from the Go providers `humanitec/platform-orchestrator` and `stellwerk-labs/platform-orchestrator`, in each way
//! that the guide describes.
//! Where the Go provider must be installed, this provider takes its place under its address.

use serde_json::{Value, json};

use crate::Scenario;
use crate::cli::{Cli, SOURCE, Workspace};
use crate::configuration::{Runner, provider};
use crate::existing::{registered, registered_block};
use crate::stand_in::StandIn;

pub(crate) const SCENARIOS: &[Scenario] = sandbox::scenarios![replace_provider, beside, moved, back,];

const GO_SOURCES: [&str; 2] = [
    "humanitec/platform-orchestrator",
    "stellwerk-labs/platform-orchestrator",
];
const RULE: &str = "resource \"platform-orchestrator_runner_rule\" \"all\" {\n  runner_id = \"my-runner\"\n}\n";

/// A workspace whose state is the Go provider's: a runner, and a rule with its `""` for what is not set.
fn managed_by_go(cli: &Cli, orchestrator: &StandIn, go_source: &str) -> Workspace {
    orchestrator.put(&registered("my-runner"));
    let rule = orchestrator.put_rule("my-runner", "", "").expect("a rule").id;
    let resource = |ty: &str, name: &str, attributes: Value| {
        json!({
            "mode": "managed", "type": ty, "name": name,
            "provider": format!("provider[\"{}/{go_source}\"]", cli.registry),
            "instances": [{"schema_version": 0, "attributes": attributes, "sensitive_attributes": []}],
        })
    };
    let state = json!({
        "version": 4, "terraform_version": "1.11.4", "serial": 1,
        "lineage": "6a4a6b66-0f3c-4bd7-9d5c-1f0a6d9c2c55", "outputs": {},
        "resources": [
            resource("platform-orchestrator_kubernetes_eks_runner", "my_runner", json!({
                "id": "my-runner",
                "description": "made by hand",
                "runner_configuration": {
                    "cluster": {"name": "my-eks-cluster", "region": "us-west-2", "auth": {
                        "role_arn": "arn:aws:iam::123456789012:role/EksRunnerRole",
                        "session_name": "a-session", "sts_region": "eu-west-1"}},
                    "job": {"namespace": "runners", "service_account": "runner", "pod_template":
                        "{\"spec\":{\"containers\":[{\"image\":\"\\u003cimage\\u003e \\u0026 \\\"more\\\"\",\"name\":\"main\"}]}}"},
                },
                "state_storage_configuration": {
                    "type": "s3", "s3_configuration": {"bucket": "my-bucket", "path_prefix": "a/b"},
                    "kubernetes_configuration": null, "gcs_configuration": null, "azurerm_configuration": null},
            })),
            resource("platform-orchestrator_runner_rule", "all", json!({
                "id": rule, "runner_id": "my-runner", "project_id": "", "env_type_id": ""})),
        ],
        "check_results": null,
    });
    let block = provider(orchestrator) + &registered_block().block() + RULE;
    let workspace = Workspace::new(cli, &block);
    workspace.write("terraform.tfstate", &state.to_string());
    workspace
}

/// Returns the type and the provider's source of each resource in the state.
fn providers(workspace: &Workspace, go_source: &str) -> Vec<(String, String)> {
    let state: Value = serde_json::from_str(&workspace.read("terraform.tfstate")).expect("JSON");
    let resources = state["resources"].as_array().expect("resources").iter();
    let text = |value: &Value| value.as_str().expect("a string").to_owned();
    let mut found: Vec<_> = resources
        .map(|resource| {
            let provider = text(&resource["provider"]);
            let source = if provider.contains(SOURCE) { SOURCE } else { go_source };
            (text(&resource["type"]), source.to_owned())
        })
        .collect();
    found.sort();
    found
}

fn replace_provider(cli: &Cli) {
    GO_SOURCES
        .iter()
        .for_each(|go_source| replace_provider_from(cli, go_source));
}

fn replace_provider_from(cli: &Cli, go_source: &str) {
    let orchestrator = StandIn::start();
    let workspace = managed_by_go(cli, &orchestrator, go_source);
    workspace
        .run(&[
            "state",
            "replace-provider",
            "-auto-approve",
            &format!("{}/{go_source}", cli.registry),
            &format!("{}/{SOURCE}", cli.registry),
        ])
        .ok();
    workspace.init();
    workspace.plans_nothing();
}

fn beside(cli: &Cli) {
    GO_SOURCES.iter().for_each(|go_source| beside_from(cli, go_source));
}

/// The runner uses this provider, and everything else the Go provider: the configuration alone
/// decides that.
fn beside_from(cli: &Cli, go_source: &str) {
    let orchestrator = StandIn::start();
    let workspace = managed_by_go(cli, &orchestrator, go_source);
    workspace.mirror(cli, go_source);
    let both = provider(&orchestrator).replace(
        &format!("source = \"{SOURCE}\"\n    }}\n"),
        &format!("source = \"{go_source}\"\n    }}\n    eks-runners = {{\n      source = \"{SOURCE}\"\n    }}\n"),
    );
    let (_, block) = both.split_once("provider \"").expect("a provider block");
    let block = format!("provider \"{block}").replace("\"platform-orchestrator\" {", "\"eks-runners\" {");
    let runner = registered_block();
    let head = format!("provider = eks-runners\n{}", runner.head);
    let runner = Runner { head, ..runner };
    workspace.write("main.tf", &(both + &block + &runner.block() + RULE));
    workspace.init();
    workspace.plans_nothing();
    workspace.apply(&[]).ok();
    assert_eq!(
        providers(&workspace, go_source),
        [
            (
                "platform-orchestrator_kubernetes_eks_runner".to_owned(),
                SOURCE.to_owned()
            ),
            ("platform-orchestrator_runner_rule".to_owned(), go_source.to_owned()),
        ]
    );
    workspace.plans_nothing();
}

fn moved(cli: &Cli) {
    GO_SOURCES.iter().for_each(|go_source| moved_from(cli, go_source));
}

fn moved_from(cli: &Cli, go_source: &str) {
    let orchestrator = StandIn::start();
    let workspace = managed_by_go(cli, &orchestrator, go_source);
    // The state still names it, so `init` installs it.
    workspace.mirror(cli, go_source);
    let runner = Runner {
        name: "other_name",
        ..registered_block()
    };
    let moves = "moved {\n  from = platform-orchestrator_kubernetes_eks_runner.my_runner\n  \
                 to   = platform-orchestrator_kubernetes_eks_runner.other_name\n}\n\
                 moved {\n  from = platform-orchestrator_runner_rule.all\n  \
                 to   = platform-orchestrator_runner_rule.each\n}\n";
    let configuration = provider(&orchestrator) + &runner.block() + &RULE.replace("\"all\"", "\"each\"") + moves;
    workspace.write("main.tf", &configuration);
    workspace.init();
    workspace
        .apply(&[])
        .ok()
        .has("platform-orchestrator_kubernetes_eks_runner.my_runner has moved to")
        .has("platform-orchestrator_runner_rule.all has moved to")
        .has("Resources: 0 added, 0 changed, 0 destroyed");
    assert!(
        providers(&workspace, go_source)
            .iter()
            .all(|(_, source)| source == SOURCE)
    );
    workspace.plans_nothing();
}

fn back(cli: &Cli) {
    GO_SOURCES.iter().for_each(|go_source| back_to(cli, go_source));
}

/// The objects leave the state and are imported. No object is changed.
fn back_to(cli: &Cli, go_source: &str) {
    let orchestrator = StandIn::start();
    orchestrator.put(&registered("my-runner"));
    let rule = orchestrator.put_rule("my-runner", "", "").expect("a rule");
    let resources = registered_block().block() + RULE;
    let imports = format!(
        "import {{\n  to = platform-orchestrator_kubernetes_eks_runner.my_runner\n  id = \"my-runner\"\n}}\n\
         import {{\n  to = platform-orchestrator_runner_rule.all\n  id = {:?}\n}}\n",
        rule.id
    );
    let configuration = provider(&orchestrator) + &resources + &imports;
    let workspace = Workspace::new(cli, &configuration);
    workspace.init();
    workspace.apply(&[]).ok();
    workspace.mirror(cli, go_source);
    for address in [
        "platform-orchestrator_kubernetes_eks_runner.my_runner",
        "platform-orchestrator_runner_rule.all",
    ] {
        workspace.run(&["state", "rm", address]).ok();
    }
    workspace.write("main.tf", &configuration.replace(SOURCE, go_source));
    workspace.init();
    workspace
        .apply(&[])
        .ok()
        .has("2 imported, 0 added, 0 changed, 0 destroyed");
    assert!(
        providers(&workspace, go_source)
            .iter()
            .all(|(_, source)| source == go_source)
    );
    workspace.plans_nothing();
    let requests = orchestrator.requests();
    assert!(requests.iter().all(|request| request.method == "GET"));
}
