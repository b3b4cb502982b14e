//! The checks, each in its own file, and the list of them.
//!
//! A check is a value of type [`Check`]: its static description, and the function that runs it. A new check is a new
//! file with such a value, an entry in [`CHECKS`], and a heading in the guide.

mod api_server;
mod assume_role;
mod aws_credentials;
mod cluster_active;
mod cluster_endpoint;
mod job_dry_run;
mod namespace;
mod pod_identity;
mod pod_template_refs;
mod scheduling;
mod service_account;
mod session_name;
mod state_storage;

// Checks of one topic, with what they have in common.
mod mapping;
mod rbac;
mod role;

// What checks of several topics have in common.
mod findings;
mod job_namespace;
mod token_mount;

use std::fmt;
use std::str::FromStr;

use futures_util::future::{BoxFuture, join_all, ready};

use super::check::{CheckId, CheckInfo};
use super::check_error::CheckError;
use super::kubernetes::KubeError;
use super::outcome::Outcome;
use super::run::Run;
use super::settings::CheckSetting;
use super::subject::Subject;
use crate::spelling::nearest;

/// A check: its static description, and the functions that run it.
struct Check {
    info: CheckInfo,
    run: RunCheck,
    without_calls: fn(&Run<'_>) -> Option<Outcome>,
    /// Whether the check cannot fail for a runner, because a Job runs without the object that it checks.
    only_warns: fn(&Subject) -> bool,
    look_ahead: LookAhead,
    calls: &'static [CheckSetting],
    uses: &'static [CheckSetting],
}

/// Runs a check. An outcome that ends it early is its error.
type RunCheck = for<'run> fn(&'run Run<'_>) -> BoxFuture<'run, Result<Outcome, CheckError>>;

/// Makes calls of a check before the checks that it needs have passed.
type LookAhead = for<'run> fn(&'run Run<'_>) -> BoxFuture<'run, ()>;

impl Check {
    /// Creates a check that makes no call early, and whose outcome never follows from the runner alone.
    const fn new(info: CheckInfo, run: RunCheck) -> Self {
        Self {
            info,
            run,
            without_calls: |_| None,
            only_warns: |_| false,
            look_ahead: |_| Box::pin(ready(())),
            calls: &[],
            uses: &[],
        }
    }

    /// Sets what returns the outcome that follows from the runner and the settings alone, such as that the check does
    /// not apply, whatever the outcomes of the other checks are.
    const fn without_calls(mut self, without_calls: fn(&Run<'_>) -> Option<Outcome>) -> Self {
        self.without_calls = without_calls;
        self
    }

    /// Sets what returns whether the check cannot fail for a runner.
    const fn only_warns_for(mut self, only_warns: fn(&Subject) -> bool) -> Self {
        self.only_warns = only_warns;
        self
    }

    /// Sets what makes the check's calls early. The run shares the responses, so that no call is made twice.
    const fn look_ahead(mut self, look_ahead: LookAhead) -> Self {
        self.look_ahead = look_ahead;
        self
    }

    /// Sets the settings of the connections that the check uses: [`CheckSetting::AWS`] or [`CheckSetting::CLUSTER`].
    const fn calls(mut self, settings: &'static [CheckSetting]) -> Self {
        self.calls = settings;
        self
    }

    /// Sets the settings on which the check's outcome depends, of those that describe an installation of the
    /// Orchestrator.
    const fn uses(mut self, settings: &'static [CheckSetting]) -> Self {
        self.uses = settings;
        self
    }

    const fn id(&'static self) -> CheckId {
        CheckId::new(&self.info)
    }
}

/// Every check, in the order in which the Orchestrator uses what they check. A check comes after those that it needs.
static CHECKS: &[&Check] = &[
    &session_name::CHECK,
    &role::oidc_issuer::CHECK,
    &aws_credentials::CHECK,
    &role::role_exists::CHECK,
    &role::oidc_provider::CHECK,
    &role::role_trust::CHECK,
    &role::role_permission::CHECK,
    &assume_role::CHECK,
    &cluster_active::CHECK,
    &cluster_endpoint::CHECK,
    &mapping::access_entry::CHECK,
    &api_server::CHECK,
    &namespace::CHECK,
    &service_account::CHECK,
    &pod_identity::CHECK,
    &rbac::rbac_create_jobs::CHECK,
    &rbac::rbac_get_jobs::CHECK,
    &rbac::rbac_list_pods::CHECK,
    &rbac::rbac_list_events::CHECK,
    &pod_template_refs::CHECK,
    &job_dry_run::CHECK,
    &scheduling::CHECK,
    &state_storage::CHECK,
];

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

