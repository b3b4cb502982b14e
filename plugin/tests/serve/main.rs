//! A provider as a process of its own, as Terraform starts it: `provider.rs`, from the start to the exit.
//!
//! The client here follows go-plugin and shares no code with the server.
#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test stops where it cannot continue")]

mod debug;
mod exit;
mod log;
mod plugin;
mod services;
mod start;
mod tls;
