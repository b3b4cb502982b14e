//! Runners that already exist: import, conflicts, data sources, rules.

use crate::stand_in::StandIn;
use sandbox::orchestrator::faults::Fault;
use serde_json::{Value, json};

use crate::Scenario;
use crate::cli::{Cli, Workspace};
use crate::configuration::{Runner, provider};

pub(crate) const SCENARIOS: &[Scenario] = sandbox::scenarios![
    import_by_command,
    import_by_block,
    import_with_generated_configuration,
    import_refused,
    create_meets_existing,
    two_with_one_id,
    create_before_destroy,
    create_before_destroy_without_response,
    delete_refused,
    another_type_in_its_place,
    runner_rules,
    data_sources,
];

const ADDRESS: &str = "platform-orchestrator_kubernetes_eks_runner.my_runner";

/// A runner as another client registered it.
pub(crate) fn registered(id: &str) -> Value {
    json!({
        "id": id,
        "description": "made by hand",
        "runner_configuration": {
            "type": "kubernetes-eks",
            "cluster": {
                "name": "my-eks-cluster",
                "region": "us-west-2",
                "auth": {
                    "role_arn": "arn:aws:iam::123456789012:role/EksRunnerRole",
                    "session_name": "a-session",
                    "sts_region": "eu-west-1",
                },
            },
            "job": {
                "namespace": "runners",
                "service_account": "runner",
                "pod_template": {"spec": {"containers": [{"name": "main", "image": "<image> & \"more\""}]}},
            },
        },
        "state_storage_configuration": {"type": "s3", "bucket": "my-bucket", "path_prefix": "a/b"},
    })
}

pub(crate) fn registered_block() -> Runner {
    Runner {
        head: "id = \"my-runner\"\ndescription = \"made by hand\"".into(),
        auth: "role_arn = \"arn:aws:iam::123456789012:role/EksRunnerRole\"\nsession_name = \"a-session\"\n\
               sts_region = \"eu-west-1\""
            .into(),
        job: "namespace = \"runners\"\nservice_account = \"runner\"\npod_template = jsonencode({ spec = { \
              containers = [{ name = \"main\", image = \"<image> & \\\"more\\\"\" }] } })"
            .into(),
        storage: "type = \"s3\"\ns3_configuration = {\nbucket = \"my-bucket\"\npath_prefix = \"a/b\"\n}".into(),
        ..Runner::basic()
    }
}

fn import_by_command(cli: &Cli) {
    let orchestrator = StandIn::start();
    orchestrator.put(&registered("my-runner"));
    let workspace = Workspace::new(cli, &(provider(&orchestrator) + &registered_block().block()));
    workspace.init();
    workspace
        .run(&["import", "-no-color", ADDRESS, "my-runner"])
        .ok()
        .has("Import successful!");
    workspace.plans_nothing();
    let state = &workspace.state()[ADDRESS];
    assert_eq!(
        state["runner_configuration"]["cluster"]["auth"]["session_name"],
        "a-session"
    );
    assert_eq!(
        state["state_storage_configuration"]["kubernetes_configuration"],
        Value::Null
    );
}

fn import_by_block(cli: &Cli) {
    let orchestrator = StandIn::start();
    orchestrator.put(&registered("my-runner"));
    let import = format!("import {{\n  to = {ADDRESS}\n  id = \"my-runner\"\n}}\n");
    let workspace = Workspace::new(cli, &(provider(&orchestrator) + &registered_block().block() + &import));
    workspace.init();
    workspace
        .plan(&[])
        .ok()
        .has("1 to import, 0 to add, 0 to change, 0 to destroy");
    workspace
        .apply(&[])
        .ok()
        .has("1 imported, 0 added, 0 changed, 0 destroyed");
    workspace.plans_nothing();
}

