//! The report as text for people.

use std::collections::HashMap;
use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};

use crate::access::{Cause, CheckId, CheckResult, Known, Report, Status, Subject};

const BOLD: Style = Style::new().bold();
const FAINT: Style = Style::new().dimmed();
/// The column of the messages, after the symbol and the longest id.
const COLUMN: usize = 2 + CheckId::LONGEST + 2;

/// Returns every check below its category, then the names and the counts, and finally why the run is not complete if it
/// is not. The text contains colors, which the writer removes if the output does not support them.
pub(super) fn render(subject: &Subject, report: &Report) -> String {
    let mut text = String::new();
    let mut fixes = HashMap::new();
    let mut category = None;
    heading(&mut text, subject);
    // The categories are in the order of their first checks, and the checks of a category keep their order.
    let mut checks: Vec<&CheckResult> = report.checks.iter().collect();
    let first = |result: &CheckResult| {
        let category = result.id.category();
        report
            .checks
            .iter()
            .position(|other| other.id.category() == category)
    };
    checks.sort_by_key(|result| first(result));
    for result in checks {
        if category != Some(result.id.category()) {
            category = Some(result.id.category());
            let _ = writeln!(text, "\n{BOLD}{}{BOLD:#}", result.id.category().title());
        }
        one(&mut text, result, &mut fixes);
    }
    summary(&mut text, report);
    text
}

/// Writes the first line, which names the runner and its cluster.
fn heading(text: &mut String, subject: &Subject) {
    let known = |value: &Known<String>| value.get().cloned().unwrap_or_default();
    let _ = writeln!(
        text,
        "EKS access checks for runner {} of organization {}, cluster {} in {}",
        known(&subject.runner_id),
        known(&subject.org),
        known(&subject.cluster),
        known(&subject.region),
    );
}

/// Writes one check. `fixes` are the ones that were printed, by their causes.
fn one<'a>(text: &mut String, result: &'a CheckResult, fixes: &mut HashMap<&'a Cause, CheckId>) {
    let CheckResult { id, outcome } = result;
    let (symbol, color) = match outcome.status {
        Status::Passed => ("√", Some(AnsiColor::Green)),
        Status::Warned => ("‼", Some(AnsiColor::Yellow)),
        Status::Failed => ("×", Some(AnsiColor::Red)),
        Status::Skipped => ("-", None),
    };
    let style = color.map_or(FAINT, |color| color.on_default());
    let (skipped, message) = match outcome.status {
        Status::Skipped => ("skipped: ", outcome.message.as_str()),
        _ => ("", outcome.message.as_str()),
    };
    let message = indent(message, COLUMN);
    let _ = writeln!(
        text,
        "{style}{symbol}{style:#} {id:<width$}  {skipped}{}",
        message.trim_start(),
        width = CheckId::LONGEST
    );
    let part = |label: &str, value: Option<&str>, text: &mut String| {
        if let Some(value) = value {
            let value = indent(value.trim_end(), 14);
            let _ = writeln!(text, "    {label:<9} {}", value.trim_start());
        }
    };
    part("expected:", outcome.expected(), text);
    part("found:", outcome.found(), text);
    if matches!(outcome.status, Status::Failed | Status::Warned) {
        let _ = writeln!(text, "    see:      eks-runner explain {id}");
    }
    if let (Some(cause), Some(fix)) = (outcome.cause(), outcome.fix_text()) {
        let before = fixes.get(cause).copied();
        fixes.entry(cause).or_insert(*id);
        let _ = match before {
            Some(before) => writeln!(text, "    fix:      see {before} above"),
            // The fix is not indented, because an indented end of a here-document does not end it.
            None => writeln!(text, "    fix:\n\n{}\n", fix.trim_end()),
        };
    }
}

/// Returns the text with every line indented that is not empty.
fn indent(text: &str, width: usize) -> String {
    let lines: Vec<String> = text
        .lines()
        .map(|line| match line {
            "" => String::new(),
            line => format!("{:width$}{line}", ""),
        })
        .collect();
    lines.join("\n")
}

/// Writes the names that the runner has, and the counts of the statuses.
fn summary(text: &mut String, report: &Report) {
    let names = [
        ("session name", &report.session_name),
        ("OIDC subject", &report.oidc_subject),
        ("Kubernetes user", &report.kubernetes_user),
    ];
    text.push('\n');
    for (label, name) in names {
        if let Some(name) = name {
            let _ = writeln!(text, "{label:<15}  {name}");
        }
    }
    let count = |status| report.with_status(status).count();
    let [passed, warned, failed, skipped] = [
        Status::Passed,
        Status::Warned,
        Status::Failed,
        Status::Skipped,
    ]
    .map(count);
    let reason = report.incomplete_reason();
    let style = match (failed, warned, &reason) {
        (0, 0, None) => AnsiColor::Green,
        (0, _, _) => AnsiColor::Yellow,
        _ => AnsiColor::Red,
    };
    let style = style.on_default().bold();
    let _ = writeln!(
        text,
        "\n{style}{passed} passed, {failed} failed, {warned} warned, {skipped} skipped{style:#}"
    );
    if let Some(reason) = reason {
        let _ = writeln!(text, "{reason}");
    }
}
