terraform {
  # Ephemeral resources need Terraform 1.10 or OpenTofu 1.11. The functions of the provider need 1.8 or 1.7.
  required_version = ">= 1.11"
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = ">= 5.100"
    }
    kubernetes = {
      source  = "hashicorp/kubernetes"
      version = ">= 2.30"
    }
    platform-orchestrator = {
      source  = "platform-orchestrator/platform-orchestrator"
      version = "~> 0.1.0"
    }
  }
}
