//! The Orchestrator stand-in.
pub mod eks;
