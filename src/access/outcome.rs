//! The outcome of a check: its status, its message, and how to fix it.

use std::fmt;

use super::cause::Cause;
use super::fix::Fix;
use crate::secrets::redacted;

/// The result of a check in one word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Status {
    /// The check's title is true.
    Passed,
    /// The check's title is false: the Orchestrator or its Job would fail here.
    Failed,
    /// The Orchestrator or its Job might fail here, or something is lost or dangerous.
    Warned,
    /// The check did not run. The message says why.
    Skipped,
}

impl Status {
    /// Returns the status as text: `passed`, `failed`, `warned`, or `skipped`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed => "failed",
            Self::Warned => "warned",
            Self::Skipped => "skipped",
        }
    }
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// The reason why a check did not run.
///
/// A run is complete when every check that applies has run: only [`Skip::Incomplete`] makes it incomplete.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Skip {
    /// The check does not apply to this runner, this cluster or these settings.
    NotApplicable,
    /// A check that this one needs has failed.
    Blocked,
    /// A value is unknown until apply.
    Unknown,
    /// The user skips the check by name.
    Requested,
    /// The check applies and could not run.
    Incomplete(IncompleteReason),
}

/// Why a check that applies could not run. Shown as a short clause.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum IncompleteReason {
    /// The time limit of the run ended first.
    TimedOut,
    /// Something is missing, such as `no permission for iam:GetRole`. The clause is the same wherever the same thing is
    /// missing.
    Missing(Box<str>),
}

impl fmt::Display for IncompleteReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::TimedOut => "timed out",
            Self::Missing(clause) => clause,
        })
    }
}

impl From<&str> for IncompleteReason {
    fn from(clause: &str) -> Self {
        Self::Missing(clause.into())
    }
}

impl From<String> for IncompleteReason {
    fn from(clause: String) -> Self {
        Self::Missing(clause.into())
    }
}

impl Skip {
    /// Returns the kind of skip as text: `not-applicable`, `blocked`, `unknown`, `requested`, or `incomplete`.
    #[must_use]
    pub fn as_str(&self) -> &'static str {
        match self {
            Self::NotApplicable => "not-applicable",
            Self::Blocked => "blocked",
            Self::Unknown => "unknown",
            Self::Requested => "requested",
            Self::Incomplete(_) => "incomplete",
        }
    }
}

/// The two sides of what a check compared.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comparison {
    /// What the Orchestrator needs.
    pub expected: Box<str>,
    /// What was found instead.
    pub found: Box<str>,
}

/// A cause and the fix that removes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remedy {
    /// The cause of the outcome.
    pub cause: Cause,
    /// The fix.
    pub fix: Fix,
}

/// The outcome of a check, in sentences.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// The result in one word.
    pub status: Status,
    /// Why the check did not run, if its status is [`Status::Skipped`].
    pub skip: Option<Skip>,
    /// What was found, or why the check did not run.
    pub message: String,
    /// What the Orchestrator needs and what was found instead, if the check failed.
    pub comparison: Option<Box<Comparison>>,
    /// How to fix it.
    pub remedy: Option<Box<Remedy>>,
    /// Whether the check failed because something does not exist yet: the same apply might create it.
    pub not_yet: bool,
    /// Whether the result can change without a change by the user, because AWS might still be propagating one.
    pub retryable: bool,
}

impl Outcome {
    fn new(status: Status, message: impl Into<String>) -> Self {
        Self {
            status,
            skip: None,
            message: message.into(),
            comparison: None,
            remedy: None,
            not_yet: false,
            retryable: false,
        }
    }

    /// Returns the outcome of a check that passed.
    #[must_use]
    pub fn passed(message: impl Into<String>) -> Self {
        Self::new(Status::Passed, message)
    }

    /// Returns the outcome of a check that failed.
    #[must_use]
    pub fn failed(message: impl Into<String>) -> Self {
        Self::new(Status::Failed, message)
    }

    /// Returns the outcome of a check that warns.
    #[must_use]
    pub fn warned(message: impl Into<String>) -> Self {
        Self::new(Status::Warned, message)
    }

