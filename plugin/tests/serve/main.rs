//! A provider as a process of its own, as Terraform starts it: `provider.rs`, from the start to the exit.
//!
//! The client here follows go-plugin and shares no code with the server. On Windows it connects over TCP, and the tests
//! that need signals or a private folder do not exist.
#![expect(clippy::unwrap_used, reason = "a test stops where it cannot continue")]

#[cfg(unix)]
mod debug;
mod exit;
mod log;
mod plugin;
mod services;
mod start;
mod tls;
