output "runner_id" {
  description = "The ID of the runner, for runner rules."
  value       = platform-orchestrator_kubernetes_eks_runner.this.id
}

output "role_arn" {
  description = "The ARN of the role that the Orchestrator assumes."
  value       = aws_iam_role.runner.arn
}

output "oidc_subject" {
  description = "The `sub` of the Orchestrator's token, which the role's trust policy must admit."
  value       = local.oidc_subject
}

output "kubernetes_user" {
  description = "The Orchestrator's user in the cluster, for other RoleBindings."
  value       = local.kubernetes_user
}

output "bucket_statements" {
  description = "The statements to merge into the bucket's policy if the bucket belongs to another account. Null without a bucket."
  value = local.in_s3 ? jsonencode([
    for statement in local.state_statements : merge(statement, { Principal = { AWS = aws_iam_role.job[0].arn } })
  ]) : null
}
