//! The report as Markdown, for the summary of a CI job.

use std::fmt::Write as _;

use super::shared_fixes::{ShownFix, ShownFixes};
use super::table::{self, Row};
use super::{Checked, ReportFormat, Results, unchecked};
use crate::access::{Category, CheckResult, Report, Skip, Status};
use crate::cli::json::Failure;

/// The classes of the graph's nodes. The colors have enough contrast in a light and in a dark theme.
const CLASSES: &str = concat!(
    "  classDef passed fill:#1a7f37,stroke:#1a7f37,color:#ffffff\n",
    "  classDef warned fill:#9a6700,stroke:#9a6700,color:#ffffff\n",
    "  classDef failed fill:#cf222e,stroke:#cf222e,color:#ffffff\n",
    "  classDef skipped fill:#6e7781,stroke:#6e7781,color:#ffffff,stroke-dasharray:4\n",
);

pub(super) static FORMAT: ReportFormat = ReportFormat {
    render: |results, _| Ok(render(results)),
    failure: |reason, _, _| Some(failure(reason)),
};

/// The longest summary, in bytes: GitHub drops a summary of more than 1 MiB ("Job summaries" in the workflow commands of GitHub
/// Actions). A part of it is left for the sentence about the sections that are left out.
const LIMIT: usize = (1 << 20) - (1 << 10);

/// Returns the section of each runner. Several runners have a table before the sections, which end before the text is too
/// long.
fn render(results: &Results) -> String {
    let mut text = String::new();
    let mut fixes = ShownFixes::default();
    if results.are_several {
        overview(&mut text, results, &mut fixes);
    }
    for (index, checked) in results.checked.iter().enumerate() {
        let before = text.len();
        let name = results.name(checked.org(), checked.id());
        section(&mut text, checked, &name, results.are_several, &mut fixes);
        if results.are_several && text.len() > LIMIT {
            // A section after this one could refer to a fix in it.
            text.truncate(before);
            let _ = writeln!(
                text,
                "The sections of {} of {} are left out, because GitHub shows no summary that is larger than 1 MiB. \
                 `--output json` has all results.",
                results.checked.len() - index,
                results.runners(),
            );
            break;
        }
    }
    text
}

/// Returns the section that says why there is no result.
fn failure(failure: &Failure<'_>) -> String {
    format!("## EKS access: not checked\n\n{}\n", code(&failure.message))
}

/// Writes the table of the runners, which runners were not checked, and which checks could not run, and why.
fn overview<'a>(text: &mut String, results: &'a Results, fixes: &mut ShownFixes<'a>) {
    let orgs: Vec<String> = results.orgs().into_iter().map(escape).collect();
    let _ = writeln!(
        text,
        "## EKS access of {} in {}\n\n| Runner | Failed | Warnings | Skipped | Result |\n\
         | --- | ---: | ---: | ---: | --- |",
        results.runners(),
        orgs.join(", ")
    );
    for row in table::rows(results) {
        let Row { runner, counts, result } = row;
        let [failed, warned, skipped] = counts.map(table::cell);
        let _ = writeln!(
            text,
            "| {} | {failed} | {warned} | {skipped} | {result} |",
            escape(&runner)
        );
    }
    text.push('\n');
    for line in table::notes(results) {
        let _ = writeln!(text, "{}\n", escape(&line));
    }
    let groups = unchecked::groups(results);
    if !groups.is_empty() {
        text.push_str("### Checks that could not run\n\n");
    }
    for group in &groups {
        let _ = writeln!(
            text,
            "{}\n\n- Runners: {}\n- Checks: {}\n",
            escape(&group.first.outcome.message),
            escape(&group.runners.join(", ")),
            group.check_list(),
        );
        fix(text, group.first, &group.runners[0], fixes);
    }
}

/// Writes the chain from the Orchestrator to the Job as a graph, what is wrong with its fixes, and all checks. One of
/// several runners without a failure and a warning has only the counts: why its checks could not run is shown above.
fn section<'a>(
    text: &mut String,
    checked: &'a Checked,
    name: &str,
    is_one_of_several: bool,
    fixes: &mut ShownFixes<'a>,
) {
    let report = &checked.report;
    let (level, nested) = if is_one_of_several {
        ("###", "####")
    } else {
        ("##", "###")
    };
    let _ = writeln!(
        text,
        "{level} EKS access of runner {} in {}\n\nCluster {} in {}: {}.\n",
        escape(checked.id()),
        escape(checked.org()),
        escape(checked.cluster()),
        escape(checked.region()),
        counts(report),
    );
    let is_finding = |status| matches!(status, Status::Failed | Status::Warned);
    let mut statuses = report.checks.iter().map(|result| result.outcome.status);
    if is_one_of_several && !statuses.any(is_finding) {
        return;
    }
    if let Some(reason) = report.incomplete_reason() {
        let _ = writeln!(text, "{}\n", escape(&reason));
    }
    graph(text, report);
    for result in &report.checks {
        if is_finding(result.outcome.status) {
            finding(text, result, nested);
            fix(text, result, name, fixes);
        }
    }
    let _ = writeln!(
        text,
        "<details>\n<summary>All checks</summary>\n\n| Check | Status | Message |\n| --- | --- | --- |"
    );
    for CheckResult { id, outcome, .. } in &report.checks {
        let message = escape(&outcome.message);
        let _ = writeln!(text, "| {id} | {} | {message} |", outcome.status);
    }
    text.push_str("\n</details>\n");
    if is_one_of_several {
        text.push('\n');
    }
}

