# A registered runner.
data "platform-orchestrator_kubernetes_eks_access" "my_runner" {
  id = "my-runner"
}

# A check block warns at each plan and apply, but fails neither.
check "eks_access" {
  # No check failed, and the checks are complete.
  assert {
    condition = data.platform-orchestrator_kubernetes_eks_access.my_runner.ok
    error_message = join("\n", concat(["The EKS access of my-runner is not ok."], [
      for check in data.platform-orchestrator_kubernetes_eks_access.my_runner.checks :
      "${check.id}: ${check.message}" if check.status == "failed"
    ]))
  }

  # The checks are complete: every check that applies ran.
  assert {
    condition     = data.platform-orchestrator_kubernetes_eks_access.my_runner.complete
    error_message = coalesce(data.platform-orchestrator_kubernetes_eks_access.my_runner.reason, "Every check ran.")
  }
}
