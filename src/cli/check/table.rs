//! The table of several runners: the rows, and the sentences after it.

use super::Results;
use super::checked::RunnerVerdict;
use crate::access::Status;
use crate::cli::source::{LeftOut, Unread};

/// The row of a runner.
pub(super) struct Row {
    /// The name of the runner.
    pub(super) runner: String,
    /// How many checks failed, warned, and were skipped. `None` for a runner that could not be checked.
    pub(super) counts: [Option<usize>; 3],
    /// The result in one word.
    pub(super) result: RunnerVerdict,
}

/// Returns the rows of all runners: first those that were checked, then those that could not be checked.
pub(super) fn rows(results: &Results) -> Vec<Row> {
    let checked = results.checked.iter().map(|one| Row {
        runner: results.name(one.org(), one.id()),
        counts: [Status::Failed, Status::Warned, Status::Skipped].map(|status| Some(one.count(status))),
        result: one.verdict(),
    });
    let unread = results.unread.iter().map(|Unread { org, id, .. }| Row {
        runner: results.name(org, id),
        counts: [None; 3],
        result: RunnerVerdict::NotChecked,
    });
    checked.chain(unread).collect()
}

/// Returns a count as it is shown.
pub(super) fn cell(count: Option<usize>) -> String {
    count.map_or("-".to_owned(), |count| count.to_string())
}

/// Returns the sentences about the runners that could not be checked and those that are left out.
pub(super) fn notes(results: &Results) -> impl Iterator<Item = String> {
    let unread = results.unread.iter();
    let unread = unread.map(|unread| {
        let name = results.name(&unread.org, &unread.id);
        format!("Runner {name:?} could not be checked: {}", unread.reason())
    });
    let left_out = results.left_out.iter();
    let left_out = left_out
        .map(|LeftOut { org, id, reason }| format!("Runner {:?} is left out: {reason}.", results.name(org, id)));
    unread.chain(left_out)
}
