//! The report as text for people.

use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};
use textwrap::{Options, WordSplitter};

use super::checked::RunnerVerdict;
use super::shared_fixes::{ShownFix, ShownFixes};
use super::table::{self, Row};
use super::{Checked, ReportFormat, Results, unchecked};
use crate::access::{CheckId, CheckResult, Report, Status};
use crate::cli::terminal::Layout;

const BOLD: Style = Style::new().bold();
const FAINT: Style = Style::new().dimmed();
/// The column of the messages, after the symbol and the longest id.
const COLUMN: usize = 2 + CheckId::LONGEST + 2;

pub(super) static FORMAT: ReportFormat = ReportFormat {
    render: |results, layout| Ok(render(results, layout)),
    failure: |failure, _, _| Some(format!("error: {}\n", failure.message)),
};

/// Returns the report of one runner, or the findings of several runners and a table of them. The text contains colors, which
/// the writer removes if the output does not support them.
fn render(results: &Results, layout: Layout) -> String {
    let mut page = Page {
        text: String::new(),
        layout,
    };
    match results.checked.as_slice() {
        [checked] if !results.are_several => page.whole(checked),
        runners => {
            let mut fixes = ShownFixes::default();
            for checked in runners {
                let name = results.name(checked.org(), checked.id());
                page.findings(checked, &name, &mut fixes);
            }
            page.unchecked(results, &mut fixes);
            page.table(results);
        }
    }
    page.text
}

struct Page {
    text: String,
    layout: Layout,
}

impl Page {
    /// Writes every check of a runner below its category, then the names and the counts, and finally why the run is not
    /// complete if it is not.
    fn whole(&mut self, checked: &Checked) {
        let report = &checked.report;
        let mut fixes = ShownFixes::default();
        let mut category = None;
        self.heading(checked);
        // The checks of a category keep their order.
        let mut checks: Vec<&CheckResult> = report.checks.iter().collect();
        checks.sort_by_key(|result| result.id.category());
        for result in checks {
            if category != Some(result.id.category()) {
                category = Some(result.id.category());
                let title = result.id.category().title();
                let _ = writeln!(self.text, "\n{BOLD}{title}{BOLD:#}");
            }
            self.one(result, checked.id(), &mut fixes);
        }
        self.summary(report);
    }

