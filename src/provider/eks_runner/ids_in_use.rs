//! Checks whether the id of a runner that is planned for creation is already in use.
//!
//! The Orchestrator reports that only when the runner is created, in the middle of an apply. So the plan lists the
//! organization's runners, once for each process, and only if a runner is planned for creation.

use std::collections::{HashMap, HashSet};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{OnceCell, watch};

use crate::orchestrator::{ApiError, CallBudget, Client, ConnectFailure};
use crate::provider::api_diagnostics;
use crate::runner::RunnerType;
use terraform_plugin_server::{CallContext, Diagnostic, Path};

use super::schema;

/// The time limit for the list of all runners. A page has 100 runners, so this is enough for many thousands.
const TIMEOUT: Duration = Duration::from_secs(15);

/// How long to wait until Terraform shows another runner of its state. It reads a state of any size without such a
/// pause.
const QUIET: Duration = Duration::from_millis(300);

/// The ids of the runners in the Orchestrator, and of those in the state.
#[derive(Default)]
pub(super) struct IdsInUse {
    /// The type of each runner of the organization by its id; `None` if they could not be listed.
    registered: OnceCell<Option<HashMap<String, String>>>,
    /// The ids of the runners in the state, as far as this process has seen them. Terraform shows the state of
    /// each object before it plans anything for it, but has no order between two objects.
    in_state: watch::Sender<HashSet<String>>,
    /// The ids of the runners that this process has begun to create.
    creating: Mutex<HashMap<String, usize>>,
}

impl IdsInUse {
    /// Notes that the state has a runner with this id.
    pub(super) fn see_in_state(&self, id: &str) {
        self.in_state.send_if_modified(|ids| ids.insert(id.to_owned()));
    }

    /// Notes that this process creates a runner with this id.
    pub(super) fn see_creating(&self, id: &str) {
        let mut creating = self.creating.lock().unwrap_or_else(PoisonError::into_inner);
        *creating.entry(id.to_owned()).or_default() += 1;
    }

    /// Returns whether this process creates several runners with this id. Terraform creates each resource once, so
    /// several resources of the configuration have the id.
    pub(super) fn is_repeated(&self, id: &str) -> bool {
        let creating = self.creating.lock().unwrap_or_else(PoisonError::into_inner);
        creating.get(id).is_some_and(|count| *count > 1)
    }

    /// Checks the id of a runner that is planned for creation. Returns a warning if the id is in use and this
    /// process does not know it from the state, and what kept the runners from being listed, to the first
    /// caller only.
    ///
    /// An error would be wrong where the state has the runner at another address: Terraform might show that
    /// one later.
    pub(super) async fn check(&self, client: &Client, id: &str, context: &CallContext) -> Option<Diagnostic> {
        let mut not_listed = None;
        let registered = self
            .registered
            .get_or_try_init(|| async {
                let budget = CallBudget::new(TIMEOUT, context.stop.clone());
                match client.list_runners(&budget).await {
                    Ok(runners) => Ok(Some(runners.clone())),
                    Err(error) if error.is_stopped() => Err(error),
                    Err(error) => {
                        not_listed = Some(could_not_list(client.org(), &error));
                        Ok(None)
                    }
                }
            })
            .await;
        if not_listed.is_some() {
            return not_listed;
        }
        let kind = registered.ok()?.as_ref()?.get(id)?;
        if self.is_in_state(id).await {
            return None;
        }
        Some(in_use(client.org(), id, kind).at(Path::new(["id"])))
    }

    /// Returns whether the state has a runner with this id. Waits until Terraform shows no further runner.
    async fn is_in_state(&self, id: &str) -> bool {
        let mut in_state = self.in_state.subscribe();
        loop {
            if in_state.borrow_and_update().contains(id) {
                return true;
            }
            if !matches!(tokio::time::timeout(QUIET, in_state.changed()).await, Ok(Ok(()))) {
                return false;
            }
        }
    }
}

/// Returns the warning about an id that is in use by a runner of type `kind`.
fn in_use(org: &str, id: &str, kind: &str) -> Diagnostic {
    // Terraform shows one warning of each summary and counts the others, also those of other provider blocks.
    let summary = format!("Runner {id:?} already exists in organization {org:?}");
    let fails = format!(
        "This plan creates runner {id:?}, but organization {org:?} already has a runner with this ID. The apply would \
         fail, because a runner's ID is unique in its organization."
    );
    let fix = if kind == RunnerType::EKS {
        format!(
            "{}\n\nOtherwise, change `id`.",
            api_diagnostics::import_advice(schema::TYPE_NAME, id)
        )
    } else {
        format!("To fix it, change `id`. The existing runner has type `{kind}`, which this provider cannot manage.")
    };
    Diagnostic::warning(summary, format!("{fails}\n\n{fix}"))
}

/// Returns the error or the warning that the runners could not be listed.
fn could_not_list(org: &str, error: &ApiError) -> Diagnostic {
    let consequence =
        "This plan creates runners, and the provider lists the existing ones to find an ID that is in use.";
    if fails_every_call(error) {
        let what = format!("Could not list the runners of organization {org:?}");
        return api_diagnostics::failed(what, error, &[consequence.to_owned()]);
    }
    let more = format!(
        "{consequence} It could not list them, so the IDs were not checked. The apply fails if an ID is in use."
    );
    Diagnostic::warning(
        format!("Not checked: the IDs of the new runners of organization {org:?}"),
        api_diagnostics::report(error, &[more]),
    )
}

/// Returns whether the apply would certainly fail for the same reason: the token is not valid, or `api_url` is not
/// usable. The permission to list is not the permission to create, and every other failure can pass. The body of the
/// response does not count, because a gateway in front of the Orchestrator has its own.
fn fails_every_call(error: &ApiError) -> bool {
    match error {
        ApiError::Refused { .. }
        | ApiError::AttemptTimedOut { .. }
        | ApiError::Lost { .. }
        | ApiError::DeadlineExceeded { .. }
        | ApiError::TooLongToWait { .. }
        | ApiError::Stopped { .. } => false,
        ApiError::Unexpected { status, .. } | ApiError::Encoding { status, .. } => {
            *status < 500 && !matches!(*status, 403 | 408 | 429)
        }
        ApiError::Connect { what, .. } => !matches!(what, ConnectFailure::TimedOut),
        ApiError::InvalidId { .. }
        | ApiError::Setup { .. }
        | ApiError::Proxy { .. }
        | ApiError::Redirect { .. }
        | ApiError::Unauthorized { .. }
        | ApiError::Undecodable { .. }
        | ApiError::Unsupported { .. }
        | ApiError::TooLarge { .. }
        | ApiError::AlreadyExists { .. }
        | ApiError::RunnerNotFound { .. }
        | ApiError::EnvTypeNotFound { .. }
        | ApiError::OtherType { .. }
        | ApiError::OrgNotFound { .. }
        | ApiError::Uncertain { .. } => true,
    }
}
