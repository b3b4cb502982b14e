# Deployments of project "my-project" to environments of type "development" use this runner.
resource "platform-orchestrator_runner_rule" "my_rule" {
  runner_id   = "my-runner"
  project_id  = "my-project"
  env_type_id = "development"
}