    /// Writes what is wrong with one of several runners, which has this name, or nothing.
    fn findings<'a>(&mut self, checked: &'a Checked, name: &str, fixes: &mut ShownFixes<'a>) {
        let report = &checked.report;
        let is_wrong = |result: &&CheckResult| matches!(result.outcome.status, Status::Failed | Status::Warned);
        let wrong: Vec<&CheckResult> = report.checks.iter().filter(is_wrong).collect();
        if wrong.is_empty() {
            return;
        }
        self.heading(checked);
        for result in wrong {
            self.one(result, name, fixes);
        }
        if let Some(reason) = report.incomplete_reason() {
            self.line(&reason);
        }
        self.empty_line();
    }

    /// Writes the checks of several runners that could not run, each reason once with its fix.
    fn unchecked<'a>(&mut self, results: &'a Results, fixes: &mut ShownFixes<'a>) {
        let groups = unchecked::groups(results);
        if groups.is_empty() {
            return;
        }
        let _ = writeln!(self.text, "{BOLD}Checks that could not run{BOLD:#}");
        for group in &groups {
            self.message(group.first);
            self.part("runners", &group.runners.join(", "));
            self.part("checks", &group.check_list());
            self.fix(group.first, &group.runners[0], fixes);
        }
        self.empty_line();
    }

    /// Writes an empty line, unless the last one is.
    fn empty_line(&mut self) {
        if !self.text.ends_with("\n\n") {
            self.text.push('\n');
        }
    }

    /// Writes the first line, which names the runner and its cluster.
    fn heading(&mut self, checked: &Checked) {
        self.line(&format!(
            "EKS access checks for runner {} of organization {}, cluster {} in {}",
            checked.id(),
            checked.org(),
            checked.cluster(),
            checked.region(),
        ));
    }

    /// Writes one check of a runner.
    fn one<'a>(&mut self, result: &'a CheckResult, runner: &str, fixes: &mut ShownFixes<'a>) {
        let CheckResult { id, outcome, .. } = result;
        self.message(result);
        for (label, value) in [("expected", outcome.expected()), ("found", outcome.found())] {
            if let Some(value) = value {
                self.part(label, value.trim_end());
            }
        }
        if matches!(outcome.status, Status::Failed | Status::Warned) {
            self.part("see", &format!("eks-runner explain {id}"));
        }
        self.fix(result, runner, fixes);
    }

    /// Writes the symbol, the ID, and the message of a check.
    fn message(&mut self, CheckResult { id, outcome, .. }: &CheckResult) {
        let (symbol, color) = match outcome.status {
            Status::Passed => ("√", Some(AnsiColor::Green)),
            Status::Warned => ("‼", Some(AnsiColor::Yellow)),
            Status::Failed => ("×", Some(AnsiColor::Red)),
            Status::Skipped => ("-", None),
        };
        let style = color.map_or(FAINT, |color| color.on_default());
        let message = match outcome.status {
            Status::Skipped => as_skipped(&outcome.message),
            _ => outcome.message.clone(),
        };
        match self.layout {
            Layout::Columns => {
                let message = indent(&message, COLUMN);
                let _ = writeln!(
                    self.text,
                    "{style}{symbol}{style:#} {id:<width$}  {}",
                    message.trim_start(),
                    width = CheckId::LONGEST
                );
            }
            Layout::Lines(_) => {
                let _ = writeln!(self.text, "{style}{symbol}{style:#} {id}");
                self.part("", &message);
            }
        }
    }

    /// Writes the fix of a check, if it has one, or the check that has shown it.
    fn fix<'a>(&mut self, result: &'a CheckResult, runner: &str, fixes: &mut ShownFixes<'a>) {
        match fixes.show(result, runner) {
            // The fix is not indented, because an indented end of a here-document does not end it.
            Some(ShownFix::Text(fix)) => {
                self.part("fix", "");
                let _ = writeln!(self.text, "\n{}\n", fix.trim_end());
            }
            Some(ShownFix::Above {
                check,
                runner: Some(runner),
            }) => self.part("fix", &format!("see {check} of runner {runner} above")),
            Some(ShownFix::Above { check, runner: None }) => self.part("fix", &format!("see {check} above")),
            None => {}
        }
    }

    /// Writes a part of a check, which has a label unless it is the message.
    fn part(&mut self, label: &str, value: &str) {
        let colon = if label.is_empty() { "" } else { ":" };
        match self.layout {
            Layout::Columns => {
                let value = indent(value, 14);
                let line = format!(
                    "    {label}{colon:<width$} {}",
                    value.trim_start(),
                    width = 9 - label.len()
                );
                let _ = writeln!(self.text, "{}", line.trim_end());
            }
            Layout::Lines(width) => {
                let text = format!("{label}{colon} {value}");
                let _ = writeln!(self.text, "{}", wrapped(text.trim(), width, "  "));
            }
        }
    }

    /// Writes a line, which can have several parts on a narrow terminal.
    fn line(&mut self, line: &str) {
        let _ = match self.layout {
            Layout::Columns => writeln!(self.text, "{line}"),
            Layout::Lines(width) => writeln!(self.text, "{}", wrapped(line, width, "")),
        };
    }

    /// Writes the names that the runner has, and the counts of the statuses.
    fn summary(&mut self, report: &Report) {
        let names = [
            ("session name", &report.session_name),
            ("OIDC subject", &report.oidc_subject),
            ("Kubernetes user", &report.kubernetes_user),
        ];
        self.text.push('\n');
        for (label, name) in names {
            if let Some(name) = name {
                match self.layout {
                    Layout::Columns => self.line(&format!("{label:<15}  {name}")),
                    Layout::Lines(_) => self.line(&format!("{label}: {name}")),
                }
            }
        }
        self.text.push('\n');
        let counts = [Status::Passed, Status::Failed, Status::Warned, Status::Skipped]
            .map(|status| report.with_status(status).count());
        let reason = report.incomplete_reason();
        self.counts(counts, reason.is_none());
        if let Some(reason) = reason {
            self.line(&reason);
        }
    }

    /// Writes the counts of the statuses in the color of the worst one.
    fn counts(&mut self, [passed, failed, warned, skipped]: [usize; 4], is_complete: bool) {
        let color = match (failed, warned, is_complete) {
            (0, 0, true) => AnsiColor::Green,
            (0, _, _) => AnsiColor::Yellow,
            _ => AnsiColor::Red,
        };
        let counts = format!("{passed} passed, {failed} failed, {warned} warned, {skipped} skipped");
        self.last_line(color, &counts);
    }

    /// Writes the counts that a report ends with, in a color.
    fn last_line(&mut self, color: AnsiColor, counts: &str) {
        let style = color.on_default().bold();
        let counts = match self.layout {
            Layout::Columns => counts.to_owned(),
            Layout::Lines(width) => wrapped(counts, width, ""),
        };
        let _ = writeln!(self.text, "{style}{counts}{style:#}");
    }

    /// Writes the table of several runners, which runners were not checked, and why, and why the checks are incomplete if they
    /// are.
    fn table(&mut self, results: &Results) {
        let rows = table::rows(results);
        let longest = rows.iter().map(|row| row.runner.chars().count()).max();
        let width = longest.unwrap_or_default().max("Runner".len());
        if let Layout::Columns = self.layout {
            let _ = writeln!(
                self.text,
                "{BOLD}{:<width$}  Failed  Warnings  Skipped  Result{BOLD:#}",
                "Runner"
            );
        }
        for row in &rows {
            let Row { runner, counts, result } = row;
            let [failed, warned, skipped] = counts.map(table::cell);
            match self.layout {
                Layout::Columns => {
                    let _ = writeln!(
                        self.text,
                        "{runner:<width$}  {failed:>6}  {warned:>8}  {skipped:>7}  {result}"
                    );
                }
                Layout::Lines(_) => self.line(&format!(
                    "{runner}: {result} ({failed} failed, {warned} warned, {skipped} skipped)"
                )),
            }
        }
        self.text.push('\n');
        for note in table::notes(results) {
            self.line(&note);
        }
        self.empty_line();
        let count = |verdict| rows.iter().filter(|row| row.result == verdict).count();
        let [passed, failed, incomplete, unread] = [
            RunnerVerdict::Passed,
            RunnerVerdict::Failed,
            RunnerVerdict::Incomplete,
            RunnerVerdict::NotChecked,
        ]
        .map(count);
        let color = match (failed, incomplete + unread) {
            (0, 0) => AnsiColor::Green,
            (0, _) => AnsiColor::Yellow,
            _ => AnsiColor::Red,
        };
        self.last_line(
            color,
            &format!(
                "{}: {passed} passed, {failed} failed, {incomplete} incomplete, {unread} not checked",
                results.runners()
            ),
        );
        let reports = results.checked.iter().map(|checked| &checked.report);
        if let Some(reason) = Report::incomplete_reason_of(reports) {
            self.line(&reason);
        }
    }
}

/// Returns the message of a check that was skipped, with the status unless the message begins with it.
fn as_skipped(message: &str) -> String {
    if ["Not checked", "Could not check"]
        .iter()
        .any(|status| message.starts_with(status))
    {
        message.to_owned()
    } else {
        format!("skipped: {message}")
    }
}

/// Returns the text in lines of at most this length, which break between words. A word that is longer stays whole.
fn wrapped(text: &str, width: usize, indent: &str) -> String {
    let options = Options::new(width)
        .initial_indent(indent)
        .subsequent_indent(indent)
        .break_words(false)
        .word_splitter(WordSplitter::NoHyphenation);
    textwrap::fill(text, options)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_status_is_shown_once() {
        for (message, shown) in [
            (
                "Needs role-exists, which failed.",
                "skipped: Needs role-exists, which failed.",
            ),
            ("Not checked: timed out.", "Not checked: timed out."),
            ("Could not check the role.", "Could not check the role."),
        ] {
            assert_eq!(as_skipped(message), shown);
        }
    }
}
