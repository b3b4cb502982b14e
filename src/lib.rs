//! A Terraform and OpenTofu provider for the EKS runners of the Platform Orchestrator.

pub mod orchestrator;
pub mod runner;
