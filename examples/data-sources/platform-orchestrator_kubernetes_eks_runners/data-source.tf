data "platform-orchestrator_kubernetes_eks_runners" "production" {
  id_prefix = "production-"
}

output "production_runner_ids" {
  value = data.platform-orchestrator_kubernetes_eks_runners.production.runners[*].id
}
