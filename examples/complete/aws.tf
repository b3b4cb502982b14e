provider "aws" {
  region = var.cluster_region
}

data "aws_caller_identity" "current" {}

data "aws_partition" "current" {}

data "aws_eks_cluster" "this" {
  name = var.cluster_name
}

locals {
  # The `sub` of the Orchestrator's token for this runner.
  oidc_subject = provider::platform-orchestrator::oidc_subject(var.org_id, var.runner_id)
}

# An account has one OIDC provider for each issuer.
resource "aws_iam_openid_connect_provider" "orchestrator" {
  url            = var.oidc_issuer
  client_id_list = ["sts.amazonaws.com"]
}

resource "aws_iam_role" "runner" {
  name        = var.role_name
  description = "Assumed by the Orchestrator to start the Jobs of the runner ${var.runner_id}"
  assume_role_policy = provider::platform-orchestrator::trust_policy(
    aws_iam_openid_connect_provider.orchestrator.arn,
    [local.oidc_subject],
  )
}

resource "aws_iam_policy" "runner" {
  name        = "${var.role_name}-describe-cluster"
  description = "Lets the Orchestrator describe the cluster ${var.cluster_name}"
  policy      = provider::platform-orchestrator::permission_policy([data.aws_eks_cluster.this.arn])
}

resource "aws_iam_role_policy_attachment" "runner" {
  role       = aws_iam_role.runner.name
  policy_arn = aws_iam_policy.runner.arn

  # A role that is replaced under the same name loses its policies.
  lifecycle {
    replace_triggered_by = [aws_iam_role.runner.unique_id]
  }
}

# cluster_name is the cluster's name, not its ARN.
resource "aws_eks_access_entry" "runner" {
  cluster_name  = data.aws_eks_cluster.this.name
  principal_arn = aws_iam_role.runner.arn
  type          = "STANDARD"

  # An access entry works only for the role that existed when the entry was created, not for its successor of the same name.
  lifecycle {
    replace_triggered_by = [aws_iam_role.runner.unique_id]
  }
}
