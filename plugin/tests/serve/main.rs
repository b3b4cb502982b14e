//! The provider's binary as Terraform meets it: a process of its own, from its start to its end.
//!
//! The client here is written anew, after go-plugin's; it shares no code with the server.
#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test ends where it cannot go on")]

mod debug;
mod end;
mod log;
mod plugin;
mod services;
mod start;
mod tls;
