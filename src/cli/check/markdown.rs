//! The report as Markdown, for the summary of a CI job.

use std::fmt::Write as _;

use super::Checked;
use crate::access::{Category, CheckId, CheckResult, Known, Report, Skip, Status};

/// The classes of the graph's nodes. The colors have enough contrast in a light and in a dark theme.
const CLASSES: &str = concat!(
    "  classDef passed fill:#1a7f37,stroke:#1a7f37,color:#ffffff\n",
    "  classDef warned fill:#9a6700,stroke:#9a6700,color:#ffffff\n",
    "  classDef failed fill:#cf222e,stroke:#cf222e,color:#ffffff\n",
    "  classDef skipped fill:#6e7781,stroke:#6e7781,color:#ffffff,stroke-dasharray:4\n",
);

/// Returns the chain from the Orchestrator to the Job as a graph, what is wrong with its fixes, and all checks.
pub(super) fn render(checked: &Checked) -> String {
    let report = &checked.report;
    let subject = &checked.source.subject;
    let known = |value: &Known<String>| escape(value.get().map_or("", String::as_str));
    let mut text = format!(
        "## EKS access of runner {} in {}\n\nCluster {} in {}: {}.\n\n",
        known(&subject.runner_id),
        known(&subject.org),
        known(&subject.cluster),
        known(&subject.region),
        counts(report),
    );
    if let Some(reason) = report.incomplete_reason() {
        let _ = writeln!(text, "{}\n", escape(&reason));
    }
    graph(&mut text, report);
    for result in &report.checks {
        if matches!(result.outcome.status, Status::Failed | Status::Warned) {
            finding(&mut text, result);
        }
    }
    let _ = writeln!(
        text,
        "<details>\n<summary>All checks</summary>\n\n| Check | Status | Message |\n| --- | --- | --- |"
    );
    for CheckResult { id, outcome } in &report.checks {
        let message = escape(&outcome.message);
        let _ = writeln!(text, "| {id} | {} | {message} |", outcome.status);
    }
    text.push_str("\n</details>\n");
    text
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
    let mut categories: Vec<Category> = Vec::new();
    for id in CheckId::ALL {
        if !categories.contains(&id.category()) {
            categories.push(id.category());
        }
    }
    let mut before = "orchestrator".to_owned();
    for (position, category) in categories.into_iter().enumerate() {
        let of_category = |result: &&CheckResult| result.id.category() == category;
        let results: Vec<&CheckResult> = report.checks.iter().filter(of_category).collect();
        let status = worst(&results);
        let wrong = results.iter().filter(|result| {
            result.outcome.status == status && matches!(status, Status::Failed | Status::Warned)
        });
        let wrong: String = wrong.map(|result| format!("<br/>{}", result.id)).collect();
        let title = category.title();
        let _ = write!(
            text,
            "\n  {before} --> stage{position}[\"{title}{wrong}\"]:::{status}"
        );
        before = format!("stage{position}");
    }
    let _ = write!(text, "\n{CLASSES}```\n\n");
}

/// Returns the status of a category: the first of failed, skipped because the check could not run, warned, and passed
/// that one of its checks has.
fn worst(results: &[&CheckResult]) -> Status {
    let any = |status| results.iter().any(|result| result.outcome.status == status);
    let is_unknown = |result: &&CheckResult| {
        let skip = &result.outcome.skip;
        matches!(skip, Some(Skip::Incomplete(_) | Skip::Blocked)) && !result.id.only_warns()
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

/// Writes a failure or a warning with its fix.
fn finding(text: &mut String, CheckResult { id, outcome }: &CheckResult) {
    let _ = writeln!(
        text,
        "### {id}: {}\n\n{}\n",
        outcome.status,
        escape(&outcome.message)
    );
    for (label, value) in [("Expected", outcome.expected()), ("Found", outcome.found())] {
        if let Some(value) = value {
            let _ = writeln!(text, "{label}:\n\n{}\n", code(value));
        }
    }
    if let Some(fix) = outcome.fix_text() {
        let _ = writeln!(
            text,
            "<details>\n<summary>Fix</summary>\n\n{}\n\n</details>\n",
            code(&fix)
        );
    }
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
fn escape(text: &str) -> String {
    let mut escaped = String::new();
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '\n' => escaped.push_str("<br>"),
            // A mention would notify people.
            '@' => escaped.push_str("&#64;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '~' | '#' | '$' => {
                escaped.push('\\');
                escaped.push(character);
            }
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn foreign_text_stays_text() {
        assert_eq!(
            escape("<b>|a_b|\n@x `y`"),
            "&lt;b&gt;\\|a\\_b\\|<br>&#64;x \\`y\\`"
        );
        assert_eq!(code("a ```` b\n"), "`````text\na ```` b\n`````");
        assert_eq!(code("a"), "```text\na\n```");
    }
}
