terraform {
  required_version = ">= 1.6"
  required_providers {
    platform-orchestrator = {
      source = "platform-orchestrator/platform-orchestrator"
    }
  }
}

provider "platform-orchestrator" {
  # The second half of the demo turns the EKS access checks on.
  eks_access = {
    plan  = "off"
    apply = "off"
  }
}

resource "platform-orchestrator_kubernetes_eks_runner" "my_runner" {
  id          = "my-runner"
  description = "runner for all the envs"
  runner_configuration = {
    cluster = {
      name   = "my-eks-cluster"
      region = "us-west-2"
      auth = {
        role_arn = "arn:aws:iam::123456789012:role/EksRunnerRole"
      }
    }
    job = {
      namespace       = "default"
      service_account = "humanitec-runner"
      pod_template = jsonencode({
        metadata = {
          labels = {
            "app.kubernetes.io/name" = "humanitec-runner"
          }
        }
      })
    }
  }
  state_storage_configuration = {
    type = "kubernetes"
    kubernetes_configuration = {
      namespace = "humanitec"
    }
  }
}