fn import_with_generated_configuration(cli: &Cli) {
    let orchestrator = StandIn::start();
    orchestrator.put(&registered("my-runner"));
    let mut plain = registered("plain-runner");
    plain["description"] = Value::Null;
    plain["runner_configuration"]["job"] = json!({"namespace": "runners", "service_account": "runner"});
    plain["runner_configuration"]["cluster"]["auth"] =
        json!({"role_arn": "arn:aws:iam::123456789012:role/EksRunnerRole"});
    plain["state_storage_configuration"] =
        json!({"type": "azurerm", "storage_account_name": "a", "container_name": "c"});
    orchestrator.put(&plain);
    let import = format!(
        "import {{\n  to = {ADDRESS}\n  id = \"my-runner\"\n}}\n\
         import {{\n  to = platform-orchestrator_kubernetes_eks_runner.plain\n  id = \"plain-runner\"\n}}\n"
    );
    let workspace = Workspace::new(cli, &(provider(&orchestrator) + &import));
    workspace.init();
    workspace
        .plan(&["-generate-config-out=generated.tf"])
        .ok()
        .has("2 to import, 0 to add, 0 to change");
    workspace
        .apply(&[])
        .ok()
        .has("2 imported, 0 added, 0 changed, 0 destroyed");
    workspace.plans_nothing();
}

fn import_refused(cli: &Cli) {
    let orchestrator = StandIn::start();
    let mut agent = registered("agent");
    agent["runner_configuration"] =
        json!({"type": "kubernetes-agent", "key": "k", "job": {"namespace": "n", "service_account": "s"}});
    orchestrator.put(&agent);
    let workspace = Workspace::new(cli, &(provider(&orchestrator) + &Runner::basic().block()));
    workspace.init();
    workspace
        .run(&["import", "-no-color", ADDRESS, "missing"])
        .fails()
        .has("\"missing\"")
        .has(&format!("\"{}\"", orchestrator.org()));
    workspace
        .run(&["import", "-no-color", ADDRESS, "agent"])
        .fails()
        .has("kubernetes-agent")
        .has("This resource manages runners of type `kubernetes-eks` only. Check the ID.");
    workspace
        .run(&["import", "-no-color", ADDRESS, "my-org/my-runner"])
        .fails()
        .has("my-org/my-runner")
        .has("The import ID of a runner is the runner's ID.");
    let mut newer = registered("newer");
    newer["state_storage_configuration"] = json!({"type": "http", "url": "u"});
    orchestrator.put(&newer);
    workspace
        .run(&["import", "-no-color", ADDRESS, "newer"])
        .fails()
        .has("its state storage has type `http`")
        .has("Upgrade the provider");
    assert!(workspace.state().is_empty());
}

fn create_meets_existing(cli: &Cli) {
    let orchestrator = StandIn::start();
    orchestrator.put(&registered("my-runner"));
    let workspace = Workspace::new(cli, &(provider(&orchestrator) + &registered_block().block()));
    workspace.init();
    workspace
        .apply(&[])
        .fails()
        .has("runner with id my-runner already exists")
        .has("import {")
        .has("id = \"my-runner\"");
    assert!(workspace.state().is_empty(), "nothing is adopted silently");
    // The advice in the message works.
    workspace.write(
        "import.tf",
        &format!("import {{\n  to = {ADDRESS}\n  id = \"my-runner\"\n}}\n"),
    );
    workspace.apply(&[]).ok().has("1 imported, 0 added, 0 changed");
}

/// An import would put the runner of one resource at the address of the other one as well.
fn two_with_one_id(cli: &Cli) {
    let orchestrator = StandIn::start();
    let twice = Runner {
        head: "for_each = toset([\"a\", \"b\"])\nid = \"my-runner\"".into(),
        ..Runner::basic()
    };
    let workspace = Workspace::new(cli, &(provider(&orchestrator) + &twice.block()));
    workspace.init();
    workspace
        .apply(&[])
        .fails()
        .has("Runner with id my-runner already exists.")
        .has("Another resource of this configuration has this ID. Change `id`.")
        .has_not("import");
    assert_eq!(workspace.state().len(), 1);
}

/// The old runner has every value of the new one. It is not the result of the create, so that Terraform does not delete the
/// runner that the state then contains.
fn create_before_destroy_without_response(cli: &Cli) {
    let orchestrator = StandIn::start();
    let runner = Runner {
        tail: "lifecycle {\ncreate_before_destroy = true\n}".into(),
        ..Runner::basic()
    };
    let workspace = Workspace::new(cli, &(provider(&orchestrator) + &runner.block()));
    workspace.init();
    workspace.apply(&[]).ok();
    orchestrator.edit_runner("my-runner", |runner| {
        runner.created_at = "2026-01-01T00:00:00Z".into();
    });
    workspace.run(&["taint", ADDRESS]).ok();
    orchestrator.fault("POST", Fault::status(503), Some(1));
    workspace
        .apply(&[])
        .fails()
        .has("Nothing was created: runner \"my-runner\" already exists.")
        .has("Remove `create_before_destroy` from the `lifecycle`");
    assert_eq!(orchestrator.count("DELETE", ""), 0);
    workspace.run(&["untaint", ADDRESS]).ok();
    workspace.plans_nothing();
}

