//! The check `state-storage`: the Job's pod can store the deployments' state.

mod bucket;
mod bucket_access;
mod container;
mod credentials;
mod endpoint;
mod job_role;
mod key;
mod kube_variables;
mod kubernetes;
mod refused;
mod region;
mod s3;

use super::{Check, api_server};
use crate::access::check::{Category, CheckInfo};
use crate::access::check_error::CheckError;
use crate::access::outcome::Outcome;
use crate::access::run::{Run, known};
use crate::access::settings::CheckSetting;
use crate::runner::{AzurermStorage, StateStorage};
use credentials::{AZURERM, GCS};

pub(super) static CHECK: Check = Check::new(
    CheckInfo {
        id: "state-storage",
        title: "The Job can store the deployments' state",
        category: Category::State,
        attribute: &["state_storage_configuration"],
        caller_needs: &[api_server::CHECK.id()],
        runner_needs: &[api_server::CHECK.id()],
    },
    |run| Box::pin(check(run)),
)
.calls(CheckSetting::CLUSTER)
// The permissions that a Job needs for its state depend on the program that its image runs.
.uses(&[CheckSetting::RunnerImage])
.without_calls(without_calls)
.only_warns_for(|subject| {
    let storage = subject.storage.get();
    storage.is_some_and(StateStorage::is_in_another_cloud)
})
.look_ahead(|run| Box::pin(look_ahead(run)));

/// Returns the outcome that follows from the runner alone.
fn without_calls(run: &Run<'_>) -> Option<Outcome> {
    match known(&run.subject.storage, "state storage") {
        Ok(StateStorage::Kubernetes(_)) => kubernetes::without_calls(run),
        Ok(StateStorage::Gcs(_)) => credentials::without_calls(run, &GCS, false),
        Ok(StateStorage::Azurerm(storage)) => credentials::without_calls(run, &AZURERM, has_group(storage)),
        Ok(StateStorage::S3(_)) => None,
        Err(error) => Some(error.into()),
    }
}

async fn check(run: &Run<'_>) -> Result<Outcome, CheckError> {
    match known(&run.subject.storage, "state storage")? {
        StateStorage::Kubernetes(storage) => kubernetes::check(run, storage).await,
        StateStorage::S3(storage) => s3::check(run, storage).await,
        StateStorage::Gcs(_) => credentials::check(run, &GCS, false).await,
        StateStorage::Azurerm(storage) => credentials::check(run, &AZURERM, has_group(storage)).await,
    }
}

/// Returns whether the state storage names a resource group.
fn has_group(storage: &AzurermStorage) -> bool {
    let group = storage.resource_group_name.as_deref();
    group.is_some_and(|group| !group.is_empty())
}

/// Makes the calls for an S3 bucket, which follow from each other: its region, its policy, its key, and the policy of the
/// key.
async fn look_ahead(run: &Run<'_>) {
    let storage = run.subject.storage.get();
    if let Some(storage) = storage.and_then(StateStorage::bucket_in_s3) {
        let _ = s3::check(run, storage).await;
    }
}
