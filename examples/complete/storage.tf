locals {
  in_s3 = var.state_bucket != null
  # How the Jobs get their role: EKS Pod Identity, or IAM roles for service accounts (IRSA).
  by_pod_identity = local.in_s3 && var.job_identity == "pod-identity"
  by_irsa         = local.in_s3 && var.job_identity == "irsa"

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

# What the Jobs do in the bucket. If a customer managed KMS key encrypts it, add kms:Decrypt and kms:GenerateDataKey on the
# key.
locals {
  bucket_arn = "arn:${data.aws_partition.current.partition}:s3:::${local.in_s3 ? var.state_bucket : ""}"
  state_statements = [
    { Effect = "Allow", Action = ["s3:ListBucket"], Resource = local.bucket_arn },
    { Effect = "Allow", Action = ["s3:GetObject", "s3:PutObject"], Resource = "${local.bucket_arn}/*" },
  ]
}

# In S3, the Jobs need a role, which EKS assigns to their service account.
resource "aws_iam_role" "job" {
  count = local.in_s3 ? 1 : 0

  name               = "${var.role_name}-job"
  description        = "Lets the Jobs of the runner ${var.runner_id} keep their state in the bucket ${var.state_bucket}"
  assume_role_policy = local.by_irsa ? local.irsa_trust_policy : local.pod_identity_trust_policy
}

resource "aws_iam_role_policy" "job" {
  count = local.in_s3 ? 1 : 0

  name   = "state"
  role   = aws_iam_role.job[0].name
  policy = jsonencode({ Version = "2012-10-17", Statement = local.state_statements })

  # A role that is replaced under the same name loses its policies.
  lifecycle {
    replace_triggered_by = [aws_iam_role.job[count.index].unique_id]
  }
}

# EKS Pod Identity: the service account's role is an object of EKS.
locals {
  pod_identity_trust_policy = jsonencode({
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

# Remove it if the cluster has the add-on already, and on EKS Auto Mode, which has its own agent.
resource "aws_eks_addon" "pod_identity_agent" {
  count = local.by_pod_identity ? 1 : 0

  cluster_name = data.aws_eks_cluster.this.name
  addon_name   = "eks-pod-identity-agent"
}

resource "aws_eks_pod_identity_association" "job" {
  count = local.by_pod_identity ? 1 : 0

  cluster_name    = data.aws_eks_cluster.this.name
  namespace       = var.namespace
  service_account = var.service_account
  role_arn        = aws_iam_role.job[0].arn
}

# IRSA: the service account's role is an annotation, and the role trusts the cluster's own issuer.
locals {
  cluster_issuer = data.aws_eks_cluster.this.identity[0].oidc[0].issuer
  issuer_host    = trimprefix(local.cluster_issuer, "https://")
  irsa_trust_policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Effect    = "Allow"
      Principal = { Federated = one(aws_iam_openid_connect_provider.cluster[*].arn) }
      Action    = "sts:AssumeRoleWithWebIdentity"
      Condition = {
        StringEquals = {
          "${local.issuer_host}:aud" = "sts.amazonaws.com"
          "${local.issuer_host}:sub" = "system:serviceaccount:${var.namespace}:${var.service_account}"
        }
      }
    }]
  })
  # As aws_iam_role.job[0].arn, but known in the first plan.
  job_role_arn    = "arn:${data.aws_partition.current.partition}:iam::${data.aws_caller_identity.current.account_id}:role/${var.role_name}-job"
  job_annotations = local.by_irsa ? { annotations = { "eks.amazonaws.com/role-arn" = local.job_role_arn } } : {}
}

# Replace it with a data source if the cluster's issuer has an OIDC provider already.
resource "aws_iam_openid_connect_provider" "cluster" {
  count = local.by_irsa ? 1 : 0

  url            = local.cluster_issuer
  client_id_list = ["sts.amazonaws.com"]
}
