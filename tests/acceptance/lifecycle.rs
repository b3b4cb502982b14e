//! Create, plan, update, replace, and destroy, with every attribute.

use crate::stand_in::StandIn;
use serde_json::{Value, json};

use crate::Scenario;
use crate::cli::{Cli, Workspace};
use crate::configuration::{Runner, provider};

pub(crate) const SCENARIOS: &[Scenario] = sandbox::scenarios![
    update_in_place,
    removal,
    empty_description,
    replace_on_id,
    reformatted_pod_template,
    each_storage,
    unknown_values,
    fifty_runners,
    timeouts,
];

const ADDRESS: &str = "platform-orchestrator_kubernetes_eks_runner.my_runner";

/// Each attribute is changed in turn, and the plan shows that attribute only.
fn update_in_place(cli: &Cli) {
    let orchestrator = StandIn::start();
    let mut runner = Runner::extended();
    let provider = provider(&orchestrator);
    let workspace = Workspace::new(cli, &(provider.clone() + &runner.block()));
    workspace.init();
    workspace.apply(&[]).ok();
    let change = |runner: &Runner, attribute: &str| {
        workspace.write("main.tf", &(provider.clone() + &runner.block()));
        let plan = workspace.plan(&[]).ok();
        plan.has("0 to add, 1 to change, 0 to destroy")
            .has_not("(known after apply)");
        let changed = changed_lines(&plan.text);
        assert!(
            !changed.is_empty() && changed.iter().all(|line| line.contains(attribute)),
            "only {attribute} should change, not {changed:?}:\n{}",
            plan.text
        );
        workspace.apply(&[]).ok().has("1 changed");
        workspace.plans_nothing();
    };
    runner.head = runner.head.replace("all the envs", "some envs");
    change(&runner, "description");
    runner.cluster = runner.cluster.replace("my-eks-cluster", "other");
    change(&runner, "name ");
    runner.cluster = runner.cluster.replace("us-west-2", "eu-central-1");
    change(&runner, "region ");
    runner.auth = runner.auth.replace("role/EksRunnerRole", "role/team/Other");
    change(&runner, "role_arn");
    runner.auth = runner.auth.replace("humanitec-runner-session", "another");
    change(&runner, "session_name");
    runner.auth = runner.auth.replace("us-west-2", "us-east-1");
    change(&runner, "sts_region");
    runner.job = runner.job.replace("\"default\"", "\"runners\"");
    change(&runner, "namespace");
    runner.job = runner
        .job
        .replace("service_account = \"humanitec-runner\"", "service_account = \"sa\"");
    change(&runner, "service_account");
    runner.job = runner.job.replace("= \"humanitec-runner\"\n}", "= \"renamed\"\n}");
    workspace.write("main.tf", &(provider.clone() + &runner.block()));
    workspace
        .plan(&[])
        .ok()
        .has("0 to add, 1 to change")
        .has("\"humanitec-runner\" -> \"renamed\"");
    workspace.apply(&[]).ok();
    runner.storage = runner.storage.replace("\"humanitec\"", "\"states\"");
    change(&runner, "namespace");
    let stored = orchestrator.runner("my-runner").expect("registered");
    assert_eq!(stored["description"], "runner for some envs");
    assert_eq!(
        stored["runner_configuration"],
        json!({
            "type": "kubernetes-eks",
            "cluster": {
                "name": "other",
                "region": "eu-central-1",
                "auth": {
                    "role_arn": "arn:aws:iam::123456789012:role/team/Other",
                    "session_name": "another",
                    "sts_region": "us-east-1",
                },
            },
            "job": {
                "namespace": "runners",
                "service_account": "sa",
                "pod_template": {"metadata": {"labels": {"app.kubernetes.io/name": "renamed"}}},
            },
        })
    );
    let storage = json!({"type": "kubernetes", "namespace": "states"});
    assert_eq!(stored["state_storage_configuration"], storage);
}

