//! The check `session-name`.

use std::ops::RangeInclusive;

use super::Check;
use crate::access::cause::{Cause, RunnerCause};
use crate::access::check::{Category, CheckInfo};
use crate::access::check_error::CheckError;
use crate::access::fix::Fix;
use crate::access::outcome::Outcome;
use crate::access::run::{Run, unknown};
use crate::frontend::Frontend;
use crate::runner::is_name_character;

pub(super) static CHECK: Check = Check::new(
    CheckInfo {
        id: "session-name",
        title: "STS accepts the session name",
        category: Category::Identity,
        attribute: &["runner_configuration", "cluster", "auth", "session_name"],
        caller_needs: &[],
        runner_needs: &[],
    },
    |run| Box::pin(async move { check(run) }),
);

/// The lengths of a session name that STS accepts.
const LENGTHS: RangeInclusive<usize> = 2..=64;

fn check(run: &Run<'_>) -> Result<Outcome, CheckError> {
    let (name, is_cut) = run.subject.session().ok_or_else(|| unknown("session name"))?;
    let (org, id) = (run.subject.org.get(), run.subject.runner_id.get());
    let whole = org.zip(id).map(|(org, id)| format!("{org}-{id}"));
    let whole = whole.as_deref().filter(|_| is_cut);
    let cause = run.runner_cause(RunnerCause::SessionName);
    Ok(judge(&name, whole, run.settings().frontend, cause))
}

/// Returns whether STS accepts a session name. `whole` is the default, if it had to be cut.
fn judge(name: &str, whole: Option<&str>, frontend: Frontend, cause: Cause) -> Outcome {
    if let Some(problem) = problem(name) {
        return Outcome::failed(format!("STS refuses the session name {name:?}: {problem}."))
            .compare("2 to 64 letters, digits, and _+=,.@-", format!("{name:?}"))
            .fix(cause, Fix::set_auth(frontend, "session_name", corrected(name)));
    }
    if let Some(whole) = whole {
        return Outcome::warned(format!(
            "The session name is {name:?}: the default, {{org}}-{{runner id}}, was cut to 64 characters. \
             Runners whose IDs begin with the same characters share this session name, and with it one Kubernetes \
             user. After you set session_name, change the subject of the runner's RoleBinding to the new user."
        ))
        .fix(cause, Fix::set_auth(frontend, "session_name", both_ends(whole)));
    }
    let as_user = if name.contains('@') {
        " In the Kubernetes user name, each @ is replaced by -."
    } else {
        ""
    };
    Outcome::passed(format!("The session name is {name:?}.{as_user}"))
}

/// Returns why STS refuses a name, as a clause.
fn problem(name: &str) -> Option<String> {
    let length = name.chars().count();
    match name.chars().find(|&c| !is_name_character(c)) {
        Some(stray) => Some(format!("it contains {stray:?}")),
        None if !LENGTHS.contains(&length) => Some(format!("it has {length} characters")),
        None => None,
    }
}

/// Returns a name like the refused one that STS accepts.
fn corrected(name: &str) -> String {
    let mut valid: String = name
        .chars()
        .map(|c| if is_name_character(c) { c } else { '-' })
        .take(*LENGTHS.end())
        .collect();
    if valid.len() < *LENGTHS.start() {
        valid.push_str("-runner");
    }
    valid
}

/// Returns a name of 64 characters with both ends of a name that is too long, because such names differ at their ends.
fn both_ends(name: &str) -> String {
    let characters: Vec<char> = name.chars().collect();
    let half = (LENGTHS.end() - 1) / 2;
    let (start, end) = (
        &characters[..half.min(characters.len())],
        &characters[characters.len().saturating_sub(half + 1)..],
    );
    start.iter().chain(['-'].iter()).chain(end).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::outcome::Status;

    fn judge(name: &str, whole: Option<&str>) -> Outcome {
        super::judge(name, whole, Frontend::Command, Cause::NoCredentials)
    }

    #[test]
    fn session_names_are_judged_as_sts_does() {
        let long = "x".repeat(65);
        let cut_from = format!("my-org-{}-end", "x".repeat(70));
        let cut = Some(cut_from.as_str());
        for (name, whole, status) in [
            ("my-org-my-runner", None, Status::Passed),
            ("me@org", None, Status::Passed),
            ("a+b=c,d.e_f", None, Status::Passed),
            ("cut", cut, Status::Warned),
            ("a/b", None, Status::Failed),
            ("a b", None, Status::Failed),
            ("é", None, Status::Failed),
            ("x", None, Status::Failed),
            ("", None, Status::Failed),
            (long.as_str(), None, Status::Failed),
        ] {
            let outcome = judge(name, whole);
            assert_eq!(outcome.status, status, "{name}");
            if status != Status::Passed {
                let fix = outcome.fix_text().unwrap();
                let fixed = fix.split('"').nth(1).unwrap();
                assert_eq!(judge(fixed, None).status, Status::Passed, "{fix}");
            }
        }
        let own = both_ends(&cut_from);
        assert!(
            own.len() == 64 && own.starts_with("my-org-x") && own.ends_with("x-end"),
            "{own}"
        );
        assert!(judge("me@org", None).message.contains("is replaced by -"));
    }
}
