output "oidc_subject" {
  # "my-org+my-runner"
  value = provider::platform-orchestrator::oidc_subject("my-org", "my-runner")
}
