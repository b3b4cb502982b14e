provider "platform-orchestrator" {
  org_id = var.org_id
  eks_access = {
    # The apply registers the runner only if every check ran and none failed. It waits for changes that AWS is
    # still propagating.
    apply       = "error"
    incomplete  = "error"
    oidc_issuer = var.oidc_issuer
  }
}

resource "platform-orchestrator_kubernetes_eks_runner" "this" {
  id = var.runner_id
  runner_configuration = {
    cluster = {
      name   = data.aws_eks_cluster.this.name
      region = var.cluster_region
      auth = {
        role_arn     = aws_iam_role.runner.arn
        session_name = local.session_name
      }
    }
    job = {
      namespace       = var.namespace
      service_account = var.service_account
    }
  }
  state_storage_configuration = {
    type                     = local.in_s3 ? "s3" : "kubernetes"
    kubernetes_configuration = local.in_s3 ? null : { namespace = var.namespace }
    s3_configuration         = local.in_s3 ? { bucket = var.state_bucket } : null
  }

  # The checks during apply need these objects, and nothing above refers to them. A destroy deletes the runner first.
  depends_on = [
    aws_iam_role_policy_attachment.runner,
    aws_eks_access_entry.runner,
    aws_iam_role_policy.job,
    aws_eks_addon.pod_identity_agent,
    aws_eks_pod_identity_association.job,
    kubernetes_manifest.in_namespace,
  ]
}
