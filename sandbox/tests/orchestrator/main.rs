//! The Orchestrator's stand-in over real HTTP: each rule of its API, each fault, the command.

mod auth;
mod client;
mod runners;