fn counts(report: &Report) -> String {
    let count = |status| report.with_status(status).count();
    format!(
        "{} passed, {} failed, {} warned, {} skipped",
        count(Status::Passed),
        count(Status::Failed),
        count(Status::Warned),
        count(Status::Skipped)
    )
}

/// Writes a graph with a node for each category, in the color of its worst check.
fn graph(text: &mut String, report: &Report) {
    text.push_str("```mermaid\nflowchart LR\n  orchestrator([Orchestrator])");
    let mut before = "orchestrator".to_owned();
    for (position, category) in Category::ALL.into_iter().enumerate() {
        let of_category = |result: &&CheckResult| result.id.category() == category;
        let results: Vec<&CheckResult> = report.checks.iter().filter(of_category).collect();
        let status = worst(&results);
        let wrong = results
            .iter()
            .filter(|result| result.outcome.status == status && matches!(status, Status::Failed | Status::Warned));
        let wrong: String = wrong.map(|result| format!("<br/>{}", result.id)).collect();
        let title = category.title();
        let _ = write!(text, "\n  {before} --> stage{position}[\"{title}{wrong}\"]:::{status}");
        before = format!("stage{position}");
    }
    let _ = write!(text, "\n{CLASSES}```\n\n");
}

/// Returns the status of a category: the first of failed, skipped because the check could not run, warned, and passed
/// that one of its checks has.
fn worst(results: &[&CheckResult]) -> Status {
    let any = |status| results.iter().any(|result| result.outcome.status == status);
    let is_unknown = |result: &&CheckResult| {
        let is_blocked = result.outcome.skip == Some(Skip::Blocked) && !result.only_warns;
        result.is_unchecked() || is_blocked
    };
    if any(Status::Failed) {
        Status::Failed
    } else if results.iter().any(is_unknown) {
        Status::Skipped
    } else if any(Status::Warned) {
        Status::Warned
    } else if any(Status::Passed) {
        Status::Passed
    } else {
        Status::Skipped
    }
}

/// Writes a failure or a warning below a heading of this level.
fn finding(text: &mut String, CheckResult { id, outcome, .. }: &CheckResult, level: &str) {
    let _ = writeln!(
        text,
        "{level} {id}: {}\n\n{}\n",
        outcome.status,
        escape(&outcome.message)
    );
    for (label, value) in [("Expected", outcome.expected()), ("Found", outcome.found())] {
        if let Some(value) = value {
            let _ = writeln!(text, "{label}:\n\n{}\n", code(value));
        }
    }
}

/// Writes the fix of a check, if it has one, or the name of the check and the runner whose section has it.
fn fix<'a>(text: &mut String, result: &'a CheckResult, runner: &str, fixes: &mut ShownFixes<'a>) {
    let _ = match fixes.show(result, runner) {
        Some(ShownFix::Text(fix)) => writeln!(
            text,
            "<details>\n<summary>Fix</summary>\n\n{}\n\n</details>\n",
            code(&fix)
        ),
        Some(ShownFix::Above { check, runner }) => {
            let runner = runner.map(|runner| format!(" of runner {}", escape(&runner)));
            writeln!(
                text,
                "The fix for {check}{} also fixes this check.\n",
                runner.unwrap_or_default()
            )
        }
        None => Ok(()),
    };
}

/// Returns text as a block of code. Its fence is longer than every run of backticks in the text.
fn code(text: &str) -> String {
    let mut longest = 0;
    let mut run = 0;
    for character in text.chars() {
        run = if character == '`' { run + 1 } else { 0 };
        longest = longest.max(run);
    }
    let fence = "`".repeat((longest + 1).max(3));
    format!("{fence}text\n{}\n{fence}", text.trim_end())
}

