//! A Terraform and OpenTofu provider for the EKS runners of the Platform Orchestrator, and the command
//! `eks-runner`.
//!
//! The rooms and who may use whom are drawn in ARCHITECTURE.md.

pub mod access;
pub mod cli;
mod network;
pub mod orchestrator;
pub mod plugin;
pub mod provider;
pub mod runner;
mod secrets;
