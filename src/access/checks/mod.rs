//! The checks, each in its own file, and the list of them.
//!
//! A check is a value of type [`Check`]: what is fixed about it, and the function that runs it. A new check is a new
//! file with such a value, an entry in [`CHECKS`], and a heading in the guide.

mod access_entry;
mod api_server;
mod assume_role;
mod aws_credentials;
mod cluster_active;
mod cluster_endpoint;
mod job_dry_run;
mod namespace;
mod oidc_issuer;
mod oidc_provider;
mod pod_identity;
mod pod_template_refs;
mod rbac_create_jobs;
mod rbac_get_jobs;
mod rbac_list_events;
mod rbac_list_pods;
mod role_exists;
mod role_permission;
mod role_trust;
mod service_account;
mod session_name;
mod state_storage;

// What several checks have in common.
mod access_policies;
mod admission;
mod aws_auth_mapping;
mod bindings;
mod entry;
mod findings;
mod grants;
mod job_namespace;
mod right;
mod rights_review;
mod role_refusal;
mod runner_user;
mod token_mount;
mod trust_member;

use std::fmt;
use std::str::FromStr;

use futures_util::future::BoxFuture;

use super::check::{CheckId, CheckInfo};
use super::check_error::CheckError;
use super::kubernetes::KubeError;
use super::outcome::Outcome;
use super::run::Run;
use crate::runner::pod_template::nearest;

/// A check: what is fixed about it, and the functions that run it.
struct Check {
    info: CheckInfo,
    /// Runs the check.
    run: for<'run> fn(&'run Run<'_>) -> CheckFuture<'run>,
    /// Returns the outcome that follows from the runner and the settings alone, such as that the check does not apply,
    /// whatever the outcomes of the other checks are.
    without_calls: fn(&Run<'_>) -> Option<Outcome>,
}

/// A check that is running. An outcome that ends it early is its error.
type CheckFuture<'run> = BoxFuture<'run, Result<Outcome, CheckError>>;

/// Every check, in the order in which the Orchestrator uses what they check. A check comes after those that it needs.
static CHECKS: [&Check; 22] = [
    &session_name::CHECK,
    &oidc_issuer::CHECK,
    &aws_credentials::CHECK,
    &role_exists::CHECK,
    &oidc_provider::CHECK,
    &role_trust::CHECK,
    &role_permission::CHECK,
    &assume_role::CHECK,
    &cluster_active::CHECK,
    &cluster_endpoint::CHECK,
    &access_entry::CHECK,
    &api_server::CHECK,
    &namespace::CHECK,
    &service_account::CHECK,
    &pod_identity::CHECK,
    &rbac_create_jobs::CHECK,
    &rbac_get_jobs::CHECK,
    &rbac_list_pods::CHECK,
    &rbac_list_events::CHECK,
    &pod_template_refs::CHECK,
    &job_dry_run::CHECK,
    &state_storage::CHECK,
];

impl Check {
    const fn id(&'static self) -> CheckId {
        CheckId::new(&self.info)
    }
}

impl CheckId {
    /// Every check, in order.
    pub const ALL: [Self; CHECKS.len()] = {
        let mut all = [CHECKS[0].id(); CHECKS.len()];
        let mut index = 0;
        while index < CHECKS.len() {
            all[index] = CHECKS[index].id();
            index += 1;
        }
        all
    };

    /// The length of the longest id, for tables.
    pub const LONGEST: usize = {
        let (mut longest, mut index) = (0, 0);
        while index < CHECKS.len() {
            let length = CHECKS[index].info.id.len();
            if length > longest {
                longest = length;
            }
            index += 1;
        }
        longest
    };

    /// The check of the caller's credentials, without which nearly nothing can be checked.
    pub const AWS_CREDENTIALS: Self = aws_credentials::CHECK.id();
}

/// Returns the check with this identity, or `None` if it is not in the list.
fn find(id: CheckId) -> Option<&'static Check> {
    CHECKS.into_iter().find(|check| check.id() == id)
}