/// Returns text that Markdown shows as it is, in one line, which a cell of a table needs.
///
/// GitHub replaces mentions, references to issues, and the names of emojis in the text of the finished page, where neither
/// a backslash nor a character reference is left (<https://github.com/github/markup/issues/1153>). An element around their
/// first character keeps them apart. The parts of an ARN before its resource are not the names of emojis.
fn escape(text: &str) -> String {
    let mut escaped = String::new();
    let mut resource = 0;
    for (index, character) in text.char_indices() {
        let rest = &text[index..];
        if rest.starts_with("arn:") {
            let end = rest.match_indices(':').nth(4);
            resource = end.map_or(index, |(length, _)| index + length);
        }
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '\n' => escaped.push_str("<br>"),
            '@' | '#' => {
                let _ = write!(escaped, "<span>{character}</span>");
            }
            ':' if index >= resource && begins_emoji(rest) => escaped.push_str("<span>:</span>"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '~' | '$' => {
                escaped.push('\\');
                escaped.push(character);
            }
            other => escaped.push(other),
        }
    }
    escaped
}

/// Returns whether a text begins with what can be the name of an emoji between colons, such as `:100:`.
fn begins_emoji(text: &str) -> bool {
    let name = text.strip_prefix(':').and_then(|rest| rest.split_once(':'));
    let is_of_name = |character: char| character.is_ascii_alphanumeric() || "_+-".contains(character);
    name.is_some_and(|(name, _)| !name.is_empty() && name.chars().all(is_of_name))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::checked::Policy;
    use super::*;
    use crate::access::{Outcome, Subject};
    use crate::cli::arguments::FailOn;
    use crate::cli::progress::Durations;
    use crate::cli::source::Source;
    use crate::cli::started::Started;

    /// A runner whose role failed with this message.
    fn failed(id: &str, message: &str) -> Checked {
        let runner = serde_json::from_value(json!({
            "id": id,
            "runner_configuration": {
                "type": "kubernetes-eks",
                "cluster": {
                    "name": "c",
                    "region": "us-west-2",
                    "auth": {"role_arn": "arn:aws:iam::123456789012:role/r"},
                },
                "job": {"namespace": "n", "service_account": "s"},
            },
            "state_storage_configuration": {"type": "kubernetes", "namespace": "n"},
        }));
        let result = CheckResult {
            id: "role-exists".parse().unwrap(),
            outcome: Outcome::failed(message),
            only_warns: false,
        };
        Checked {
            source: Source {
                subject: Subject::new("o", &runner.unwrap()).unwrap(),
                file: None,
            },
            report: Report {
                checks: vec![result],
                session_name: None,
                oidc_subject: None,
                kubernetes_user: None,
            },
            durations: Durations::default(),
            policy: Policy {
                fail_on: FailOn::Failure,
                allow_incomplete: false,
            },
        }
    }

    #[test]
    fn a_summary_is_not_larger_than_github_shows() {
        let message = "x".repeat(2000);
        let checked = (0..1000).map(|number| failed(&format!("runner-{number}"), &message));
        let started = Started::now();
        let results = Results {
            started,
            duration: started.elapsed(),
            are_several: true,
            checked: checked.collect(),
            unread: Vec::new(),
            left_out: Vec::new(),
        };
        let text = render(&results);
        assert!((1_000_000..1 << 20).contains(&text.len()), "{}", text.len());
        assert!(text.contains("\n| runner-999 | 1 | 0 | 0 | failed |\n"));
        let sections = text.matches("### EKS access of runner ").count();
        let end = format!(
            "\nThe sections of {} of 1000 runners are left out, because GitHub shows no summary that is larger than 1 MiB. \
             `--output json` has all results.\n",
            1000 - sections
        );
        assert!(text.ends_with(&end), "{}", &text[text.len() - 300..]);
    }

    #[test]
    fn foreign_text_stays_text() {
        assert_eq!(
            escape("<b>|a_b|\n@x `y`"),
            "&lt;b&gt;\\|a\\_b\\|<br><span>@</span>x \\`y\\`"
        );
        for (text, escaped) in [
            ("a:key:b", "a<span>:</span>key:b"),
            (":+1:", "<span>:</span>+1:"),
            ("arn:aws:iam::1:role/a", "arn:aws:iam::1:role/a"),
            (
                "arn:aws:x::1:role:rocket:b",
                "arn:aws:x::1<span>:</span>role<span>:</span>rocket:b",
            ),
            ("https://x:80/a", "https://x:80/a"),
            ("Not here: a, b: c", "Not here: a, b: c"),
            ("role::x", "role::x"),
            ("#1", "<span>#</span>1"),
        ] {
            assert_eq!(escape(text), escaped);
        }
        assert_eq!(code("a ```` b\n"), "`````text\na ```` b\n`````");
        assert_eq!(code("a"), "```text\na\n```");
    }
}
