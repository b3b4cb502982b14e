mock_provider "platform-orchestrator" {}

variables {
  cluster_name = "my-eks-cluster"
}

run "plan" {
  command = plan

  assert {
    condition     = platform-orchestrator_kubernetes_eks_runner.my_runner.runner_configuration.cluster.name == var.cluster_name
    error_message = "The runner belongs to another cluster."
  }
}

run "apply" {
  assert {
    condition     = platform-orchestrator_kubernetes_eks_runner.my_runner.id == "my-runner"
    error_message = "The runner has another ID."
  }
}
