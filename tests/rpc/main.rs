//! The provider's calls, in process: what Terraform is answered, whatever a provider does.

#![expect(clippy::unwrap_used, reason = "a test ends where it cannot go on")]

mod apply;
mod codec;
mod fake;
mod metadata;
mod mutated;
mod panics;
mod plan;
mod property;
mod read;
mod saved;
mod stop;
mod unreadable;
mod validate;
