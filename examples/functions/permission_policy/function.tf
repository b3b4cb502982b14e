data "aws_eks_cluster" "this" {
  name = "my-eks-cluster"
}

resource "aws_iam_policy" "runner" {
  name   = "describe-my-eks-cluster"
  policy = provider::platform-orchestrator::permission_policy([data.aws_eks_cluster.this.arn])
}
