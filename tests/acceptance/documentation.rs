//! The examples of the Orchestrator's documentation, from `init` to `destroy`.

use serde_json::json;

use crate::Scenario;
use crate::cli::{Cli, Workspace};
use crate::configuration::{Runner, provider};
use crate::stand_in::StandIn;

pub(crate) const SCENARIOS: &[Scenario] =
    sandbox::scenarios![basic_example, extended_example, walk_through, secret_in_the_environment,];

/// From `init` to `destroy`, with an empty plan after the apply.
fn whole_life(cli: &Cli, block: &str, expected: &serde_json::Value) {
    let orchestrator = StandIn::start();
    let workspace = Workspace::new(cli, &(provider(&orchestrator) + block));
    workspace.init();
    workspace.validate().ok();
    workspace
        .plan(&[])
        .ok()
        .has("1 to add, 0 to change, 0 to destroy")
        .has_not("(known after apply)");
    workspace.apply(&[]).ok();
    let id = expected["id"].as_str().expect("an id");
    let mut stored = orchestrator.runner(id).expect("the runner is registered");
    for made_by_the_server in ["org_id", "created_at", "updated_at"] {
        stored.as_object_mut().expect("an object").remove(made_by_the_server);
    }
    assert_eq!(&stored, expected);
    workspace.plans_nothing();
    workspace.destroy().ok();
    assert_eq!(orchestrator.runner(id), None);
}

fn basic_example(cli: &Cli) {
    whole_life(
        cli,
        &Runner::basic().block(),
        &json!({
            "id": "my-runner",
            "runner_configuration": {
                "type": "kubernetes-eks",
                "cluster": {
                    "name": "my-eks-cluster",
                    "region": "us-west-2",
                    "auth": {"role_arn": "arn:aws:iam::123456789012:role/humanitec-runner-eks-role"},
                },
                "job": {"namespace": "default", "service_account": "canyon-runner"},
            },
            "state_storage_configuration": {"type": "kubernetes", "namespace": "humanitec"},
        }),
    );
}

fn extended_example(cli: &Cli) {
    whole_life(
        cli,
        &Runner::extended().block(),
        &json!({
            "id": "my-runner",
            "description": "runner for all the envs",
            "runner_configuration": {
                "type": "kubernetes-eks",
                "cluster": {
                    "name": "my-eks-cluster",
                    "region": "us-west-2",
                    "auth": {
                        "role_arn": "arn:aws:iam::123456789012:role/EksRunnerRole",
                        "session_name": "humanitec-runner-session",
                        "sts_region": "us-west-2",
                    },
                },
                "job": {
                    "namespace": "default",
                    "service_account": "humanitec-runner",
                    "pod_template": {"metadata": {"labels": {"app.kubernetes.io/name": "humanitec-runner"}}},
                },
            },
            "state_storage_configuration": {"type": "kubernetes", "namespace": "humanitec"},
        }),
    );
}

/// The walk-through builds the runner's ID from locals, and takes the role and the namespace from
/// other resources. Here, `terraform_data` stands for those, whose values are known after apply only.
fn walk_through(cli: &Cli) {
    let orchestrator = StandIn::start();
    let block = r#"
locals {
  cluster_name                        = "my-eks-cluster"
  cluster_region                      = "us-west-2"
  kubernetes_eks_runner_id            = "kubernetes-eks-${local.cluster_name}-${local.cluster_region}"
  kubernetes_eks_runner_iam_role_name = "humanitec-runner-eks-role"
}
resource "terraform_data" "role_arn" {
  input = "arn:aws:iam::123456789012:role/${local.kubernetes_eks_runner_iam_role_name}"
}
resource "terraform_data" "namespace" {
  input = "humanitec-runner"
}
resource "platform-orchestrator_kubernetes_eks_runner" "kubernetes_eks" {
  id          = local.kubernetes_eks_runner_id
  description = "Runner of type kubernetes-eks"
  runner_configuration = {
    cluster = {
      name   = local.cluster_name
      region = local.cluster_region
      auth = {
        role_arn = terraform_data.role_arn.output
      }
    }
    job = {
      namespace       = terraform_data.namespace.output
      service_account = "humanitec-runner"
    }
  }
  state_storage_configuration = {
    type = "kubernetes"
    kubernetes_configuration = {
      namespace = terraform_data.namespace.output
    }
  }
}
"#;
    let workspace = Workspace::new(cli, &(provider(&orchestrator) + block));
    workspace.init();
    workspace.validate().ok();
    workspace.apply(&[]).ok();
    let stored = orchestrator
        .runner("kubernetes-eks-my-eks-cluster-us-west-2")
        .expect("registered");
    assert_eq!(stored["description"], "Runner of type kubernetes-eks");
    assert_eq!(
        stored["runner_configuration"]["cluster"]["auth"]["role_arn"],
        "arn:aws:iam::123456789012:role/humanitec-runner-eks-role"
    );
    workspace.plans_nothing();
    workspace.destroy().ok();
}

fn secret_in_the_environment(cli: &Cli) {
    let orchestrator = StandIn::start();
    let runner = Runner {
        job: r#"namespace = "humanitec-runner"
service_account = "humanitec-runner"
pod_template = jsonencode({
  spec = {
    containers = [
      {
        name = "main"
        env = [
          {
            name = "TF_EXAMPLE"
            valueFrom = {
              secretKeyRef = {
                name = "my-secret"
                key = "key"
              }
            }
          }
        ]
      }
    ]
  }
})"#
        .into(),
        ..Runner::basic()
    };
    let workspace = Workspace::new(cli, &(provider(&orchestrator) + &runner.block()));
    workspace.init();
    workspace.apply(&[]).ok();
    let stored = orchestrator.runner("my-runner").expect("registered");
    assert_eq!(
        stored["runner_configuration"]["job"]["pod_template"],
        json!({"spec": {"containers": [{"name": "main", "env": [
            {"name": "TF_EXAMPLE", "valueFrom": {"secretKeyRef": {"name": "my-secret", "key": "key"}}},
        ]}]}})
    );
    workspace.plans_nothing();
}
