//! The findings of a check about several things, each of which can be wrong.

use crate::access::aws::AwsError;
use crate::access::check_error::CheckError;
use crate::access::fix::Fix;
use crate::access::outcome::Outcome;

/// What a check found about one thing.
pub(super) enum Finding {
    /// It is right. The sentence says what it is.
    Good(String),
    /// It cannot work.
    Broken(CheckProblem),
    /// It might not work.
    Doubtful(CheckProblem),
    /// It might not work because of the runner's own configuration.
    OwnDoubt(CheckProblem),
    /// It is not known: the outcome of a check about it alone.
    Unknown(Outcome),
}

/// Something that is wrong or might be.
pub(super) struct CheckProblem {
    /// A whole sentence.
    pub(super) message: String,
    /// What is needed.
    pub(super) expected: String,
    /// What was found instead.
    pub(super) found: String,
    /// How to fix it.
    pub(super) fix: Fix,
}

impl From<CheckError> for Finding {
    fn from(error: CheckError) -> Self {
        Self::Unknown(error.into())
    }
}

impl From<AwsError> for Finding {
    fn from(error: AwsError) -> Self {
        CheckError::from(error).into()
    }
}

/// The findings of one kind, and the outcome that they lead to.
#[derive(Default)]
pub(super) struct Findings {
    pub(super) good: Vec<String>,
    pub(super) broken: Vec<CheckProblem>,
    pub(super) doubtful: Vec<CheckProblem>,
    /// Whether one of these is in the runner's own configuration.
    pub(super) has_own_doubt: bool,
    pub(super) unknown: Vec<Outcome>,
}

impl FromIterator<Finding> for Findings {
    fn from_iter<T: IntoIterator<Item = Finding>>(findings: T) -> Self {
        let mut sorted = Self::default();
        for finding in findings {
            match finding {
                Finding::Good(sentence) => sorted.good.push(sentence),
                Finding::Broken(problem) => sorted.broken.push(problem),
                Finding::Doubtful(problem) => sorted.doubtful.push(problem),
                Finding::OwnDoubt(problem) => {
                    sorted.doubtful.push(problem);
                    sorted.has_own_doubt = true;
                }
                Finding::Unknown(outcome) => sorted.unknown.push(outcome),
            }
        }
        sorted
    }
}

/// Returns the outcome of a check that does not know everything: the first one that says why, with the sentences of all of
/// them and those of what might be wrong. `None` if everything is known.
pub(super) fn unknown(outcomes: &[Outcome], doubts: impl IntoIterator<Item = String>) -> Option<Outcome> {
    let first = outcomes.first()?.clone();
    let messages = outcomes.iter().map(|outcome| outcome.message.clone());
    let sentences: Vec<String> = messages.chain(doubts).collect();
    Some(Outcome {
        message: sentences.join(" "),
        ..first
    })
}

impl CheckProblem {
    /// Returns the messages of several problems in one text.
    pub(super) fn messages(problems: &[Self]) -> String {
        let messages: Vec<&str> = problems.iter().map(|one| one.message.as_str()).collect();
        messages.join(" ")
    }

    /// Returns what several problems need, and what was found instead.
    pub(super) fn comparison(problems: &[Self]) -> (String, String) {
        let join = |part: fn(&Self) -> &String| {
            let parts: Vec<&str> = problems.iter().map(|one| part(one).as_str()).collect();
            parts.join("; ")
        };
        (join(|one| &one.expected), join(|one| &one.found))
    }

    /// Returns the fix of all problems.
    pub(super) fn fixes(problems: Vec<Self>) -> Fix {
        problems.into_iter().map(|one| one.fix).collect()
    }
}