    /// The check of what maps the role to a user of the cluster.
    pub(super) const ACCESS_ENTRY: Self = mapping::access_entry::CHECK.id();

    /// The check that the Job's namespace exists, which every check in the namespace builds on.
    pub(super) const NAMESPACE: Self = namespace::CHECK.id();

    /// The check that the caller reaches the cluster's API.
    pub(super) const API_SERVER: Self = api_server::CHECK.id();

    /// The check that tries the Job, on whose result other checks build.
    pub(super) const JOB_DRY_RUN: Self = job_dry_run::CHECK.id();

    /// Returns the checks whose outcomes depend on a setting, in order.
    pub fn using(setting: CheckSetting) -> impl Iterator<Item = Self> {
        let using = CHECKS
            .iter()
            .filter(move |check| check.uses.contains(&setting) || check.calls.contains(&setting));
        using.map(|check| check.id())
    }

    /// Returns the checks whose outcomes depend on a setting, as a part of a sentence, each between two quotation marks.
    #[must_use]
    pub fn list_using(setting: CheckSetting, quote: &str) -> String {
        let ids = Self::using(setting).map(|id| format!("{quote}{id}{quote}"));
        match ids.collect::<Vec<String>>().as_slice() {
            [first, second] => format!("{first} and {second}"),
            [first @ .., last] if !first.is_empty() => format!("{}, and {last}", first.join(", ")),
            ids => ids.concat(),
        }
    }
}

/// Returns the check with this identity, or `None` if it is not in the list.
fn find(id: CheckId) -> Option<&'static Check> {
    CHECKS.iter().copied().find(|check| check.id() == id)
}

/// Runs one check.
pub(super) async fn run(run: &Run<'_>, id: CheckId) -> Outcome {
    match find(id) {
        Some(check) => (check.run)(run).await.unwrap_or_else(Outcome::from),
        // This would be a bug. A run without the check must not pass for a complete one.
        None => Outcome::incomplete("an unknown check", "The check is not in the list."),
    }
}

/// Returns the outcome of a check that follows from the runner and the settings alone.
pub(super) fn without_calls(run: &Run<'_>, id: CheckId) -> Option<Outcome> {
    (find(id)?.without_calls)(run)
}

/// Returns whether a check cannot fail for a runner.
pub(super) fn only_warns(subject: &Subject, id: CheckId) -> bool {
    find(id).is_some_and(|check| (check.only_warns)(subject))
}

/// Makes the calls that the checks will need once those that they need have passed, so that a run does not wait for one
/// call after the other.
pub(super) async fn look_ahead(run: &Run<'_>) {
    let checks = CHECKS.iter().filter(|check| run.settings().runs(check.id()));
    join_all(checks.map(|check| (check.look_ahead)(run))).await;
}

/// Reads a path of the cluster's API for a check that reads it later.
async fn read_ahead(run: &Run<'_>, path: Result<String, CheckError>) {
    if let (Ok(path), Ok(cluster)) = (path, run.cluster().await) {
        let _ = cluster.get(path).await;
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
        format!("The {who} has no permission to {action}: {}.", error.message()),
    )
}

