//! The list of the organization's runners, which a client reads once.

use std::collections::HashMap;
use std::ops::ControlFlow;

use serde::Deserialize;

use super::Client;
use super::paging::Pages;
use crate::orchestrator::budget::CallBudget;
use crate::orchestrator::call::Call;
use crate::orchestrator::error::ApiError;
use crate::orchestrator::request::Request;
use crate::runner::RunnerType;

/// The fields that runners of every type have, in a list and alone.
#[derive(Deserialize)]
pub(super) struct RunnerSummary {
    pub(super) id: String,
    pub(super) runner_configuration: ConfigurationSummary,
}

/// The field that the configuration of runners of every type has.
#[derive(Deserialize)]
pub(super) struct ConfigurationSummary {
    #[serde(rename = "type")]
    pub(super) kind: String,
}

/// An EKS runner as a list has it: without the parts of its configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedRunner {
    /// The runner's ID.
    pub id: String,
    /// What it is for.
    pub description: Option<String>,
    /// The type of its state storage.
    pub state_storage_type: String,
}

/// A runner of any type in a list.
#[derive(Deserialize)]
struct AnyListedRunner {
    id: String,
    #[serde(default)]
    description: Option<String>,
    runner_configuration: ConfigurationSummary,
    state_storage_configuration: ConfigurationSummary,
}

/// The pages of the organization's EKS runners.
pub struct EksRunnerPages<'a> {
    pages: Pages<'a, AnyListedRunner>,
    id_prefix: &'a str,
}

impl EksRunnerPages<'_> {
    /// Reads the next page. Returns `None` after the last one. A page can be empty, because the service lists runners of
    /// every type, in the order of their IDs.
    ///
    /// # Errors
    /// [`ApiError::OrgNotFound`], and whatever prevents the page from being read.
    pub async fn next(&mut self, budget: &CallBudget) -> Result<Option<Vec<ListedRunner>>, ApiError> {
        let Some(page) = self.pages.next(budget).await? else {
            return Ok(None);
        };
        let is_wanted = |runner: &AnyListedRunner| {
            runner.runner_configuration.kind == RunnerType::EKS && runner.id.starts_with(self.id_prefix)
        };
        let wanted = page.into_iter().filter(is_wanted);
        let listed = wanted.map(|runner| ListedRunner {
            id: runner.id,
            description: runner.description.filter(|text| !text.is_empty()),
            state_storage_type: runner.state_storage_configuration.kind,
        });
        Ok(Some(listed.collect()))
    }
}

/// What the service returned for the list of all runners.
#[derive(Debug)]
pub(super) enum RunnerList {
    /// The type of each runner by its id.
    Runners(HashMap<String, String>),
    /// The caller has no permission to list them (403).
    Forbidden {
        /// The call.
        call: Box<Call>,
        /// The service's message.
        message: String,
    },
}

impl Client {
    /// Returns the EKS runners of the organization whose IDs begin with `id_prefix`, page by page.
    #[must_use]
    pub fn eks_runners<'a>(&'a self, id_prefix: &'a str) -> EksRunnerPages<'a> {
        EksRunnerPages {
            pages: Pages::new(self, self.list_request()),
            id_prefix,
        }
    }

    /// Returns the request for all runners. 100 is the longest page that the service returns.
    fn list_request(&self) -> Request {
        Request::get(["orgs", self.org(), "runners"]).with_query("per_page", "100")
    }

    /// Returns the type of every runner of the organization by its id, as they were when this client first needed
    /// them: it lists them once.
    ///
    /// # Errors
    /// Everything that prevents the list from being complete.
    pub async fn list_runners(&self, budget: &CallBudget) -> Result<&HashMap<String, String>, ApiError> {
        match self.runner_list(budget).await? {
            RunnerList::Runners(runners) => Ok(runners),
            RunnerList::Forbidden { call, message } => Err(ApiError::Refused {
                call: call.clone(),
                status: 403,
                message: message.clone(),
                retry_after: None,
            }),
        }
    }

    /// Checks that a 404 is about something in the organization, not about the organization.
    ///
    /// The Orchestrator refuses a caller without permissions in an organization with 403 before it looks for
    /// anything in it (control plane, `checkOrgAuthorization`), so its own 404 nearly always says that the
    /// organization exists. The exception is a caller with permissions in organizations that do not exist: then
    /// only [`Client::has_seen_org`] distinguishes the two, and the caller of this function reports that.
    ///
    /// # Errors
    /// [`ApiError::OrgNotFound`] if the service says so, and whatever prevents the runners from being listed,
    /// because then the 404 might come from something other than the Orchestrator.
    pub(super) async fn confirm_org(&self, budget: &CallBudget) -> Result<(), ApiError> {
        if self.has_seen_org() {
            return Ok(());
        }
        // A caller without permission to list the runners can have permission to read one.
        self.runner_list(budget).await.map(|_| ())
    }

    /// Returns the list, which is read if this client has not read it yet.
    ///
    /// # Errors
    /// Everything that prevents the list from being complete, except a missing permission.
    async fn runner_list(&self, budget: &CallBudget) -> Result<&RunnerList, ApiError> {
        let list = || async {
            match self.read_runner_list(budget).await {
                Ok(runners) => Ok(RunnerList::Runners(runners)),
                Err(ApiError::Refused {
                    call,
                    status: 403,
                    message,
                    ..
                }) => Ok(RunnerList::Forbidden { call, message }),
                Err(error) => Err(error),
            }
        };
        self.runners.get_or_try_init(list).await
    }

    async fn read_runner_list(&self, budget: &CallBudget) -> Result<HashMap<String, String>, ApiError> {
        let mut runners = HashMap::new();
        let add = |page: Vec<RunnerSummary>| {
            let entry = |runner: RunnerSummary| (runner.id, runner.runner_configuration.kind);
            runners.extend(page.into_iter().map(entry));
            ControlFlow::<()>::Continue(())
        };
        self.each_page(self.list_request(), budget, add).await?;
        Ok(runners)
    }
}
