//! The Orchestrator's API: the lookup of its URL and token, and the calls that this provider makes.
//!
//! A call takes a [`CallBudget`] and returns when it has finished, when the deadline of the budget has passed, or at
//! once when it is stopped. Calls that can be repeated are repeated. If the response to a create is lost, the client
//! looks the object up, so that nothing is created twice and nothing is lost; [`ApiError::is_uncertain`] says whether it
//! could not.
//!
//! The modules form a tree, lowest first: `call`, `environment`, and `settings`; `error` (and `advice`, `report`);
//! `request` and `response`; `retry`; `transport` (one attempt); `client` (all attempts, and the endpoints).

mod advice;
mod budget;
mod call;
mod client;
mod config_file;
mod connect_failure;
mod environment;
mod error;
mod installation;
mod lookup;
mod report;
mod request;
mod response;
mod retry;
mod settings;
#[cfg(test)]
mod tests;
mod transport;
mod user_agent;

pub use budget::CallBudget;
pub use call::Call;
pub use client::{Client, DeployedEnvironment, EksRunnerPages, ListedRunner, Rule, RuleFilter, RuleKey, RulePages};
pub use connect_failure::{ConnectFailure, TlsFailure};
pub use environment::Environment;
pub use error::{ApiError, Existing};
pub use installation::Installation;
pub use lookup::{LookupError, check_explicit, lookup, lookup_without_token};
pub use settings::{ApiSettings, ApiToken, ExplicitSettings, ProviderAttribute, SettingSource};
pub use user_agent::user_agent;
