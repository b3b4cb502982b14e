# A token for the cluster, created from the AWS credentials. Each plan and each apply gets a new one. Neither the plan nor the state contains it.
ephemeral "aws_eks_cluster_auth" "this" {
  name = data.aws_eks_cluster.this.name
}

provider "kubernetes" {
  host                   = data.aws_eks_cluster.this.endpoint
  cluster_ca_certificate = base64decode(data.aws_eks_cluster.this.certificate_authority[0].data)
  token                  = ephemeral.aws_eks_cluster_auth.this.token
}

resource "kubernetes_manifest" "namespace" {
  manifest = local.manifests.namespace
}

resource "kubernetes_manifest" "in_namespace" {
  for_each = { for name, manifest in local.manifests : name => manifest if name != "namespace" }

  manifest   = each.value
  depends_on = [kubernetes_manifest.namespace]
}
