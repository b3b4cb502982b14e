//! `terraform query`: it finds runners and rules, and writes their configuration.

use std::time::Instant;

use serde_json::{Value, json};

use crate::Scenario;
use crate::cli::{Cli, Workspace};
use crate::configuration::provider;
use crate::existing::registered;
use crate::stand_in::StandIn;

pub(crate) const SCENARIOS: &[Scenario] = sandbox::scenarios![
    runners,
    by_cluster,
    unsupported_runner,
    rules,
    failed_list,
    five_thousand,
];

const RUNNER: &str = "platform-orchestrator_kubernetes_eks_runner";
const RULE: &str = "platform-orchestrator_runner_rule";

/// Returns a list block.
fn list(ty: &str, settings: &str, config: &str) -> String {
    format!(
        "list {ty:?} \"found\" {{\n  provider = platform-orchestrator\n{settings}\n  config {{\n{config}\n  }}\n}}\n"
    )
}

/// Returns what a query found.
fn found(workspace: &Workspace, block: &str) -> Vec<Value> {
    workspace.write("found.tfquery.hcl", block);
    let output = workspace.run(&["query", "-json"]).ok();
    let lines = output
        .text
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok());
    lines
        .filter(|line| line["type"] == "list_resource_found")
        .map(|line| line["list_resource_found"].clone())
        .collect()
}

/// Returns the IDs in the identities.
fn ids(found: &[Value]) -> Vec<&str> {
    found
        .iter()
        .map(|one| one["identity"]["id"].as_str().expect("an id"))
        .collect()
}

fn of_cluster(id: &str, cluster: &str) -> Value {
    let mut runner = registered(id);
    runner["runner_configuration"]["cluster"]["name"] = cluster.into();
    runner
}

fn runners(cli: &Cli) {
    let orchestrator = StandIn::start();
    for id in ["dev-1", "dev-2", "production-1"] {
        orchestrator.put(&registered(id));
    }
    let workspace = Workspace::new(cli, &provider(&orchestrator));
    workspace.init();
    let by_prefix = list(RUNNER, "", "id_prefix = \"dev-\"");
    let dev = found(&workspace, &by_prefix);
    assert_eq!(ids(&dev), ["dev-1", "dev-2"]);
    assert_eq!(dev[0]["identity"], json!({"org_id": orchestrator.org(), "id": "dev-1"}));
    assert_eq!(dev[0]["display_name"], "dev-1");
    assert_eq!(ids(&found(&workspace, &list(RUNNER, "limit = 1", ""))), ["dev-1"]);

    workspace.write("found.tfquery.hcl", &list(RUNNER, "include_resource = true", ""));
    workspace
        .run(&["query", "-no-color", "-generate-config-out=generated.tf"])
        .ok();
    std::fs::remove_file(workspace.path().join("found.tfquery.hcl")).expect("a file");
    workspace
        .apply(&[])
        .ok()
        .has("3 imported, 0 added, 0 changed, 0 destroyed");
    workspace.plans_nothing();
}

fn by_cluster(cli: &Cli) {
    let orchestrator = StandIn::start();
    for index in 0..120 {
        let cluster = if index % 40 == 0 { "wanted" } else { "other" };
        orchestrator.put(&of_cluster(&format!("runner-{index:03}"), cluster));
    }
    let workspace = Workspace::new(cli, &provider(&orchestrator));
    workspace.init();
    let block = list(RUNNER, "", "cluster_name = \"wanted\"");
    let runners = found(&workspace, &block);
    assert_eq!(ids(&runners), ["runner-000", "runner-040", "runner-080"]);
}

/// It does not keep the others from being found.
fn unsupported_runner(cli: &Cli) {
    let orchestrator = StandIn::start();
    for id in ["a-1", "c-1"] {
        orchestrator.put(&of_cluster(id, "wanted"));
    }
    let mut newer = of_cluster("b-1", "wanted");
    newer["state_storage_configuration"] = json!({"type": "http", "url": "u"});
    orchestrator.put(&newer);
    let workspace = Workspace::new(cli, &provider(&orchestrator));
    workspace.init();
    for (settings, config, consequence) in [
        (
            "include_resource = true",
            "",
            "The runner is listed without its configuration.",
        ),
        (
            "",
            "cluster_name = \"wanted\"",
            "its cluster is unknown: it might not be \"wanted\"",
        ),
    ] {
        let block = list(RUNNER, settings, config);
        let runners = found(&workspace, &block);
        assert_eq!(ids(&runners), ["a-1", "b-1", "c-1"]);
        workspace
            .run(&["query", "-no-color"])
            .ok()
            .has("Warning: Could not read runner \"b-1\"")
            .has("its state storage has type `http`")
            .has("Upgrade the provider.")
            .has(consequence);
    }
    workspace
        .run(&["query", "-no-color", "-generate-config-out=generated.tf"])
        .ok();
    let generated = workspace.read("generated.tf");
    assert_eq!(generated.matches("import {").count(), 3, "{generated}");
}

