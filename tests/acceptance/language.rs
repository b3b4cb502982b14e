//! The resource among Terraform's own features: modules, `count`, aliases, `lifecycle`, conditions,
//! `moved`, and the commands beside plan and apply.

use crate::stand_in::StandIn;
use serde_json::json;

use crate::Scenario;
use crate::cli::{Cli, Workspace};
use crate::configuration::{Runner, provider};

pub(crate) const SCENARIOS: &[Scenario] = sandbox::scenarios![
    two_organizations,
    modules,
    create_before_destroy,
    ignore_changes,
    conditions,
    commands,
    shown,
    saved_plan,
];

const TYPE: &str = "platform-orchestrator_kubernetes_eks_runner";
const ADDRESS: &str = "platform-orchestrator_kubernetes_eks_runner.my_runner";

fn with_tail(tail: &str) -> Runner {
    Runner {
        tail: tail.to_owned(),
        ..Runner::extended()
    }
}

fn two_organizations(cli: &Cli) {
    let (one, two) = (StandIn::of_org("one"), StandIn::of_org("two"));
    let settings = |orchestrator: &StandIn| {
        format!(
            "api_url = {:?}\norg_id = {:?}\nauth_token = {:?}\n",
            orchestrator.url(),
            orchestrator.org(),
            orchestrator.token()
        )
    };
    let alias = format!(
        "provider \"platform-orchestrator\" {{\nalias = \"two\"\n{}}}\n",
        settings(&two)
    );
    let in_two = Runner {
        name: "in_two",
        tail: "provider = platform-orchestrator.two".into(),
        ..Runner::basic()
    };
    let text = provider(&one) + &alias + &Runner::basic().block() + &in_two.block();
    let workspace = Workspace::new(cli, &text);
    workspace.init();
    workspace.apply(&[]).ok().has("2 added");
    workspace.plans_nothing();
    for orchestrator in [&one, &two] {
        let stored = orchestrator.runner("my-runner").expect("registered");
        assert_eq!(stored["org_id"], orchestrator.org());
    }
    workspace.destroy().ok().has("2 destroyed");
}

fn modules(cli: &Cli) {
    let orchestrator = StandIn::start();
    let counted = Runner {
        head: "count = 2\nid = \"${var.prefix}-${count.index}\"".into(),
        ..Runner::basic()
    };
    let module = "variable \"prefix\" {\n  type = string\n}\n\
                  terraform {\n  required_providers {\n    platform-orchestrator = {\n      \
                  source = \"platform-orchestrator/platform-orchestrator\"\n    }\n  }\n}\n";
    let call = "module \"runners\" {\n  source = \"./runners\"\n  prefix = \"runner\"\n}\n";
    let workspace = Workspace::new(cli, &(provider(&orchestrator) + call));
    workspace.write("runners/main.tf", &(module.to_owned() + &counted.block()));
    workspace.init();
    workspace.apply(&[]).ok().has("2 added");
    workspace.plans_nothing();
    // The resource and the module get another name.
    let renamed = Runner {
        name: "renamed",
        ..counted
    };
    let moved = format!("moved {{\n  from = {TYPE}.my_runner\n  to = {TYPE}.renamed\n}}\n");
    workspace.write("runners/main.tf", &(module.to_owned() + &moved + &renamed.block()));
    let call =
        call.replace("\"runners\"", "\"others\"") + "moved {\n  from = module.runners\n  to = module.others\n}\n";
    workspace.write("main.tf", &(provider(&orchestrator) + &call));
    workspace.init();
    workspace
        .apply(&[])
        .ok()
        .has("has moved to")
        .has("0 added, 0 changed, 0 destroyed");
    workspace.plans_nothing();
    assert_eq!(orchestrator.runners().len(), 2);
}

fn create_before_destroy(cli: &Cli) {
    let orchestrator = StandIn::start();
    let provider = provider(&orchestrator);
    let runner = with_tail("lifecycle {\ncreate_before_destroy = true\n}");
    let workspace = Workspace::new(cli, &(provider.clone() + &runner.block()));
    workspace.init();
    workspace.apply(&[]).ok();
    let renamed = runner.block().replace("\"my-runner\"", "\"renamed\"");
    workspace.write("main.tf", &(provider + &renamed));
    workspace.apply(&[]).ok().has("1 added, 0 changed, 1 destroyed");
    let requests = orchestrator.requests();
    let changes: Vec<&str> = requests
        .iter()
        .map(|request| request.method.as_str())
        .filter(|method| *method != "GET")
        .collect();
    assert_eq!(changes, ["POST", "POST", "DELETE"]);
    assert!(orchestrator.runner("renamed").is_some());
    workspace.plans_nothing();
}

fn ignore_changes(cli: &Cli) {
    let orchestrator = StandIn::start();
    let provider = provider(&orchestrator);
    let runner = with_tail("lifecycle {\nignore_changes = [description, runner_configuration.job.pod_template]\n}");
    let workspace = Workspace::new(cli, &(provider.clone() + &runner.block()));
    workspace.init();
    workspace.apply(&[]).ok();
    let mut changed = orchestrator.runner("my-runner").expect("registered");
    changed["description"] = json!("theirs");
    changed["runner_configuration"]["job"]["pod_template"] = json!({"metadata": {"labels": {"theirs": "yes"}}});
    orchestrator.put(&changed);
    workspace.plans_nothing();
    // An update of another attribute keeps the ignored one as it is.
    let block = runner.block().replace("\"default\"", "\"other\"");
    workspace.write("main.tf", &(provider + &block));
    workspace.apply(&[]).ok().has("1 changed");
    let stored = orchestrator.runner("my-runner").expect("registered");
    changed["runner_configuration"]["job"]["namespace"] = json!("other");
    for part in ["description", "runner_configuration"] {
        assert_eq!(stored[part], changed[part]);
    }
}

