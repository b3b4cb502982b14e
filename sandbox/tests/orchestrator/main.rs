//! The Orchestrator's stand-in over real HTTP: each rule of its API, each fault, the command.

mod admin;
mod auth;
mod client;
mod command;
mod faults;
mod paging;
mod pod_template;
mod runner_rules;
mod runners;
mod state_storage;
mod updates;
mod validation;
