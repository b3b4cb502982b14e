# The subject of the RoleBinding that lets the Orchestrator create Jobs.
output "kubernetes_user" {
  # "arn:aws:sts::123456789012:assumed-role/humanitec-runner-eks-role/my-org-my-runner"
  value = provider::platform-orchestrator::kubernetes_user(
    "arn:aws:iam::123456789012:role/humanitec-runner-eks-role",
    provider::platform-orchestrator::session_name("my-org", "my-runner"),
  )
}