/// The lines of a plan that change an attribute itself (not the objects around it).
fn changed_lines(plan: &str) -> Vec<&str> {
    plan.lines()
        .map(str::trim)
        .filter(|line| line.starts_with(['+', '-', '~']) && line.contains(" = ") && !line.ends_with('{'))
        .collect()
}

/// Each optional attribute is removed from the configuration: it is then removed from the runner, and the
/// next plan is empty.
fn removal(cli: &Cli) {
    let orchestrator = StandIn::start();
    let provider = provider(&orchestrator);
    let mut runner = Runner {
        storage: "type = \"azurerm\"\nazurerm_configuration = {\nstorage_account_name = \"account\"\n\
                  container_name = \"container\"\nresource_group_name = \"group\"\npath_prefix = \"a/b\"\n}"
            .into(),
        tail: "timeouts = {\nread = \"30s\"\n}".into(),
        ..Runner::extended()
    };
    let workspace = Workspace::new(cli, &(provider.clone() + &runner.block()));
    workspace.init();
    workspace.apply(&[]).ok();
    let remove = |runner: &Runner| {
        workspace.write("main.tf", &(provider.clone() + &runner.block()));
        workspace.apply(&[]).ok().has("1 changed");
        workspace.plans_nothing();
        orchestrator.runner("my-runner").expect("registered")
    };
    runner.head = "id = \"my-runner\"".into();
    assert_eq!(remove(&runner)["description"], "");
    runner.auth = runner.auth.replace("\nsts_region = \"us-west-2\"", "");
    assert_eq!(
        remove(&runner)["runner_configuration"]["cluster"]["auth"].get("sts_region"),
        None
    );
    runner.auth = runner.auth.replace("\nsession_name = \"humanitec-runner-session\"", "");
    assert_eq!(
        remove(&runner)["runner_configuration"]["cluster"]["auth"].get("session_name"),
        None
    );
    runner.job = Runner::basic().job;
    assert_eq!(remove(&runner)["runner_configuration"]["job"].get("pod_template"), None);
    runner.storage = runner.storage.replace("\nresource_group_name = \"group\"", "");
    assert_eq!(
        remove(&runner)["state_storage_configuration"].get("resource_group_name"),
        None
    );
    runner.storage = runner.storage.replace("\npath_prefix = \"a/b\"", "");
    assert_eq!(remove(&runner)["state_storage_configuration"].get("path_prefix"), None);
    runner.tail = String::new();
    remove(&runner);
}

fn empty_description(cli: &Cli) {
    let orchestrator = StandIn::start();
    let runner = Runner {
        head: "id = \"my-runner\"\ndescription = \"\"".into(),
        ..Runner::basic()
    };
    let workspace = Workspace::new(cli, &(provider(&orchestrator) + &runner.block()));
    workspace.init();
    workspace.apply(&[]).ok();
    workspace.plans_nothing();
    assert_eq!(workspace.state()[ADDRESS]["description"], "");
}

fn replace_on_id(cli: &Cli) {
    let orchestrator = StandIn::start();
    let provider = provider(&orchestrator);
    let mut runner = Runner::basic();
    let workspace = Workspace::new(cli, &(provider.clone() + &runner.block()));
    workspace.init();
    workspace.apply(&[]).ok();
    runner.head = "id = \"renamed\"".into();
    workspace.write("main.tf", &(provider + &runner.block()));
    workspace
        .plan(&[])
        .ok()
        .has("must be replaced")
        .has("# forces replacement");
    workspace.apply(&[]).ok().has("1 added, 0 changed, 1 destroyed");
    assert_eq!(orchestrator.runner("my-runner"), None);
    assert!(orchestrator.runner("renamed").is_some());
    workspace.plans_nothing();
}

