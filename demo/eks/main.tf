terraform {
  required_version = ">= 1.6"
  required_providers {
    platform-orchestrator = {
      source = "platform-orchestrator/platform-orchestrator"
    }
  }
}

# A plan warns if a check fails. An apply registers the runner only if no check fails.
provider "platform-orchestrator" {
  eks_access = {
    apply   = "error"
    timeout = "5s"
    # The demo's API is not Humanitec's, so its issuer must be set.
    oidc_issuer = "https://oidc.humanitec.dev"
  }
}

resource "platform-orchestrator_kubernetes_eks_runner" "my_runner" {
  id = "my-runner"
  runner_configuration = {
    cluster = {
      name   = "my-eks-cluster"
      region = "us-west-2"
      auth = {
        role_arn = "arn:aws:iam::123456789012:role/humanitec-runner-eks-role"
      }
    }
    job = {
      namespace       = "humanitec-runner"
      service_account = "humanitec-runner"
    }
  }
  state_storage_configuration = {
    type = "kubernetes"
    kubernetes_configuration = {
      namespace = "humanitec-runner"
    }
  }
}
