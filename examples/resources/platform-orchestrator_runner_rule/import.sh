# A rule is imported by the UUID that the Orchestrator gave it. With OpenTofu the command is `tofu import`.
terraform import platform-orchestrator_runner_rule.my_rule 01234567-89ab-cdef-0123-456789abcdef
