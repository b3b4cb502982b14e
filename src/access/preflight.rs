//! The preflight: it runs the checks for any number of runners, and waits for what AWS is still propagating.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use futures_util::FutureExt;
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::Instant;

use super::check::CheckId;
use super::checks;
use super::engine::{self, Observer, TimeLimit};
use super::outcome::{Outcome, Skip};
use super::report::{Awaited, Report};
use super::run::{Connections, Run};
use super::settings::Settings;
use super::subject::Subject;

/// The first pause between two runs that wait for what AWS is still propagating, and the longest pause.
const PAUSES: (Duration, Duration) = (Duration::from_secs(2), Duration::from_secs(10));

/// How many runners are checked at a time. The time limit of another runner begins when its turn comes: the limit is
/// for the responses of AWS and the cluster, not for a queue behind hundreds of other runners.
const AT_A_TIME: usize = 32;

/// How much time the last run of a wait has after the wait's own limit.
const LAST_RUN: Duration = Duration::from_secs(10);

/// Checks runners, which share the responses of AWS and of the clusters.
///
/// Nothing is set up, and no credentials are looked up, before the first check needs it.
pub struct Preflight {
    connections: Connections,
    /// The turns of the runners.
    turns: Semaphore,
    /// The causes that were still there when their wait ended.
    given_up: Mutex<HashSet<Awaited>>,
}

impl Preflight {
    /// Returns a preflight with these settings.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Self {
            connections: Connections::new(settings),
            turns: Semaphore::new(AT_A_TIME),
            given_up: Mutex::default(),
        }
    }

    /// Returns the settings.
    #[must_use]
    pub fn settings(&self) -> &Settings {
        self.connections.settings()
    }

    /// Notes that this process might create what the checks did not find. Until then, the runners share every response of
    /// AWS, even one that says that something does not exist.
    pub fn expect_changes(&self) {
        self.connections.aws().expect_changes();
    }

    /// Runs every check of a runner once. The time limit begins when the runner's turn comes.
    pub async fn check(&self, subject: &Subject, limit: &TimeLimit, observer: &dyn Observer) -> Report {
        let called = Instant::now();
        let _turn = self.turn(limit).await;
        let limit = TimeLimit {
            deadline: limit.deadline + called.elapsed(),
            cancelled: limit.cancelled.clone(),
        };
        // The futures of all checks are large. On the heap they do not weigh on the caller's stack.
        Box::pin(self.run_once(subject, &limit, observer)).await
    }

    /// Runs the checks again and again while everything that fails might still be propagating. It ends when nothing
    /// does or when the time limit ends, and returns the last report that is complete.
    ///
    /// The time limit is for waiting: a run that has begun before its end can take a while longer, so that a slow AWS
    /// does not turn a failure into a check that did not run. A cause whose wait failed for one runner is not waited
    /// for again for another one: fifty runners that share a broken role fail together.
    pub async fn wait(&self, subject: &Subject, limit: &TimeLimit, observer: &dyn Observer) -> Report {
        self.expect_changes();
        let (mut pause, longest) = PAUSES;
        let mut before = None;
        loop {
            let turn = self.turn(limit).await;
            let one_run = TimeLimit {
                deadline: limit.deadline.max(Instant::now()) + LAST_RUN,
                cancelled: limit.cancelled.clone(),
            };
            let report = Box::pin(self.run_once(subject, &one_run, observer)).await;
            drop(turn);
            if Instant::now() >= one_run.deadline {
                return before.unwrap_or(report);
            }
            if !report.is_retryable() || self.has_given_up(&report) {
                return report;
            }
            if Instant::now() + pause >= limit.deadline {
                self.give_up(&report);
                return report;
            }
            if limit.limit(tokio::time::sleep(pause)).await.is_err() {
                return report;
            }
            before = Some(report);
            pause = (pause * 3 / 2).min(longest);
        }
    }

    /// Waits for a runner's turn. `None` if the run is canceled first.
    async fn turn(&self, limit: &TimeLimit) -> Option<SemaphorePermit<'_>> {
        tokio::select! {
            biased;
            () = limit.cancelled.cancelled() => None,
            turn = self.turns.acquire() => turn.ok(),
        }
    }

    /// Runs every check of a runner once, now.
    async fn run_once(&self, subject: &Subject, limit: &TimeLimit, observer: &dyn Observer) -> Report {
        let run = Run::new(&self.connections, subject);
        let steps = engine::Steps {
            needs: |id| self.settings().needs(id),
            without: |id| self.skipped_by_name(id).or_else(|| checks::without_calls(&run, id)),
            run: |id| checks::run(&run, id),
            only_warns: |id| checks::only_warns(subject, id),
        };
        let selected = self.settings().selected();
        let checks = engine::run(&selected, steps, limit, observer);
        // The calls that are made early end with the checks, even if they have no response yet.
        let ahead = checks::look_ahead(&run).then(|()| std::future::pending());
        let checks = tokio::select! {
            checks = checks => checks,
            () = ahead => Vec::new(),
        };
        Report {
            checks,
            session_name: subject.session().map(|(name, _)| name),
            oidc_subject: subject.oidc_subject(),
            kubernetes_user: if selected.contains(&CheckId::ACCESS_ENTRY) {
                kubernetes_user(&run, limit).await
            } else {
                None
            },
        }
    }

    /// Returns the outcome of a check that the user skips by name.
    fn skipped_by_name(&self, id: CheckId) -> Option<Outcome> {
        let settings = self.settings();
        let by = settings.frontend.words("skip_checks", "--skip");
        let skipped = || Outcome::skipped(Skip::Requested, format!("Skipped by name ({by})."));
        settings.skip.contains(&id).then(skipped)
    }

    /// Remembers the causes whose wait has failed.
    fn give_up(&self, report: &Report) {
        let mut given_up = self.given_up.lock().unwrap_or_else(PoisonError::into_inner);
        given_up.extend(report.awaited());
    }

    /// Returns whether a wait has already failed for every cause in the report.
    fn has_given_up(&self, report: &Report) -> bool {
        let given_up = self.given_up.lock().unwrap_or_else(PoisonError::into_inner);
        report.awaited().all(|awaited| given_up.contains(&awaited))
    }
}

/// Returns the name of the runner's user for the report. While the cluster maps the role to no user, or is unknown
/// itself, it is the name that a new access entry gives. `None` for a user without a fixed name, and if the cluster is
/// known and its mapping is not.
async fn kubernetes_user(run: &Run<'_>, limit: &TimeLimit) -> Option<String> {
    let by_new_entry = || run.subject.kubernetes_user();
    let error = match limit.limit(run.user()).await {
        Ok(Ok(Some(user))) => return (!user.name.is_empty()).then_some(user.name),
        Ok(Ok(None)) => return by_new_entry(),
        Ok(Err(error)) => Outcome::from(error),
        Err(_) => return None,
    };
    if !matches!(error.skip, Some(Skip::Incomplete(_))) {
        return by_new_entry();
    }
    match limit.limit(run.eks_cluster()).await {
        Ok(Ok(_)) => None,
        _ => by_new_entry(),
    }
}

#[cfg(test)]
mod tests;
