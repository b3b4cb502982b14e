data "platform-orchestrator_runner_environments" "my_runner" {
  runner_id = "my-runner"
}

# Delete these environments, or refresh their runners, before you delete the runner.
output "environments_that_use_my_runner" {
  value = [
    for environment in data.platform-orchestrator_runner_environments.my_runner.environments :
    "${environment.project_id}/${environment.id}"
  ]
}
