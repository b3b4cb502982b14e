variable "org_id" {
  description = "The organization in the Orchestrator."
  type        = string
}

variable "runner_id" {
  description = "The id that the runner will have in the Orchestrator."
  type        = string
  default     = "my-runner"
}

variable "cluster_name" {
  description = "The name of an EKS cluster that is there."
  type        = string
}

variable "cluster_region" {
  description = "The region of the cluster."
  type        = string
}

variable "role_name" {
  description = "The name of the IAM role that the Orchestrator will assume."
  type        = string
  default     = "humanitec-runner-eks-role"
}

variable "namespace" {
  description = "The namespace of the runner's Jobs, and of the state that they keep. It is made."
  type        = string
  default     = "humanitec-runner"
}

variable "service_account" {
  description = "The service account of the runner's Jobs. It is made."
  type        = string
  default     = "humanitec-runner"
}

variable "oidc_issuer" {
  description = "The issuer of the Orchestrator's OIDC tokens. A self-hosted Orchestrator has its own."
  type        = string
  default     = "https://oidc.humanitec.dev"
}
