output "runner_id" {
  description = "The runner, for runner rules."
  value       = platform-orchestrator_kubernetes_eks_runner.this.id
}

output "role_arn" {
  description = "The role that the Orchestrator assumes."
  value       = aws_iam_role.runner.arn
}

output "oidc_subject" {
  description = "Who the Orchestrator is for the role's trust policy."
  value       = local.oidc_subject
}

output "kubernetes_user" {
  description = "Who the Orchestrator is in the cluster. Further RoleBindings name this user."
  value       = local.kubernetes_user
}