fn reformatted_pod_template(cli: &Cli) {
    let orchestrator = StandIn::start();
    let provider = provider(&orchestrator);
    let mut runner = Runner::extended();
    let workspace = Workspace::new(cli, &(provider.clone() + &runner.block()));
    workspace.init();
    workspace.apply(&[]).ok();
    let first = workspace.state()[ADDRESS].clone();
    runner.job = "namespace = \"default\"\nservice_account = \"humanitec-runner\"\npod_template = <<EOT\n\
                  { \"metadata\" : { \"labels\":\n  {\"app.kubernetes.io\\/name\": \"humanitec\\u002drunner\"} } }\n\
                  EOT"
    .into();
    workspace.write("main.tf", &(provider.clone() + &runner.block()));
    workspace.plans_nothing();
    // Another attribute changes, and the spelling stays.
    runner.head = runner.head.replace("all the envs", "some envs");
    workspace.write("main.tf", &(provider + &runner.block()));
    workspace
        .plan(&[])
        .ok()
        .has("0 to add, 1 to change")
        .has_not("pod_template");
    workspace.apply(&[]).ok();
    assert_eq!(
        workspace.state()[ADDRESS]["runner_configuration"],
        first["runner_configuration"]
    );
}

fn each_storage(cli: &Cli) {
    let orchestrator = StandIn::start();
    let provider = provider(&orchestrator);
    let workspace = Workspace::new(cli, &(provider.clone() + &Runner::basic().block()));
    workspace.init();
    workspace.apply(&[]).ok();
    for (storage, expected) in [
        (
            "type = \"s3\"\ns3_configuration = {\nbucket = \"my-bucket\"\n}",
            json!({"type": "s3", "bucket": "my-bucket"}),
        ),
        (
            "type = \"s3\"\ns3_configuration = {\nbucket = \"my-bucket\"\npath_prefix = \"a/b/\"\n}",
            json!({"type": "s3", "bucket": "my-bucket", "path_prefix": "a/b/"}),
        ),
        (
            "type = \"gcs\"\ngcs_configuration = {\nbucket = \"my-bucket\"\npath_prefix = \"a/b\"\n}",
            json!({"type": "gcs", "bucket": "my-bucket", "path_prefix": "a/b"}),
        ),
        (
            "type = \"azurerm\"\nazurerm_configuration = {\nstorage_account_name = \"account\"\n\
             container_name = \"container\"\n}",
            json!({"type": "azurerm", "storage_account_name": "account", "container_name": "container"}),
        ),
        (
            "type = \"azurerm\"\nazurerm_configuration = {\nstorage_account_name = \"account\"\n\
             container_name = \"container\"\nresource_group_name = \"group\"\npath_prefix = \"a\"\n}",
            json!({"type": "azurerm", "storage_account_name": "account", "container_name": "container",
                   "resource_group_name": "group", "path_prefix": "a"}),
        ),
        (
            "type = \"kubernetes\"\nkubernetes_configuration = {\nnamespace = \"states\"\n}",
            json!({"type": "kubernetes", "namespace": "states"}),
        ),
    ] {
        let runner = Runner {
            storage: storage.into(),
            ..Runner::basic()
        };
        workspace.write("main.tf", &(provider.clone() + &runner.block()));
        workspace.apply(&[]).ok().has("1 changed");
        let stored = orchestrator.runner("my-runner").expect("registered");
        assert_eq!(stored["state_storage_configuration"], expected);
        workspace.plans_nothing();
    }
}

/// A runner whose strings all come from another resource.
const UNKNOWN_VALUES: &str = r#"
resource "terraform_data" "given" {
  input = {
    id              = "my-runner"
    description     = "from elsewhere"
    name            = "my-eks-cluster"
    region          = "us-west-2"
    role_arn        = "arn:aws:iam::123456789012:role/EksRunnerRole"
    session_name    = "a-session"
    sts_region      = "eu-west-1"
    namespace       = "runners"
    service_account = "runner"
    pod_template    = jsonencode({ metadata = { labels = { a = "b" } } })
    type            = "s3"
    bucket          = "my-bucket"
    path_prefix     = "a/b"
  }
}
resource "platform-orchestrator_kubernetes_eks_runner" "my_runner" {
  id          = terraform_data.given.output.id
  description = terraform_data.given.output.description
  runner_configuration = {
    cluster = {
      name   = terraform_data.given.output.name
      region = terraform_data.given.output.region
      auth = {
        role_arn     = terraform_data.given.output.role_arn
        session_name = terraform_data.given.output.session_name
        sts_region   = terraform_data.given.output.sts_region
      }
    }
    job = {
      namespace       = terraform_data.given.output.namespace
      service_account = terraform_data.given.output.service_account
      pod_template    = terraform_data.given.output.pod_template
    }
  }
  state_storage_configuration = {
    type = terraform_data.given.output.type
    s3_configuration = {
      bucket      = terraform_data.given.output.bucket
      path_prefix = terraform_data.given.output.path_prefix
    }
  }
}
"#;

