import {
  to = platform-orchestrator_kubernetes_eks_runner.my_runner
  identity = {
    id = "my-runner"
  }
}
