output "session_name" {
  # "my-org-my-runner"
  value = provider::platform-orchestrator::session_name("my-org", "my-runner")
}
