# terraform query -generate-config-out=rules.tf
list "platform-orchestrator_runner_rule" "my_runner" {
  provider         = platform-orchestrator
  include_resource = true

  config {
    runner_id = "my-runner"
  }
}
