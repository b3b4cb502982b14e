# Deployments of the project "my-project" to environments of the type "development" use the runner.
resource "platform-orchestrator_runner_rule" "my_rule" {
  runner_id   = "my-runner"
  project_id  = "my-project"
  env_type_id = "development"
}
