//! What a check is, and what its result is.

mod id;

use std::fmt;
use std::sync::Arc;

pub use id::{Category, CheckId, UnknownCheck};

pub use super::trust::Member;
use crate::secrets::redacted;

/// The result of a check.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Status {
    /// The check's title is true.
    Passed,
    /// The check's title is false: the Orchestrator or its Job would fail here.
    Failed,
    /// The Orchestrator or its Job might fail here, or something is lost or dangerous.
    Warned,
    /// The check was not made; the message says why.
    Skipped,
}

impl Status {
    /// The status in writing: `passed`, `failed`, `warned` or `skipped`.
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

/// Why a check was not made.
///
/// A run is complete when every check that applies was made: only [`Skip::Incomplete`] makes it
/// incomplete.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Skip {
    /// The check does not apply to this runner, this cluster or these settings.
    NotApplicable,
    /// A check that this one needs has failed.
    Blocked,
    /// A value is unknown until the apply.
    Unknown,
    /// The user skips the check by name.
    Requested,
    /// The check applies and could not be made. The reason is a short clause, such as
    /// `no permission for iam:GetRole`, and is the same wherever the same thing is missing.
    Incomplete(Box<str>),
}

impl Skip {
    /// The kind of skip in writing: `not-applicable`, `blocked`, `unknown`, `requested` or
    /// `incomplete`.
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

/// Writes the fix for these runners.
type Render = dyn Fn(&[Member]) -> String + Send + Sync;

/// A fix that is one for all runners with the same cause, but has an entry for each of them.
#[derive(Clone)]
pub struct SharedFix {
    /// The entry of the runner that was checked.
    pub member: Member,
    render: Arc<Render>,
}

impl SharedFix {
    /// The fix for all these runners at once.
    #[must_use]
    pub fn for_all(&self, members: &[Member]) -> String {
        (self.render)(members)
    }
}

impl PartialEq for SharedFix {
    fn eq(&self, other: &Self) -> bool {
        let alone = |fix: &Self| fix.for_all(std::slice::from_ref(&fix.member));
        self.member == other.member && alone(self) == alone(other)
    }
}

impl Eq for SharedFix {}

impl fmt::Debug for SharedFix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SharedFix")
            .field("member", &self.member)
            .finish_non_exhaustive()
    }
}

/// What was compared in a check that failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Comparison {
    /// What the Orchestrator needs.
    pub expected: Box<str>,
    /// What is there instead.
    pub found: Box<str>,
}

/// The result of a check, in sentences.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// The result in one word.
    pub status: Status,
    /// Why the check was not made, where its status is [`Status::Skipped`].
    pub skip: Option<Skip>,
    /// What was found, or why the check was not made.
    pub message: String,
    /// What the Orchestrator needs and what is there instead, where the check failed.
    pub comparison: Option<Box<Comparison>>,
    /// The fix: HCL, YAML or a command, ready to be pasted.
    pub fix: Option<Box<str>>,
    /// The fix for several runners, where it has an entry for each of them.
    pub shared_fix: Option<Box<SharedFix>>,
    /// A key that is equal for two outcomes, of whichever checks and runners, if and only if one
    /// fix solves both.
    pub cause: Option<Box<str>>,
    /// The failure is that something does not exist yet: the same apply might create it.
    pub not_yet: bool,
    /// The result can change without a change by the user: AWS might still be propagating one.
    pub retryable: bool,
}

impl Outcome {
    fn new(status: Status, message: impl Into<String>) -> Self {
        Self {
            status,
            skip: None,
            message: message.into(),
            comparison: None,
            fix: None,
            shared_fix: None,
            cause: None,
            not_yet: false,
            retryable: false,
        }
    }

    /// The check passed.
    #[must_use]
    pub fn passed(message: impl Into<String>) -> Self {
        Self::new(Status::Passed, message)
    }

    /// The check failed.
    #[must_use]
    pub fn failed(message: impl Into<String>) -> Self {
        Self::new(Status::Failed, message)
    }

