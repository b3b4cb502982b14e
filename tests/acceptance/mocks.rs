//! `terraform test` with a mocked provider: a module is tested without an Orchestrator.

use crate::Scenario;
use crate::cli::{Cli, Workspace};
use crate::configuration::{Runner, provider_with};

pub(crate) const SCENARIOS: &[Scenario] = sandbox::scenarios![a_module_is_tested];

/// The test file of the guide "Check runners in CI".
const TEST: &str = include_str!("../../examples/module-test/runner.tftest.hcl");

fn a_module_is_tested(cli: &Cli) {
    let runner = Runner {
        cluster: "name = var.cluster_name\nregion = \"us-west-2\"".into(),
        ..Runner::basic()
    };
    // A module that others use has no provider block. Its runner is checked by the rules of the provider all the same.
    let variable = "variable \"cluster_name\" {\n  type = string\n}\n";
    let configuration = provider_with("");
    let (requirements, _) = configuration
        .split_once("provider \"platform-orchestrator\"")
        .expect("a provider block");
    let workspace = Workspace::new(cli, &format!("{requirements}{variable}{}", runner.block()));
    workspace.write("tests/runner.tftest.hcl", TEST);
    workspace.init();
    let passed = workspace.run(&["test", "-no-color"]).ok();
    passed.has("2 passed, 0 failed");

    let wrong = TEST.replace("\"my-eks-cluster\"", "\"not a name\"");
    workspace.write("tests/runner.tftest.hcl", &wrong);
    workspace
        .run(&["test", "-no-color"])
        .fails()
        .has("Invalid EKS cluster name")
        .has("runner_configuration.cluster.name: \"not a name\" contains ' '");
}