/// Runs one check.
pub(super) async fn run(run: &Run<'_>, id: CheckId) -> Outcome {
    match find(id) {
        Some(check) => (check.run)(run).await.unwrap_or_else(Outcome::from),
        None => Outcome::not_applicable("The check is not in the list."),
    }
}

/// Returns the outcome of a check that follows from the runner and the settings alone.
pub(super) fn without_calls(run: &Run<'_>, id: CheckId) -> Option<Outcome> {
    (find(id)?.without_calls)(run)
}

/// Makes the calls of checks that would otherwise be chains of calls at the end of a run.
pub(super) async fn look_ahead(run: &Run<'_>) {
    if !run.settings().skip.contains(&state_storage::CHECK.id()) {
        state_storage::look_ahead(run).await;
    }
}

/// Returns the outcome of a check that could not read an object, such as `namespace "x"`.
fn not_read(run: &Run<'_>, object: &str, error: CheckError) -> Outcome {
    not_checked(run, &format!("read {object}"), error)
}

/// Returns the outcome of a check that met an error which says nothing about the runner. `action` is what was tried,
/// such as `create the Job`: the outcome names it if the cluster's API forbids it.
fn not_checked(run: &Run<'_>, action: &str, error: CheckError) -> Outcome {
    match error {
        CheckError::Kube(error) if error.is_forbidden() => forbidden(run, action, &error),
        other => other.into(),
    }
}

fn forbidden(run: &Run<'_>, action: &str, error: &KubeError) -> Outcome {
    let who = if run.as_runner() { "runner" } else { "caller" };
    Outcome::incomplete(
        format!("no permission to {action}"),
        format!(
            "The {who} has no permission to {action}: {}.",
            error.message()
        ),
    )
}

/// The error of a text that is not the id of a check.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct UnknownCheck(pub String);

impl fmt::Display for UnknownCheck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = CheckId::ALL.map(|id| id.as_str().to_owned());
        write!(f, "{:?} is not the id of a check.", self.0)?;
        if let Some(name) = nearest(&self.0, names.iter()) {
            write!(f, " Did you mean {name:?}?")?;
        }
        write!(f, " The ids are {}.", names.join(", "))
    }
}

impl FromStr for CheckId {
    type Err = UnknownCheck;

    fn from_str(text: &str) -> Result<Self, UnknownCheck> {
        let found = Self::ALL.into_iter().find(|id| id.as_str() == text);
        found.ok_or_else(|| UnknownCheck(text.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_id_is_unique_kebab_case_and_parsed_back() {
        let mut seen = BTreeSet::new();
        for id in CheckId::ALL {
            assert!(seen.insert(id.as_str()), "{id} twice");
            assert_eq!(id.as_str().parse(), Ok(id));
            assert!(
                id.as_str()
                    .split('-')
                    .all(|word| !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase())),
                "{id}"
            );
            assert!(!id.title().is_empty() && !id.attribute().is_empty());
            assert!(!id.title().ends_with('.'), "{id}");
        }
    }

    #[test]
    fn an_unknown_id_is_reported_with_the_nearest_one() {
        let error = |text: &str| text.parse::<CheckId>().unwrap_err().to_string();
        let near = error("role-exist");
        assert!(
            near.starts_with(
                "\"role-exist\" is not the id of a check. Did you mean \"role-exists\"?"
            ),
            "{near}"
        );
        for text in ["", "nope", "ROLE-EXISTS "] {
            let far = error(text);
            assert!(far.contains("The ids are session-name, "), "{far}");
        }
    }

    #[test]
    fn a_check_comes_after_those_that_it_needs() {
        let position = |id| CheckId::ALL.iter().position(|other| *other == id);
        for as_runner in [false, true] {
            for id in CheckId::ALL {
                for needed in id.needs(as_runner) {
                    assert!(position(*needed).is_some());
                    assert!(position(*needed) < position(id), "{id} needs {needed}");
                }
            }
        }
    }
}