#[cfg(test)]
impl super::check::CheckResult {
    /// Returns the result of a check for a runner whose values are unknown until apply.
    pub(crate) fn fixture(id: CheckId, outcome: Outcome) -> Self {
        Self {
            id,
            outcome,
            only_warns: only_warns(&Subject::unknown(), id),
        }
    }
}

/// The error for a string that is not the ID of a check.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct UnknownCheck(pub String);

impl fmt::Display for UnknownCheck {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names = CheckId::ALL.map(|id| id.as_str().to_owned());
        write!(f, "{:?} is not the ID of a check.", self.0)?;
        if let Some(name) = nearest(&self.0, names.iter()) {
            write!(f, " Did you mean {name:?}?")?;
        }
        write!(f, " The IDs are {}.", names.join(", "))
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
    use crate::runner::{StateStorage, StorageType};

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

    /// Returns the values of `type` with which a check cannot fail.
    fn storages_without_a_failure(id: CheckId) -> Vec<&'static str> {
        let types = StorageType::ALL.into_iter();
        let subject = |kind: StorageType| {
            let storage: StateStorage = serde_json::from_value(serde_json::json!({
                "type": kind.name(), "namespace": "n", "bucket": "b", "storage_account_name": "a", "container_name": "c",
            }))
            .unwrap();
            Subject {
                storage: storage.into(),
                ..Subject::unknown()
            }
        };
        let of_check = types.filter(|kind| only_warns(&subject(*kind), id));
        of_check.map(StorageType::name).collect()
    }

    #[test]
    fn the_guide_lists_the_checks_that_only_warn() {
        let guide = include_str!("../../../templates/guides/eks-access-results.md");
        let line = guide
            .lines()
            .find_map(|line| line.strip_prefix("Checks that can only warn do not make the checks incomplete: "));
        let mut always = Vec::new();
        let mut for_some = Vec::new();
        for id in CheckId::ALL.into_iter().rev() {
            match storages_without_a_failure(id).as_slice() {
                [] => {}
                all if all.len() == StorageType::ALL.len() => always.insert(0, format!("`{id}`")),
                ["kubernetes", "gcs", "azurerm"] => {
                    for_some.push(format!("`{id}` if the state is not kept in S3"));
                }
                types => for_some.push(format!("`{id}` for `{}`", types.join("` and `"))),
            }
        }
        let (last, first) = always.split_last().unwrap();
        let list = format!("{}, and {last}, {}.", first.join(", "), for_some.join(", and "));
        assert_eq!(line, Some(&*list));
    }

    #[test]
    fn an_unknown_id_is_reported_with_the_nearest_one() {
        let error = |text: &str| text.parse::<CheckId>().unwrap_err().to_string();
        let near = error("role-exist");
        assert!(
            near.starts_with("\"role-exist\" is not the ID of a check. Did you mean \"role-exists\"?"),
            "{near}"
        );
        for text in ["", "nope", "ROLE-EXISTS "] {
            let far = error(text);
            assert!(far.contains("The IDs are session-name, "), "{far}");
        }
    }

    /// A connection that a check needs is declared: the check itself makes calls of the same kind, because another one that
    /// it needs can be skipped.
    #[test]
    fn a_check_declares_the_connections_that_it_needs() {
        for check in CHECKS {
            for as_runner in [false, true] {
                for needed in check.id().needs(as_runner) {
                    for setting in find(*needed).unwrap().calls {
                        assert!(check.calls.contains(setting), "{}: {setting:?}", check.id());
                    }
                }
            }
        }
        let without: Vec<CheckId> = CHECKS
            .iter()
            .filter(|check| check.calls.is_empty())
            .map(|check| check.id())
            .collect();
        assert_eq!(without, [session_name::CHECK.id(), role::oidc_issuer::CHECK.id()]);
        assert_eq!(
            CheckId::using(CheckSetting::Kubeconfig).next(),
            Some(CheckId::ACCESS_ENTRY)
        );
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
