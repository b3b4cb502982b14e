import {
  to = platform-orchestrator_runner_rule.my_rule
  identity = {
    id = "01234567-89ab-cdef-0123-456789abcdef"
  }
}
