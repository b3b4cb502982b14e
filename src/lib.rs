//! A Terraform and OpenTofu provider for the EKS runners of the Platform Orchestrator.

pub mod runner;