    /// Returns the outcome of a check that did not run for this reason.
    #[must_use]
    pub fn skipped(skip: Skip, message: impl Into<String>) -> Self {
        Self {
            skip: Some(skip),
            ..Self::new(Status::Skipped, message)
        }
    }

    /// Returns the outcome of a check that needs the check `needed`, which failed, and why it failed if `why` is not
    /// empty.
    pub(super) fn blocked(needed: impl fmt::Display, why: &str) -> Self {
        let why = match why {
            "" => ".".to_owned(),
            why => format!(": {why}"),
        };
        Self::skipped(Skip::Blocked, format!("Needs {needed}, which failed{why}"))
    }

    /// Returns the outcome of a check that does not apply.
    #[must_use]
    pub fn not_applicable(message: impl Into<String>) -> Self {
        Self::skipped(Skip::NotApplicable, message)
    }

    /// Returns the outcome of a check that applies and could not run. `reason` is a short clause that is the same
    /// wherever the same thing is missing; the message is the whole sentence.
    #[must_use]
    pub fn incomplete(reason: impl Into<IncompleteReason>, message: impl Into<String>) -> Self {
        Self::skipped(Skip::Incomplete(reason.into()), message)
    }

    /// Returns the outcome with what was expected and what was found.
    #[must_use]
    pub fn compare(mut self, expected: impl Into<Box<str>>, found: impl Into<Box<str>>) -> Self {
        self.comparison = Some(Box::new(Comparison {
            expected: expected.into(),
            found: found.into(),
        }));
        self
    }

    /// Returns the outcome with a fix and the cause that it removes.
    #[must_use]
    pub fn fix(mut self, cause: Cause, fix: impl Into<Fix>) -> Self {
        self.remedy = Some(Box::new(Remedy { cause, fix: fix.into() }));
        self
    }

    /// Returns the outcome as that of a check that never fails: a failure is a warning, for which no run waits.
    #[must_use]
    pub(super) fn only_warning(self) -> Self {
        match self.status {
            Status::Failed => Self {
                status: Status::Warned,
                not_yet: false,
                retryable: false,
                ..self
            },
            _ => self,
        }
    }

    /// Returns the outcome of something that the same apply might create, or that might be propagating.
    #[must_use]
    pub fn not_yet(mut self) -> Self {
        self.not_yet = true;
        self.retryable = true;
        self
    }

    /// Returns the outcome with a reason that might be gone a moment later.
    #[must_use]
    pub fn retryable(mut self) -> Self {
        self.retryable = true;
        self
    }

    /// Returns what the Orchestrator needs, if the check failed.
    #[must_use]
    pub fn expected(&self) -> Option<&str> {
        self.comparison.as_ref().map(|compared| &*compared.expected)
    }

    /// Returns what was found instead, if the check failed.
    #[must_use]
    pub fn found(&self) -> Option<&str> {
        self.comparison.as_ref().map(|compared| &*compared.found)
    }

    /// Returns the cause that the fix removes.
    #[must_use]
    pub fn cause(&self) -> Option<&Cause> {
        self.remedy.as_ref().map(|remedy| &remedy.cause)
    }

    /// Returns the text of the fix for this runner alone.
    #[must_use]
    pub fn fix_text(&self) -> Option<String> {
        self.remedy.as_ref().map(|remedy| remedy.fix.to_string())
    }

    /// Returns whether the checks that need this one can run.
    #[must_use]
    pub fn is_good(&self) -> bool {
        matches!(self.status, Status::Passed | Status::Warned)
    }

    /// Returns the outcome without the credentials that a foreign text might have brought into it.
    #[must_use]
    pub(super) fn redacted(self) -> Self {
        Self {
            skip: self.skip.map(|skip| match skip {
                Skip::Incomplete(IncompleteReason::Missing(clause)) => Skip::Incomplete(redacted(clause).into()),
                other => other,
            }),
            message: redacted(self.message),
            comparison: self.comparison.map(|compared| {
                Box::new(Comparison {
                    expected: redacted(compared.expected).into(),
                    found: redacted(compared.found).into(),
                })
            }),
            ..self
        }
    }
}
