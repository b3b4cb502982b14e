# terraform query -generate-config-out=runners.tf
list "platform-orchestrator_kubernetes_eks_runner" "production" {
  provider         = platform-orchestrator
  include_resource = true

  config {
    id_prefix = "production-"
  }
}