/// An ID is unique, so the old runner must be deleted before the new one is created.
fn create_before_destroy(cli: &Cli) {
    let orchestrator = StandIn::start();
    let first = Runner {
        tail: "lifecycle {\ncreate_before_destroy = true\n}".into(),
        ..Runner::basic()
    };
    let workspace = Workspace::new(cli, &(provider(&orchestrator) + &first.block()));
    workspace.init();
    workspace.apply(&[]).ok();
    workspace.run(&["taint", ADDRESS]).ok();
    workspace
        .apply(&[])
        .fails()
        .has("runner with id my-runner already exists")
        .has("a runner's ID is unique in its organization, so `create_before_destroy` cannot work")
        .has("Remove `create_before_destroy` from the `lifecycle`");
    // Both printed blocks work.
    let state = workspace.read("terraform.tfstate");
    workspace.run(&["untaint", ADDRESS]).ok();
    workspace.plans_nothing();
    workspace.write("terraform.tfstate", &state);
    workspace.write("main.tf", &(provider(&orchestrator) + &Runner::basic().block()));
    workspace.apply(&[]).ok().has("1 added, 0 changed, 1 destroyed");
    workspace.plans_nothing();
}

fn delete_refused(cli: &Cli) {
    let orchestrator = StandIn::start();
    let workspace = Workspace::new(cli, &(provider(&orchestrator) + &Runner::basic().block()));
    workspace.init();
    workspace.apply(&[]).ok();
    orchestrator.set_environments("my-runner", &["shop/production", "shop/staging"]);
    workspace
        .destroy()
        .fails()
        .has("runner my-runner is in use by the environments: shop/production, shop/staging")
        .has("delete the environments that use it, or move them to another runner")
        .has("the data source `platform-orchestrator_runner_environments` lists all of them");
    assert!(workspace.state().contains_key(ADDRESS));
    orchestrator.set_environments("my-runner", &[]);
    workspace.destroy().ok();
}

/// Someone deletes the runner and registers another one with its ID: that one is kept, and every
/// error says what to do.
fn another_type_in_its_place(cli: &Cli) {
    let orchestrator = StandIn::start();
    let basic = Runner::basic();
    let workspace = Workspace::new(cli, &(provider(&orchestrator) + &basic.block()));
    workspace.init();
    workspace.apply(&[]).ok();
    workspace.plan(&["-destroy", "-out=destroy.plan"]).ok();
    let gke = json!({
        "id": "my-runner",
        "runner_configuration": {"type": "kubernetes-gke", "cluster": {"name": "c"}},
        "state_storage_configuration": {"type": "kubernetes", "namespace": "n"},
    });
    orchestrator.put(&gke);
    let is_whole = || {
        let runner = orchestrator.runner("my-runner").expect("it was deleted");
        assert_eq!(runner["runner_configuration"], gke["runner_configuration"]);
    };
    for command in [
        &["apply", "-no-color", "destroy.plan"][..],
        &["plan", "-no-color"],
        &["destroy", "-auto-approve", "-no-color"],
        &["destroy", "-auto-approve", "-no-color", "-refresh=false"],
    ] {
        workspace
            .run(command)
            .fails()
            .has("has type `kubernetes-gke`, not `kubernetes-eks`")
            .has("`terraform state rm`");
        is_whole();
    }
    // The service refuses a change that was planned without a refresh.
    let described = Runner {
        head: "id = \"my-runner\"\ndescription = \"changed\"".into(),
        ..basic.clone()
    };
    workspace.write("main.tf", &(provider(&orchestrator) + &described.block()));
    workspace.apply(&["-refresh=false"]).fails().has("(400)");
    is_whole();
    // The advice in the errors works.
    let state = workspace.read("terraform.tfstate");
    let removed = format!("removed {{\n  from = {ADDRESS}\n  lifecycle {{\n    destroy = false\n  }}\n}}\n");
    workspace.write("main.tf", &(provider(&orchestrator) + &removed));
    workspace.apply(&["-refresh=false"]).ok();
    assert!(workspace.state().is_empty());
    workspace.write("terraform.tfstate", &state);
    workspace.run(&["state", "rm", ADDRESS]).ok();
    let renamed = Runner {
        head: "id = \"another-runner\"".into(),
        ..basic
    };
    workspace.write("main.tf", &(provider(&orchestrator) + &renamed.block()));
    workspace.apply(&[]).ok();
    workspace.plans_nothing();
    is_whole();
}