    /// The check warns.
    #[must_use]
    pub fn warned(message: impl Into<String>) -> Self {
        Self::new(Status::Warned, message)
    }

    /// The check was not made, for this reason.
    #[must_use]
    pub fn skipped(skip: Skip, message: impl Into<String>) -> Self {
        Self {
            skip: Some(skip),
            ..Self::new(Status::Skipped, message)
        }
    }

    /// The check does not apply here.
    #[must_use]
    pub fn not_applicable(message: impl Into<String>) -> Self {
        Self::skipped(Skip::NotApplicable, message)
    }

    /// The check applies and could not be made. `reason` is a short clause that is the same
    /// wherever the same thing is missing; the message is the whole sentence.
    #[must_use]
    pub fn incomplete(reason: impl Into<Box<str>>, message: impl Into<String>) -> Self {
        Self::skipped(Skip::Incomplete(reason.into()), message)
    }

    /// With what was expected and what was found.
    #[must_use]
    pub fn compare(mut self, expected: impl Into<Box<str>>, found: impl Into<Box<str>>) -> Self {
        self.comparison = Some(Box::new(Comparison {
            expected: expected.into(),
            found: found.into(),
        }));
        self
    }

    /// What the Orchestrator needs, where the check failed.
    #[must_use]
    pub fn expected(&self) -> Option<&str> {
        self.comparison.as_ref().map(|compared| &*compared.expected)
    }

    /// What is there instead, where the check failed.
    #[must_use]
    pub fn found(&self) -> Option<&str> {
        self.comparison.as_ref().map(|compared| &*compared.found)
    }

    /// With a fix, and the key of the cause that it removes (see [`Outcome::cause`]).
    #[must_use]
    pub fn fix(mut self, cause: impl Into<Box<str>>, fix: impl Into<Box<str>>) -> Self {
        self.cause = Some(cause.into());
        self.fix = Some(fix.into());
        self
    }

    /// With a fix that several runners share: `render` gives it for these runners, of which
    /// `member` is the one that was checked.
    #[must_use]
    pub fn shared_fix(
        self,
        cause: impl Into<Box<str>>,
        member: Member,
        render: impl Fn(&[Member]) -> String + Send + Sync + 'static,
    ) -> Self {
        let fix = render(std::slice::from_ref(&member));
        let render = Arc::new(render);
        Self {
            shared_fix: Some(Box::new(SharedFix { member, render })),
            ..self.fix(cause, fix)
        }
    }

    /// Because of something that the same apply might create, or that might be propagating.
    #[must_use]
    pub fn not_yet(mut self) -> Self {
        self.not_yet = true;
        self.retryable = true;
        self
    }

    /// For a reason that might be gone a moment later.
    #[must_use]
    pub fn retryable(mut self) -> Self {
        self.retryable = true;
        self
    }

    /// Without the credentials that a foreign text can have brought into it.
    #[must_use]
    pub(super) fn redacted(self) -> Self {
        let clean = |text: Option<Box<str>>| text.map(|text| redacted(text).into_boxed_str());
        Self {
            skip: self.skip.map(|skip| match skip {
                Skip::Incomplete(reason) => Skip::Incomplete(redacted(reason).into()),
                other => other,
            }),
            message: redacted(self.message),
            comparison: self.comparison.map(|compared| {
                Box::new(Comparison {
                    expected: redacted(compared.expected).into(),
                    found: redacted(compared.found).into(),
                })
            }),
            fix: clean(self.fix),
            cause: clean(self.cause),
            ..self
        }
    }

    /// Whether the checks that need this one can be made.
    #[must_use]
    pub fn is_good(&self) -> bool {
        matches!(self.status, Status::Passed | Status::Warned)
    }
}

/// A check and its result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckResult {
    /// Which check.
    pub id: CheckId,
    /// Its result.
    pub outcome: Outcome,
}
