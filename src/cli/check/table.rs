//! The table of several runners: the rows, and the sentences after it.

use super::Results;
use crate::access::Status;
use crate::cli::source::{LeftOut, Unread};

/// The row of a runner.
pub(super) struct Row {
    /// The runner's ID, with the organization if there are several.
    pub(super) runner: String,
    /// How many checks failed, warned, and were skipped. `None` for a runner that could not be checked.
    pub(super) counts: [Option<usize>; 3],
    /// The result in one word.
    pub(super) result: &'static str,
}

/// Returns the rows of all runners: first those that were checked, then those that could not be checked.
pub(super) fn rows(results: &Results) -> Vec<Row> {
    let has_one_org = results.orgs().len() < 2;
    let name = |org: &str, id: &str| {
        if has_one_org {
            id.to_owned()
        } else {
            format!("{org}/{id}")
        }
    };
    let checked = results.checked.iter().map(|one| Row {
        runner: name(one.org(), one.id()),
        counts: [Status::Failed, Status::Warned, Status::Skipped]
            .map(|status| Some(one.count(status))),
        result: one.verdict(),
    });
    let unread = results.unread.iter().map(|Unread { org, id, .. }| Row {
        runner: name(org, id),
        counts: [None; 3],
        result: "not checked",
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
        format!(
            "Runner {:?} could not be checked: {}",
            unread.id,
            unread.reason()
        )
    });
    let left_out = results.left_out.iter();
    let left_out =
        left_out.map(|LeftOut { id, reason, .. }| format!("Runner {id:?} is left out: {reason}."));
    unread.chain(left_out)
}
