# A runner is imported by its id. With OpenTofu the command is `tofu import`.
terraform import platform-orchestrator_kubernetes_eks_runner.my_runner my-runner
