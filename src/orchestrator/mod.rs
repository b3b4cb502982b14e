//! The Orchestrator's API: where it is, and the calls that this provider makes.
//!
//! A call takes a [`Budget`] and returns when it has finished, when the budget's time is over, or at once
//! when it is stopped. Calls that can be repeated are repeated. An object that was created although the
//! response was lost is found again, so that nothing is created twice and nothing is lost; see
//! [`Error::is_uncertain`] for the rest.

mod advice;
mod answer;
mod budget;
mod client;
mod connect_failure;
mod create;
mod error;
mod hctl;
mod installation;
mod lookup;
mod paging;
mod request;
mod retry;
mod rules;
mod runners;
#[cfg(test)]
mod tests;
mod transport;

pub use budget::Budget;
pub use client::Client;
pub use connect_failure::{ConnectFailure, TlsFailure};
pub use error::{Error, Existing};
pub use hctl::Environment;
pub use installation::Installation;
pub use lookup::{
    Attribute, Given, LookupError, Settings, Source, Token, check, lookup, lookup_without_token,
};
pub use request::Call;
pub use rules::{Rule, RuleKey};
pub use transport::user_agent;
