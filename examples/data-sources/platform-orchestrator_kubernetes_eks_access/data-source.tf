# A runner that is registered, by its id.
data "platform-orchestrator_kubernetes_eks_access" "my_runner" {
  id = "my-runner"
}

# A check block tells what is wrong at each plan and apply, and stops neither.
check "eks_access" {
  assert {
    condition = data.platform-orchestrator_kubernetes_eks_access.my_runner.ok
    error_message = join("\n", [
      for check in data.platform-orchestrator_kubernetes_eks_access.my_runner.checks :
      "${check.id}: ${check.message}" if check.status == "failed"
    ])
  }
}
