terraform {
  required_providers {
    platform-orchestrator = {
      source  = "platform-orchestrator/platform-orchestrator"
      version = "~> 0.1"
    }
  }
}

# Each value can also come from the environment or from the file of the hctl command, so that no token stands here.
provider "platform-orchestrator" {
  org_id = "my-org"
}