/// The strings are unknown in the plan and known in the apply.
fn unknown_values(cli: &Cli) {
    let orchestrator = StandIn::start();
    let workspace = Workspace::new(cli, &(provider(&orchestrator) + UNKNOWN_VALUES));
    workspace.init();
    workspace.validate().ok();
    workspace.plan(&[]).ok().has("2 to add");
    workspace.apply(&[]).ok();
    let stored = orchestrator.runner("my-runner").expect("registered");
    assert_eq!(stored["description"], "from elsewhere");
    assert_eq!(
        stored["runner_configuration"]["job"]["pod_template"],
        json!({"metadata": {"labels": {"a": "b"}}})
    );
    assert_eq!(
        stored["state_storage_configuration"],
        json!({"type": "s3", "bucket": "my-bucket", "path_prefix": "a/b"})
    );
    workspace.plans_nothing();
    // A wrong value is reported as soon as it is known: during the apply, before anything is changed.
    let wrong = UNKNOWN_VALUES.replace("us-west-2", "nowhere").replace(
        "id          = terraform_data.given.output.id",
        "id          = \"my-runner\"",
    );
    workspace.write("main.tf", &(provider(&orchestrator) + &wrong));
    workspace
        .apply(&[])
        .fails()
        .has("Invalid AWS region")
        .has("\"nowhere\"");
    let stored = orchestrator.runner("my-runner").expect("still registered");
    assert_eq!(stored["runner_configuration"]["cluster"]["region"], "us-west-2");
}

fn fifty_runners(cli: &Cli) {
    let orchestrator = StandIn::start();
    let runner = Runner {
        head: "for_each = toset([for n in range(50) : \"runner-${n}\"])\nid = each.key".into(),
        ..Runner::basic()
    };
    let workspace = Workspace::new(cli, &(provider(&orchestrator) + &runner.block()));
    workspace.init();
    workspace.apply(&[]).ok().has("50 added");
    assert_eq!(orchestrator.runners().len(), 50);
    workspace.plans_nothing();
    workspace.destroy().ok().has("50 destroyed");
    assert_eq!(orchestrator.runners().len(), 0);
}

fn timeouts(cli: &Cli) {
    let orchestrator = StandIn::start();
    let runner = Runner {
        tail: "timeouts = {\ncreate = \"1h30m\"\nread = \"30s\"\nupdate = \"2m\"\ndelete = \"90s\"\n}".into(),
        ..Runner::basic()
    };
    let workspace = Workspace::new(cli, &(provider(&orchestrator) + &runner.block()));
    workspace.init();
    workspace.apply(&[]).ok();
    workspace.plans_nothing();
    assert_eq!(
        workspace.state()[ADDRESS]["timeouts"],
        json!({"create": "1h30m", "read": "30s", "update": "2m", "delete": "90s"})
    );
    // They belong to the provider: a change causes no request to the Orchestrator.
    let basic = Runner::basic().block();
    workspace.write("main.tf", &(provider(&orchestrator) + &basic));
    workspace.apply(&[]).ok().has("1 changed");
    assert_eq!(workspace.state()[ADDRESS]["timeouts"], Value::Null);
    let requests = orchestrator.requests();
    assert!(requests.iter().all(|request| request.method != "PATCH"));
    workspace.plans_nothing();
}