fn conditions(cli: &Cli) {
    let orchestrator = StandIn::start();
    let condition = |text: &str| {
        with_tail(&format!(
            "lifecycle {{\nprecondition {{\ncondition = {text}\nerror_message = \"not so before\"\n}}\n\
             postcondition {{\ncondition = self.state_storage_configuration.s3_configuration == null\n\
             error_message = \"not so after\"\n}}\n}}"
        ))
        .block()
    };
    let output = format!(
        "output \"role\" {{\n  value = {ADDRESS}.runner_configuration.cluster.auth.role_arn\n}}\n\
         output \"label\" {{\n  value = jsondecode({ADDRESS}.runner_configuration.job.pod_template).metadata.labels\n}}\n\
         output \"wait\" {{\n  value = {ADDRESS}.timeouts\n}}\n"
    );
    let provider = provider(&orchestrator);
    let ready = "resource \"terraform_data\" \"ready\" {\n  input = true\n}\n";
    let workspace = Workspace::new(
        cli,
        &(provider.clone() + &condition("!terraform_data.ready.output") + &output + ready),
    );
    workspace.init();
    workspace.apply(&[]).fails().has("not so before");
    assert!(orchestrator.runners().is_empty());
    workspace.write(
        "main.tf",
        &(provider + &condition("terraform_data.ready.output") + &output + ready),
    );
    workspace
        .apply(&[])
        .ok()
        .has("role = \"arn:aws:iam::123456789012:role/EksRunnerRole\"")
        .has("\"app.kubernetes.io/name\" = \"humanitec-runner\"");
    workspace.plans_nothing();
}

fn commands(cli: &Cli) {
    let orchestrator = StandIn::start();
    let other = Runner {
        name: "other",
        head: "id = \"other\"".into(),
        ..Runner::basic()
    };
    let text = provider(&orchestrator) + &Runner::extended().block() + &other.block();
    let workspace = Workspace::new(cli, &text);
    workspace.init();
    workspace.apply(&[&format!("-target={ADDRESS}")]).ok().has("1 added");
    assert!(orchestrator.runner("other").is_none());
    workspace.apply(&[]).ok().has("1 added");

    workspace.run(&["taint", ADDRESS]).ok();
    workspace.plan(&[]).ok().has("is tainted, so");
    workspace.run(&["untaint", ADDRESS]).ok();
    workspace.plans_nothing();
    workspace
        .apply(&[&format!("-replace={ADDRESS}")])
        .ok()
        .has("1 added, 0 changed, 1 destroyed");
    workspace.plans_nothing();

    let mut changed = orchestrator.runner("my-runner").expect("registered");
    changed["description"] = json!("theirs");
    orchestrator.put(&changed);
    workspace
        .plan(&["-refresh-only"])
        .ok()
        .has("\"runner for all the envs\" -> \"theirs\"");
    workspace.apply(&["-refresh-only"]).ok();
    assert_eq!(workspace.state()[ADDRESS]["description"], "theirs");
    workspace
        .apply(&["-refresh=false"])
        .ok()
        .has("0 added, 1 changed, 0 destroyed");
    workspace.plans_nothing();
    workspace
        .plan(&["-destroy"])
        .ok()
        .has("0 to add, 0 to change, 2 to destroy");
}

fn shown(cli: &Cli) {
    let orchestrator = StandIn::start();
    let text = provider(&orchestrator) + &Runner::extended().block();
    let workspace = Workspace::new(cli, &text);
    workspace.init();
    workspace.apply(&[]).ok();
    workspace
        .run(&["state", "show", "-no-color", ADDRESS])
        .ok()
        .has("pod_template = jsonencode( { metadata = { labels = {")
        .has_not("s3_configuration")
        .has_not(orchestrator.token());
    workspace
        .run(&["show", "-no-color"])
        .ok()
        .has("description = \"runner for all the envs\"");
    let sensitive = &workspace.run(&["show", "-json"]).ok().text;
    let shown: serde_json::Value = serde_json::from_str(sensitive).expect("JSON");
    let resource = &shown["values"]["root_module"]["resources"][0];
    assert_eq!(resource["schema_version"], 0);
    assert_eq!(
        resource["sensitive_values"],
        json!({
            "runner_configuration": {"cluster": {"auth": {}}, "job": {}},
            "state_storage_configuration": {"kubernetes_configuration": {}},
        })
    );
}

/// The apply makes the planned changes, even if something else changed meanwhile.
fn saved_plan(cli: &Cli) {
    let orchestrator = StandIn::start();
    let provider = provider(&orchestrator);
    let mut runner = Runner::extended();
    let workspace = Workspace::new(cli, &(provider.clone() + &runner.block()));
    workspace.init();
    workspace.plan(&["-out=create.tfplan"]).ok();
    workspace
        .run(&["apply", "-no-color", "create.tfplan"])
        .ok()
        .has("1 added");
    runner.head = "id = \"my-runner\"\ndescription = null".into();
    workspace.write("main.tf", &(provider + &runner.block()));
    workspace.plan(&["-out=update.tfplan"]).ok();
    orchestrator.remove_runner("my-runner");
    workspace
        .run(&["apply", "-no-color", "update.tfplan"])
        .fails()
        .has("The runner was deleted after the plan");
    workspace.apply(&[]).ok().has("1 added");
    workspace.plans_nothing();
}
