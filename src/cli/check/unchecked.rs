//! The checks of several runners that could not run, by their reasons.

use super::Results;
use crate::access::{CheckId, CheckResult};

/// Checks that could not run for one reason.
pub(super) struct UncheckedGroup<'a> {
    /// The check that met the reason itself. The others might only need it.
    pub(super) first: &'a CheckResult,
    /// All checks with this reason.
    pub(super) checks: Vec<CheckId>,
    /// The names of the runners with this reason, in order. The list is never empty.
    pub(super) runners: Vec<String>,
}

impl UncheckedGroup<'_> {
    /// Returns the checks as a list.
    pub(super) fn check_list(&self) -> String {
        let ids: Vec<&str> = self.checks.iter().map(|id| id.as_str()).collect();
        ids.join(", ")
    }
}

/// Returns the reasons of all runners, each once, in the order of the runners.
pub(super) fn groups(results: &Results) -> Vec<UncheckedGroup<'_>> {
    let mut groups: Vec<UncheckedGroup<'_>> = Vec::new();
    for checked in &results.checked {
        let name = results.name(checked.org(), checked.id());
        for unchecked in checked.report.unchecked() {
            let [first, ..] = unchecked.checks.as_slice() else {
                continue;
            };
            let ids = unchecked.checks.iter().map(|result| result.id);
            let is_same = |group: &&mut UncheckedGroup<'_>| {
                (group.first.id, &group.first.outcome.message) == (first.id, &first.outcome.message)
            };
            match groups.iter_mut().find(is_same) {
                Some(group) => {
                    let known = group.checks.clone();
                    group.checks.extend(ids.filter(|id| !known.contains(id)));
                    group.runners.push(name.clone());
                }
                None => groups.push(UncheckedGroup {
                    first,
                    checks: ids.collect(),
                    runners: vec![name.clone()],
                }),
            }
        }
    }
    groups
}
