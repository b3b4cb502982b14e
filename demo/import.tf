import {
  to = platform-orchestrator_kubernetes_eks_runner.by_hand
  id = "made-by-hand"
}
