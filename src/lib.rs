//! A Terraform and OpenTofu provider for the EKS runners of the Platform Orchestrator, and the command
//! `eks-runner`.
//!
//! ARCHITECTURE.md describes the modules and which of them may use which.

pub mod access;
pub mod cli;
mod files;
mod frontend;
mod network;
pub mod orchestrator;
pub mod product;
pub mod provider;
pub mod repository;
pub mod runner;
mod secrets;
mod spelling;

pub use secrets::redact;
