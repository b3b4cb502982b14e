# Import a rule by its UUID in the Orchestrator. With OpenTofu, run `tofu import`.
terraform import platform-orchestrator_runner_rule.my_rule 01234567-89ab-cdef-0123-456789abcdef