fn rules(cli: &Cli) {
    let orchestrator = StandIn::start();
    for id in ["one", "two"] {
        orchestrator.put(&registered(id));
    }
    let put = |runner: &str, project: &str, env_type: &str| {
        orchestrator.put_rule(runner, project, env_type).expect("a rule").id
    };
    let any = put("one", "", "");
    let shop = put("one", "shop", "");
    let production = put("two", "shop", "production");
    let workspace = Workspace::new(cli, &provider(&orchestrator));
    workspace.init();
    let names = |config: &str| {
        let found = found(&workspace, &list(RULE, "", config));
        let mut ids: Vec<_> = ids(&found).into_iter().map(str::to_owned).collect();
        ids.sort();
        ids
    };
    let sorted = |ids: &[&String]| {
        let mut ids: Vec<_> = ids.iter().map(|id| (*id).clone()).collect();
        ids.sort();
        ids
    };
    assert_eq!(names(""), sorted(&[&any, &shop, &production]));
    // As in the resource, an empty text is not set.
    assert_eq!(
        names("project_id = \"\"\nenv_type_id = \"\""),
        sorted(&[&any, &shop, &production])
    );
    assert_eq!(names("runner_id = \"one\""), sorted(&[&any, &shop]));
    assert_eq!(names("project_id = \"shop\""), sorted(&[&shop, &production]));
    assert_eq!(names("env_type_id = \"production\""), sorted(&[&production]));
    let shown = found(&workspace, &list(RULE, "", "env_type_id = \"production\""));
    assert_eq!(
        shown[0]["display_name"],
        "two for project shop, environment type production"
    );

    workspace.write("found.tfquery.hcl", &list(RULE, "include_resource = true", ""));
    workspace
        .run(&["query", "-no-color", "-generate-config-out=generated.tf"])
        .ok();
    std::fs::remove_file(workspace.path().join("found.tfquery.hcl")).expect("a file");
    workspace
        .apply(&[])
        .ok()
        .has("3 imported, 0 added, 0 changed, 0 destroyed");
    workspace.plans_nothing();
}

fn failed_list(cli: &Cli) {
    let orchestrator = StandIn::start();
    let configuration = provider(&orchestrator).replace(orchestrator.token(), "wrong");
    let workspace = Workspace::new(cli, &configuration);
    workspace.init();
    workspace.write("found.tfquery.hcl", &list(RUNNER, "", ""));
    workspace
        .run(&["query", "-no-color"])
        .fails()
        .has("Could not list the runners of organization")
        .has("401");
    // A value that nothing matches is an error, and not an empty list.
    for (ty, config, summary) in [
        (RUNNER, "id_prefix = \"A B\"", "Invalid prefix of runner IDs"),
        (RUNNER, "cluster_name = \"x y\"", "Invalid EKS cluster name"),
        (RULE, "runner_id = \"Bad Id\"", "Invalid runner ID"),
    ] {
        workspace.write("found.tfquery.hcl", &list(ty, "", config));
        let query = workspace.run(&["query", "-no-color"]).fails();
        let value = config.split(" = ").last().unwrap_or_default();
        query.has(summary).has(value);
    }
}

fn five_thousand(cli: &Cli) {
    let orchestrator = StandIn::start();
    for index in 0..5000 {
        orchestrator.put(&registered(&format!("runner-{index:04}")));
    }
    let workspace = Workspace::new(cli, &provider(&orchestrator));
    workspace.init();
    let start = Instant::now();
    let block = list(RUNNER, "limit = 10000", "id_prefix = \"runner-4\"");
    assert_eq!(found(&workspace, &block).len(), 1000);
    let seconds = start.elapsed().as_secs();
    // A debug build on a busy machine. The release build takes less than 3 s.
    assert!(seconds < 30, "it took {seconds} s");
}
