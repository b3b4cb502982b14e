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
      namespace       = "default"
      service_account = "canyon-runner"
    }
  }
  state_storage_configuration = {
    type = "s3"
    s3_configuration = {
      bucket      = "my-state-bucket"
      path_prefix = "runners"
    }
  }
}
