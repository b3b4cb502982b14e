//! The list of the organization's runners, which a client reads once.

use std::collections::HashMap;
use std::ops::ControlFlow;

use serde::Deserialize;

use super::Client;
use crate::orchestrator::budget::CallBudget;
use crate::orchestrator::call::Call;
use crate::orchestrator::error::Error;
use crate::orchestrator::request::Request;

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
    /// Returns the type of every runner of the organization by its id, as they were when this client first needed
    /// them: it lists them once.
    ///
    /// # Errors
    /// Everything that prevents the list from being complete.
    pub async fn list_runners(
        &self,
        budget: &CallBudget,
    ) -> Result<&HashMap<String, String>, Error> {
        match self.runner_list(budget).await? {
            RunnerList::Runners(runners) => Ok(runners),
            RunnerList::Forbidden { call, message } => Err(Error::Refused {
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
    /// [`Error::OrgNotFound`] if the service says so, and whatever prevents the runners from being listed,
    /// because then the 404 might come from something other than the Orchestrator.
    pub(super) async fn confirm_org(&self, budget: &CallBudget) -> Result<(), Error> {
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
    async fn runner_list(&self, budget: &CallBudget) -> Result<&RunnerList, Error> {
        let list = || async {
            match self.read_runner_list(budget).await {
                Ok(runners) => Ok(RunnerList::Runners(runners)),
                Err(Error::Refused {
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

    async fn read_runner_list(
        &self,
        budget: &CallBudget,
    ) -> Result<HashMap<String, String>, Error> {
        // 100 is the longest page that the service returns.
        let request = Request::get(["orgs", self.org(), "runners"]).with_query("per_page", "100");
        let mut runners = HashMap::new();
        let add = |page: Vec<RunnerSummary>| {
            let entry = |runner: RunnerSummary| (runner.id, runner.runner_configuration.kind);
            runners.extend(page.into_iter().map(entry));
            ControlFlow::<()>::Continue(())
        };
        self.each_page(&request, budget, add).await?;
        Ok(runners)
    }
}
