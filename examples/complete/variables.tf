variable "org_id" {
  description = "The ID of the organization in the Orchestrator."
  type        = string
}

variable "runner_id" {
  description = "The ID of the runner in the Orchestrator."
  type        = string
  default     = "my-runner"
}

variable "cluster_name" {
  description = "The name of an existing EKS cluster."
  type        = string
}

variable "cluster_region" {
  description = "The AWS region of the cluster."
  type        = string
}

variable "role_name" {
  description = "The name of the IAM role that the Orchestrator assumes. This configuration creates it."
  type        = string
  default     = "humanitec-runner-eks-role"
}

variable "namespace" {
  description = "The namespace of the runner's Jobs. This configuration creates it."
  type        = string
  default     = "humanitec-runner"
}

variable "service_account" {
  description = "The service account of the runner's Jobs. This configuration creates it."
  type        = string
  default     = "humanitec-runner"
}

variable "state_bucket" {
  description = "An existing S3 bucket in the cluster's region, in which the Jobs keep their state. Without one, they keep it in the namespace."
  type        = string
  default     = null
}

variable "job_identity" {
  description = "How the Jobs get their AWS role if they keep their state in S3: `pod-identity`, or `irsa`, which also works on Fargate."
  type        = string
  default     = "pod-identity"

  validation {
    condition     = contains(["pod-identity", "irsa"], var.job_identity)
    error_message = "The value must be pod-identity or irsa."
  }
}

variable "oidc_issuer" {
  description = "The issuer of the Orchestrator's OIDC tokens. A self-hosted Orchestrator has its own issuer."
  type        = string
  default     = "https://oidc.humanitec.dev"
}
