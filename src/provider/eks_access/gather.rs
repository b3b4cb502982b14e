//! Gathers the runners that share a cause, so that one diagnostic with one fix covers all of them.
//!
//! Terraform plans each runner in a call of its own, ten at a time, and does not say how many there are. The first runner
//! with a cause therefore waits for a moment before it returns. The others return at once, so that Terraform plans the
//! next ones.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::access::{Cause, CheckId, Fix, IncompleteReason, TrustMembers};

/// The first runner returns after no other runner has started or finished for this long, or for twice the longest pause
/// before a runner so far: a busy machine plans the next runners late.
const QUIET: Duration = Duration::from_millis(200);
/// The longest pause that the first runner waits for.
const LONGEST_PAUSE: Duration = Duration::from_secs(1);
/// The longest time that the first runner waits, such as for runners whose checks are slow.
const LONGEST: Duration = Duration::from_secs(30);
/// The interval at which the first runner looks for others.
const STEP: Duration = Duration::from_millis(20);

/// The runners that are being checked and the topics that they share.
#[derive(Default)]
pub(super) struct Gathering(Mutex<State>);

struct State {
    /// How many runners are being checked.
    checking: usize,
    /// How many runners with an unknown ID have been checked.
    unknown: usize,
    /// When the last runner started or finished. `None` before the first one.
    changed: Option<Instant>,
    /// How long nothing must change until the first runner returns.
    quiet: Duration,
    groups: HashMap<Topic, Group>,
    /// The members of all trust policies that must be changed, whatever the topic.
    members: TrustMembers,
}

impl Default for State {
    fn default() -> Self {
        Self {
            checking: 0,
            unknown: 0,
            changed: None,
            quiet: QUIET,
            groups: HashMap::new(),
            members: TrustMembers::default(),
        }
    }
}

/// A runner that is checked. Two runners are never equal, even if neither has an ID yet.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum CheckedRunner {
    /// The runner with this ID.
    Id(String),
    /// A runner whose ID is unknown until apply, by its number.
    Unknown(usize),
}

/// Shows the runner as it follows the word "runner".
impl fmt::Display for CheckedRunner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Id(id) => write!(f, "{id:?}"),
            Self::Unknown(number) => write!(f, "#{number} whose ID is unknown until apply"),
        }
    }
}

/// What one diagnostic is about.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Topic {
    /// A check of runners with the same cause.
    Cause(CheckId, Cause),
    /// A check of one runner, which has no cause that another runner can share.
    Alone(CheckId, CheckedRunner),
    /// A reason why checks could not run, its cause if a fix is known, and whether that is an error. One fix solves one
    /// cause, and a warning cannot replace an error.
    Unchecked(IncompleteReason, Option<Cause>, bool),
}

/// The runners with one topic.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Group {
    /// The runners of the current round. The first one is the reporter: it reports for the others.
    pub(super) runners: Vec<CheckedRunner>,
    /// The members of the trust policies that the fix changes, including those of earlier rounds.
    pub(super) members: TrustMembers,
    /// How many of these were known in earlier rounds.
    pub(super) earlier: usize,
    /// The reporter of the first round.
    pub(super) first: Option<CheckedRunner>,
    /// Whether the reporter is still waiting.
    is_open: bool,
}

/// The part of a runner in the diagnostic of a cause.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Part {
    /// The runner reports the cause for itself and for those that join while it waits.
    Reporter,
    /// The named runner reports the cause for this one.
    Covered(CheckedRunner),
    /// The named runner reported the cause before this one joined.
    Late(CheckedRunner),
}

/// A guard that exists while a runner is being checked.
pub(super) struct Checking<'a> {
    gathering: &'a Gathering,
    /// The runner.
    pub(super) runner: CheckedRunner,
}

impl Drop for Checking<'_> {
    fn drop(&mut self) {
        let mut state = self.gathering.lock();
        state.checking = state.checking.saturating_sub(1);
        state.changed = Some(Instant::now());
    }
}