fn runner_rules(cli: &Cli) {
    let orchestrator = StandIn::start();
    let provider = provider(&orchestrator);
    let rule = |lines: &str| {
        Runner::basic().block()
            + "resource \"platform-orchestrator_runner_rule\" \"rule\" {\n\
               runner_id = platform-orchestrator_kubernetes_eks_runner.my_runner.id\n"
            + lines
            + "}\n"
    };
    let workspace = Workspace::new(
        cli,
        &(provider.clone() + &rule("project_id = \"shop\"\nenv_type_id = \"production\"\n")),
    );
    workspace.init();
    workspace.apply(&[]).ok().has("2 added");
    workspace.plans_nothing();
    let address = "platform-orchestrator_runner_rule.rule";
    let first = workspace.state()[address]["id"].clone();
    // A rule cannot be changed, so it is replaced. Attributes that are not set are null.
    workspace.write("main.tf", &(provider.clone() + &rule("project_id = \"shop\"\n")));
    workspace.apply(&[]).ok().has("1 added, 0 changed, 1 destroyed");
    let state = workspace.state();
    assert_ne!(state[address]["id"], first);
    assert_eq!(state[address]["env_type_id"], Value::Null);
    workspace.plans_nothing();
    // Import by the rule's UUID, and by a value that is not a UUID.
    let id = state[address]["id"].as_str().expect("an id").to_owned();
    workspace.run(&["state", "rm", address]).ok();
    workspace
        .run(&["import", "-no-color", address, "no-uuid"])
        .fails()
        .has("\"no-uuid\"")
        .has("UUID");
    workspace.apply(&[]).fails().has(&id).has("import {");
    // Every spelling of a UUID is accepted.
    let spelling = id.to_uppercase();
    workspace.run(&["import", "-no-color", address, &spelling]).ok();
    assert_eq!(workspace.state()[address]["id"], id.as_str());
    workspace.plans_nothing();
    workspace.destroy().ok();
    assert!(orchestrator.rules().is_empty());
}

fn data_sources(cli: &Cli) {
    let orchestrator = StandIn::start();
    orchestrator.put(&registered("my-runner"));
    let rule = orchestrator.put_rule("my-runner", "shop", "").expect("a rule").id;
    let block = format!(
        r#"
data "platform-orchestrator_kubernetes_eks_runner" "this" {{
  id = "my-runner"
}}
data "platform-orchestrator_runner_rule" "this" {{
  id = "{rule}"
}}
output "bucket" {{
  value = data.platform-orchestrator_kubernetes_eks_runner.this.state_storage_configuration.s3_configuration.bucket
}}
output "template" {{
  value = jsondecode(data.platform-orchestrator_kubernetes_eks_runner.this.runner_configuration.job.pod_template).spec.containers[0].name
}}
output "kubernetes" {{
  value = data.platform-orchestrator_kubernetes_eks_runner.this.state_storage_configuration.kubernetes_configuration == null
}}
output "rule" {{
  value = "${{data.platform-orchestrator_runner_rule.this.runner_id}} ${{data.platform-orchestrator_runner_rule.this.project_id}}"
}}
"#
    );
    let workspace = Workspace::new(cli, &(provider(&orchestrator) + &block));
    workspace.init();
    workspace
        .apply(&[])
        .ok()
        .has("bucket = \"my-bucket\"")
        .has("template = \"main\"")
        .has("kubernetes = true")
        .has("rule = \"my-runner shop\"");
    let missing = block.replace("\"my-runner\"", "\"missing\"");
    workspace.write("main.tf", &(provider(&orchestrator) + &missing));
    workspace
        .plan(&[])
        .fails()
        .has("Runner not found")
        .has("Runner \"missing\" does not exist");
    orchestrator.put(&json!({
        "id": "missing",
        "runner_configuration": {"type": "kubernetes-gke", "cluster": {"name": "c"}},
        "state_storage_configuration": {"type": "kubernetes", "namespace": "n"},
    }));
    workspace
        .plan(&[])
        .fails()
        .has("This data source reads runners of type `kubernetes-eks` only. Check the ID.");
}
