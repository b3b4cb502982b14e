action "platform-orchestrator_check_eks_access" "my_runner" {
  config {
    id = platform-orchestrator_kubernetes_eks_runner.my_runner.id
  }
}

# Run it at any time:
#   terraform apply -invoke=action.platform-orchestrator_check_eks_access.my_runner
# Or after each change of the runner:
resource "platform-orchestrator_kubernetes_eks_runner" "my_runner" {
  id = "my-runner"
  runner_configuration = {
    cluster = {
      name   = "my-eks-cluster"
      region = "eu-central-1"
      auth = {
        role_arn = "arn:aws:iam::123456789012:role/my-runner"
      }
    }
    job = {
      namespace       = "my-runner"
      service_account = "my-runner"
    }
  }
  state_storage_configuration = {
    type = "kubernetes"
    kubernetes_configuration = {
      namespace = "my-runner"
    }
  }

  lifecycle {
    action_trigger {
      events  = [after_create, after_update]
      actions = [action.platform-orchestrator_check_eks_access.my_runner]
    }
  }
}
