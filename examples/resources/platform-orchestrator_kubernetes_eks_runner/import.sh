# Import a runner by its ID. With OpenTofu, run `tofu import`.
terraform import platform-orchestrator_kubernetes_eks_runner.my_runner my-runner