impl Gathering {
    /// Notes that the checks of a runner start. `id` is `None` if its ID is unknown until apply.
    pub(super) fn begin(&self, id: Option<&str>) -> Checking<'_> {
        let mut state = self.lock();
        if let (0, Some(changed)) = (state.checking, state.changed) {
            let twice = changed.elapsed() * 2;
            state.quiet = state.quiet.max(twice).min(LONGEST_PAUSE);
        }
        state.checking += 1;
        state.changed = Some(Instant::now());
        let runner = if let Some(id) = id {
            CheckedRunner::Id(id.to_owned())
        } else {
            state.unknown += 1;
            CheckedRunner::Unknown(state.unknown)
        };
        Checking {
            gathering: self,
            runner,
        }
    }

    /// Adds a runner to those with this topic. After the reporter of a topic has returned, the next runner is `Late`,
    /// unless `again` makes it the reporter of a new round.
    pub(super) fn join(&self, topic: &Topic, runner: &CheckedRunner, fix: Option<&Fix>, again: bool) -> Part {
        let mut state = self.lock();
        let earlier = match fix {
            Some(fix) if state.groups.contains_key(topic) => state.members.count(fix),
            _ => 0,
        };
        if let Some(fix) = fix {
            state.members.add(fix);
        }
        let group = state.groups.entry(topic.clone()).or_default();
        let part = match group.runners.first() {
            Some(reporter) if group.is_open => Part::Covered(reporter.clone()),
            Some(reporter) if !again && reporter != runner => Part::Late(reporter.clone()),
            _ => {
                group.earlier = earlier;
                group.first.get_or_insert_with(|| runner.clone());
                group.runners.clear();
                group.is_open = true;
                Part::Reporter
            }
        };
        if group.is_open && !group.runners.contains(runner) {
            group.runners.push(runner.clone());
        }
        part
    }

    /// Waits until no runner is being checked, and none has started or finished for a moment.
    pub(super) async fn quiet(&self, stop: &CancellationToken) {
        let start = Instant::now();
        while start.elapsed() < LONGEST && !stop.is_cancelled() {
            let is_quiet = {
                let state = self.lock();
                let is_over = |changed: Instant| changed.elapsed() >= state.quiet;
                state.checking == 0 && state.changed.is_none_or(is_over)
            };
            if is_quiet {
                return;
            }
            tokio::time::sleep(STEP).await;
        }
    }

    /// Ends the current round of a topic, and returns the runners that joined.
    pub(super) fn close(&self, topic: &Topic) -> Group {
        let mut state = self.lock();
        let Some(group) = state.groups.get_mut(topic) else {
            return Group::default();
        };
        group.is_open = false;
        let group = group.clone();
        Group {
            members: state.members.clone(),
            ..group
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::{Frontend, RoleTrust};

    fn fix(name: &str) -> Fix {
        Fix::trust(RoleTrust::fixture(name, Frontend::Terraform))
    }

    #[test]
    fn the_first_runner_of_each_round_reports_all_entries() {
        let gathering = Gathering::default();
        let topic = Topic::Cause(CheckId::AWS_CREDENTIALS, Cause::NoCredentials);
        let id = |runner: &str| CheckedRunner::Id(runner.to_owned());
        let join = |runner: &str, again| gathering.join(&topic, &id(runner), Some(&fix(runner)), again);
        assert_eq!(join("a", true), Part::Reporter);
        assert_eq!(join("b", true), Part::Covered(id("a")));
        let first = gathering.close(&topic);
        let members = first.members.count(&fix("a"));
        assert_eq!((first.runners.len(), members), (2, 2));
        assert_eq!(join("c", false), Part::Late(id("a")));
        assert_eq!(join("d", true), Part::Reporter);
        let second = gathering.close(&topic);
        assert_eq!(second.runners, [id("d")]);
        assert_eq!(second.members.count(&fix("d")), 4);
        assert_eq!(second.earlier, 3);
    }

    #[tokio::test(start_paused = true)]
    async fn the_reporter_waits_for_runners_that_are_being_checked() {
        let gathering = Gathering::default();
        let stop = CancellationToken::new();
        let start = Instant::now();
        gathering.quiet(&stop).await;
        assert_eq!(start.elapsed(), Duration::ZERO);
        let other = gathering.begin(Some("a"));
        let still = tokio::time::timeout(QUIET * 2, gathering.quiet(&stop)).await;
        assert!(still.is_err(), "one is being checked");
        drop(other);
        let start = Instant::now();
        gathering.quiet(&stop).await;
        assert!((QUIET..QUIET * 2).contains(&start.elapsed()));
        stop.cancel();
        let _other = gathering.begin(Some("a"));
        gathering.quiet(&stop).await;
    }
}
