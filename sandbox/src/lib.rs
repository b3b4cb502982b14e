//! Stand-ins for the services that the provider talks to, for its demo and its tests.
//!
//! They share no code with the provider and know nothing of it: both are readings of the same
//! documentation, so that a mistake in one of them shows as a disagreement.

pub mod eks;
pub mod orchestrator;
mod pool;

pub use pool::{Pool, Taken};
