//! What the runner's user is allowed to do in the Job's namespace.

pub(super) mod access_policies;
pub(super) mod rbac_create_jobs;
pub(super) mod rbac_get_jobs;
pub(super) mod rbac_list_events;
pub(super) mod rbac_list_pods;
pub(super) mod right;

mod bindings;
pub(super) mod grants;
mod rights_review;
