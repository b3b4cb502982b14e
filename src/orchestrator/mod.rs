//! The Orchestrator's API: looking up whom to talk to, and the calls that this provider makes.
//!
//! A call takes a [`Budget`] and returns when it is done, when the budget's time is up, or at once
//! when it is stopped. What can be repeated is repeated. What was created although the answer was
//! lost is found again, so that nothing is created twice and nothing is lost; see
//! [`Error::is_uncertain`] for the rest.

mod answer;
mod budget;
mod client;
mod connect_failure;
mod create;
mod error;
mod hctl;
mod lookup;
mod request;
mod rules;
mod runners;
#[cfg(test)]
mod tests;
mod transport;

pub use budget::Budget;
pub use client::Client;
pub use connect_failure::{ConnectFailure, TlsFailure};
pub use error::Error;
pub use hctl::Environment;
pub use lookup::{Attribute, Given, LookupError, Settings, Source, Token, check, lookup};
pub use request::Call;
pub use rules::{Rule, RuleKey};
pub use transport::user_agent;
