resource "aws_iam_openid_connect_provider" "orchestrator" {
  url            = "https://oidc.humanitec.dev"
  client_id_list = ["sts.amazonaws.com"]
}

# One role for two runners.
resource "aws_iam_role" "runners" {
  name = "humanitec-runner-eks-role"
  assume_role_policy = provider::platform-orchestrator::trust_policy(
    aws_iam_openid_connect_provider.orchestrator.arn,
    [for id in ["my-runner", "my-other-runner"] : provider::platform-orchestrator::oidc_subject("my-org", id)],
  )
}
