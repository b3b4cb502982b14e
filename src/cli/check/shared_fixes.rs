//! Fixes that several runners or several checks share.

use std::collections::HashMap;

use super::Checked;
use crate::access::{Cause, CheckId, CheckResult, Remedy, TrustMembers};

/// Makes each fix cover all runners that share a role whose trust policy it changes: if a role does not trust three runners,
/// one trust policy must admit all of them, because a policy for one would overwrite the policies for the others.
pub(super) fn share(runners: &mut [Checked]) {
    let mut members = TrustMembers::default();
    for_each_remedy(runners, |remedy| members.add(&remedy.fix));
    for_each_remedy(runners, |remedy| {
        remedy.fix = remedy.fix.for_members(&members);
    });
}

fn for_each_remedy(runners: &mut [Checked], mut change: impl FnMut(&mut Remedy)) {
    let results = runners.iter_mut().flat_map(|one| &mut one.report.checks);
    for remedy in results.filter_map(|result| result.outcome.remedy.as_mut()) {
        change(remedy);
    }
}

/// The fixes that were shown, by their causes: the runner and the check that they belong to.
#[derive(Default)]
pub(super) struct ShownFixes<'a>(HashMap<&'a Cause, (String, CheckId)>);

/// How the fix of a check is shown.
pub(super) enum ShownFix {
    /// The fix, which was not shown yet.
    Text(String),
    /// The check that has shown it. The name of the runner is `None` if it is the same one.
    Above { check: CheckId, runner: Option<String> },
}

impl<'a> ShownFixes<'a> {
    /// Returns how to show the fix of a check of a runner with this name. `None` if there is no fix.
    pub(super) fn show(&mut self, CheckResult { id, outcome, .. }: &'a CheckResult, runner: &str) -> Option<ShownFix> {
        let (cause, fix) = (outcome.cause()?, outcome.fix_text()?);
        Some(match self.0.get(cause) {
            Some((first, check)) => ShownFix::Above {
                check: *check,
                runner: (first != runner).then(|| first.clone()),
            },
            None => {
                self.0.insert(cause, (runner.to_owned(), *id));
                ShownFix::Text(fix)
            }
        })
    }
}
