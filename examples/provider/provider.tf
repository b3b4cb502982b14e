terraform {
  required_providers {
    platform-orchestrator = {
      source  = "platform-orchestrator/platform-orchestrator"
      version = "~> 0.1.0"
    }
  }
}

# Each value can also come from the environment or from the configuration file of hctl or octl. Do not write the token here.
provider "platform-orchestrator" {
  org_id = "my-org"
}
