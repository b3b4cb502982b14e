data "platform-orchestrator_kubernetes_eks_runner" "my_runner" {
  id = "my-runner"
}

output "runner_role_arn" {
  value = data.platform-orchestrator_kubernetes_eks_runner.my_runner.runner_configuration.cluster.auth.role_arn
}
