//! Stand-ins for the services that the provider calls, for its demo and its tests.
//!
//! They share no code with the provider and do not know it. Both implement the same documentation, so that a mistake in
//! one of them shows as a difference.

pub mod eks;
pub mod orchestrator;
mod pool;
mod runner;

pub use pool::{Pool, Taken};
pub use runner::RunnerValues;
