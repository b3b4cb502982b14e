//! The client: the calls of the API, one file for each kind of object.
//!
//! `attempts` has the only retry loop. `operations` reads, creates, and deletes with it, `paging` lists, and the files of the
//! endpoints build the requests and read the responses.

mod attempts;
mod environments;
mod operations;
mod paging;
mod rules;
mod runner_list;
mod runners;

use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::OnceCell;
use tokio_util::sync::CancellationToken;

use super::budget::CallBudget;
use super::error::ApiError;
use super::retry::RetryPolicy;
use super::settings::ApiSettings;
use super::transport::Transport;
use crate::product::HUMANITEC;
use runner_list::RunnerList;

pub use environments::DeployedEnvironment;
pub use rules::{Rule, RuleFilter, RuleKey, RulePages};
pub use runner_list::{EksRunnerPages, ListedRunner};

/// A client of one organization's API. Creating one costs nothing: the first call sets up the HTTP client.
#[derive(Debug)]
pub struct Client {
    transport: Transport,
    pub(super) retry: RetryPolicy,
    org_seen: AtomicBool,
    /// The organization's runners, listed once: they show which ids are in use, and that a 404 comes from the
    /// service.
    runners: OnceCell<RunnerList>,
}

impl Client {
    /// Creates a client with these settings. [`user_agent`](super::user_agent) returns the `User-Agent`.
    #[must_use]
    pub fn new(settings: ApiSettings, user_agent: String) -> Self {
        Self {
            transport: Transport::new(settings, user_agent),
            retry: RetryPolicy::DEFAULT,
            org_seen: AtomicBool::new(false),
            runners: OnceCell::new(),
        }
    }

    /// Returns the organization's id.
    #[must_use]
    pub fn org(&self) -> &str {
        self.transport.org()
    }

    /// Returns the name of the product's command line, for texts.
    #[must_use]
    pub fn cli(&self) -> &'static str {
        self.transport.product().unwrap_or(&HUMANITEC).cli
    }

    /// Returns whether a response has proved that the organization exists: something in it was read, changed or
    /// listed. An empty list proves nothing, because the Orchestrator returns one for an organization that does
    /// not exist, too (control plane, `ListRunners`).
    #[must_use]
    pub fn has_seen_org(&self) -> bool {
        self.org_seen.load(Ordering::Relaxed)
    }

    /// Notes that a response has proved that the organization exists.
    fn see_org(&self) {
        self.org_seen.store(true, Ordering::Relaxed);
    }

    /// Returns the error, as [`ApiError::OrgNotFound`] if it says that the organization does not exist: a list call
    /// with 404, or a create call with 409 and the message `organization not found` (control plane,
    /// `CreateRunner`).
    fn or_org_not_found(&self, error: ApiError) -> ApiError {
        match error {
            ApiError::Refused {
                call, status, message, ..
            } if status == 404 || message.contains("organization not found") => ApiError::OrgNotFound {
                call,
                org: self.org().to_owned(),
                status,
                message,
            },
            other => other,
        }
    }

    /// Returns the budget for the lookup of an uncertain change after the caller's budget has ended.
    fn settling(&self) -> CallBudget {
        CallBudget::new(self.retry.settling, CancellationToken::new())
    }
}
