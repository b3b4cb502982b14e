locals {
  in_s3 = var.state_bucket != null

  # In the cluster, the Jobs store their state in Secrets and lock it with Leases.
  state_manifests = {
    for name, manifest in {
      state_role = {
        apiVersion = "rbac.authorization.k8s.io/v1"
        kind       = "Role"
        metadata = {
          name      = "humanitec-runner-state"
          namespace = var.namespace
        }
        rules = [
          { apiGroups = [""], resources = ["secrets"], verbs = ["get", "list", "create", "update"] },
          { apiGroups = ["coordination.k8s.io"], resources = ["leases"], verbs = ["get", "create", "update"] },
        ]
      }

      state_role_binding = {
        apiVersion = "rbac.authorization.k8s.io/v1"
        kind       = "RoleBinding"
        metadata = {
          name      = "humanitec-runner-state:${var.namespace}:${var.service_account}"
          namespace = var.namespace
        }
        roleRef = {
          apiGroup = "rbac.authorization.k8s.io"
          kind     = "Role"
          name     = "humanitec-runner-state"
        }
        subjects = [
          { kind = "ServiceAccount", name = var.service_account, namespace = var.namespace },
        ]
      }
    } : name => manifest if !local.in_s3
  }
}

# In S3, the Jobs need a role, which EKS Pod Identity gives to their service account.
resource "aws_iam_role" "job" {
  count = local.in_s3 ? 1 : 0

  name        = "${var.role_name}-job"
  description = "Lets the Jobs of the runner ${var.runner_id} keep their state in the bucket ${var.state_bucket}"
  assume_role_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Service = "pods.eks.amazonaws.com" }
      Action    = ["sts:AssumeRole", "sts:TagSession"]
      Condition = {
        StringEquals = {
          "aws:RequestTag/eks-cluster-arn"            = data.aws_eks_cluster.this.arn
          "aws:RequestTag/kubernetes-namespace"       = var.namespace
          "aws:RequestTag/kubernetes-service-account" = var.service_account
        }
      }
    }]
  })
}

resource "aws_iam_role_policy" "job" {
  count = local.in_s3 ? 1 : 0

  name = "state"
  role = aws_iam_role.job[0].name
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [
      {
        Effect   = "Allow"
        Action   = "s3:ListBucket"
        Resource = "arn:${data.aws_partition.current.partition}:s3:::${var.state_bucket}"
      },
      {
        Effect   = "Allow"
        Action   = ["s3:GetObject", "s3:PutObject"]
        Resource = "arn:${data.aws_partition.current.partition}:s3:::${var.state_bucket}/*"
      },
    ]
  })

  # A role that is replaced under the same name loses its policies.
  lifecycle {
    replace_triggered_by = [aws_iam_role.job[count.index].unique_id]
  }
}

# Remove it if the cluster has the add-on already, and on EKS Auto Mode, which has its own agent.
resource "aws_eks_addon" "pod_identity_agent" {
  count = local.in_s3 ? 1 : 0

  cluster_name = data.aws_eks_cluster.this.name
  addon_name   = "eks-pod-identity-agent"
}

resource "aws_eks_pod_identity_association" "job" {
  count = local.in_s3 ? 1 : 0

  cluster_name    = data.aws_eks_cluster.this.name
  namespace       = var.namespace
  service_account = var.service_account
  role_arn        = aws_iam_role.job[0].arn
}
