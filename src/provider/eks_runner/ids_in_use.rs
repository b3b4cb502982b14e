//! Whether the id of a runner that is planned for creation is in use already.
//!
//! The Orchestrator reports that only when the runner is created, in the middle of an apply. The plan lists the
//! organization's runners instead, once in a process, and only if a runner is planned for creation.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use tokio::sync::{OnceCell, watch};

use crate::orchestrator::{Budget, Client, ConnectFailure, Error};
use crate::provider::outcome;
use terraform_plugin_server::{CallContext, Diagnostic, Path};

use super::schema;

/// How long the list of all runners can take. A page has 100 runners, so this is enough for many thousands.
const TIMEOUT: Duration = Duration::from_secs(15);

/// How long to wait for Terraform to show another runner of its state. It reads a state of any size without
/// such a pause.
const QUIET: Duration = Duration::from_millis(300);

/// The ids that the Orchestrator has, and those that the state has.
#[derive(Default)]
pub(super) struct IdsInUse {
    /// The type of each runner of the organization by its id; `None` if they could not be listed.
    registered: OnceCell<Option<HashMap<String, String>>>,
    /// The ids of the runners in the state, as far as this process has seen them. Terraform shows the state of
    /// each object before it plans anything for it, but has no order between two objects.
    in_state: watch::Sender<HashSet<String>>,
}

impl IdsInUse {
    /// The state has a runner with this id.
    pub(super) fn see_in_state(&self, id: &str) {
        self.in_state
            .send_if_modified(|ids| ids.insert(id.to_owned()));
    }

    /// Checks the id of a runner that is planned for creation. Returns a warning if the id is in use and this
    /// process does not know it from the state, and what kept the runners from being listed, to the first
    /// caller only.
    ///
    /// An error would be wrong where the state has the runner at another address: Terraform might show that
    /// one later.
    pub(super) async fn check(
        &self,
        client: &Client,
        id: &str,
        context: &CallContext,
    ) -> Option<Diagnostic> {
        let mut not_listed = None;
        let registered = self
            .registered
            .get_or_try_init(|| async {
                let budget = Budget::new(TIMEOUT, context.stop.clone());
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

    /// Whether the state has a runner with this id, after Terraform has shown what it shows meanwhile.
    async fn is_in_state(&self, id: &str) -> bool {
        let mut in_state = self.in_state.subscribe();
        loop {
            if in_state.borrow_and_update().contains(id) {
                return true;
            }
            if !matches!(
                tokio::time::timeout(QUIET, in_state.changed()).await,
                Ok(Ok(()))
            ) {
                return false;
            }
        }
    }
}

fn in_use(org: &str, id: &str, kind: &str) -> Diagnostic {
    // Terraform shows one warning of each summary and counts the others.
    let summary = format!("Runner {id:?} already exists");
    let fails = format!(
        "This plan creates runner {id:?}, but organization {org:?} already has a runner with this id. The apply would \
         fail, because a runner's id is unique in its organization."
    );
    let fix = if kind == "kubernetes-eks" {
        format!(
            "{}\n\nOtherwise change `id`.",
            outcome::adopt(schema::TYPE_NAME, id)
        )
    } else {
        format!(
            "To fix it, change `id`. The existing runner has type `{kind}`, which this provider cannot manage."
        )
    };
    Diagnostic::warning(summary, format!("{fails}\n\n{fix}"))
}

fn could_not_list(org: &str, error: &Error) -> Diagnostic {
    let consequence = "This plan creates runners, and the provider lists the existing ones to find an id that is in use.";
    if fails_every_call(error) {
        let what = format!("Could not list the runners of organization {org:?}");
        return outcome::failed(what, error, &[consequence.to_owned()]);
    }
    let more = format!(
        "{consequence} It could not, so the ids were not checked: the apply fails for an id that is in use."
    );
    Diagnostic::warning(
        "Not checked: the ids of the new runners",
        outcome::report(error, &[more]),
    )
}

/// Whether the apply would certainly fail for the same reason: the token is not valid, or `api_url` is not
/// usable. The permission to list is not the permission to create, and everything else can pass. That holds
/// whatever the body of the response is: a gateway in front of the Orchestrator has its own.
fn fails_every_call(error: &Error) -> bool {
    match error {
        Error::Refused { .. }
        | Error::TimedOut { .. }
        | Error::Lost { .. }
        | Error::OutOfTime { .. }
        | Error::TooLongToWait { .. }
        | Error::Stopped { .. } => false,
        Error::Unexpected { status, .. } | Error::Encoding { status, .. } => {
            *status < 500 && !matches!(*status, 403 | 408 | 429)
        }
        Error::Connect { what, .. } => !matches!(what, ConnectFailure::TimedOut),
        _ => true,
    }
}
