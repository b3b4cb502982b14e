//! Runs checks after the checks that they need, and independent ones concurrently, within a time limit.

use std::future::Future;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::check::{CheckId, CheckResult};
use super::outcome::{IncompleteReason, Outcome};
use super::pending::PendingCalls;

/// Follows the progress of a run.
pub trait Observer: Send + Sync {
    /// A check begins.
    fn started(&self, id: CheckId) {
        let _ = id;
    }
    /// A check has ended.
    fn finished(&self, result: &CheckResult) {
        let _ = result;
    }
}

/// Ignores the progress.
impl Observer for () {}

/// What ended a run before its checks did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Interrupted {
    /// The cancellation.
    Canceled,
    /// The deadline.
    TimedOut,
}

impl Interrupted {
    /// Returns the outcome of a check that had not ended, and that was waiting for these calls. If AWS throttles one of them,
    /// this is the reason.
    fn outcome(self, calls: &PendingCalls) -> Outcome {
        if let (Self::TimedOut, Some(throttled)) = (self, calls.throttled()) {
            return throttled;
        }
        let reason: IncompleteReason = match self {
            Self::Canceled => "canceled".into(),
            Self::TimedOut => IncompleteReason::TimedOut,
        };
        let message = format!("Not checked: {reason}.");
        Outcome::incomplete(reason, message)
    }
}

/// The longest time limit. Some platforms cannot express an instant that is further away.
const LONGEST: Duration = Duration::from_secs(10 * 365 * 24 * 60 * 60);

/// The time limit of a run.
#[derive(Debug, Clone)]
pub struct TimeLimit {
    /// When the run ends.
    pub deadline: Instant,
    /// Ends the run at once.
    pub cancelled: CancellationToken,
}

impl TimeLimit {
    /// Returns a limit of this length from now, which a cancellation ends early.
    #[must_use]
    pub fn new(length: Duration, cancelled: CancellationToken) -> Self {
        Self {
            deadline: Instant::now() + length.min(LONGEST),
            cancelled,
        }
    }

    /// Waits for a future.
    ///
    /// # Errors
    /// If the deadline or the cancellation comes first.
    pub(super) async fn limit<T>(&self, future: impl Future<Output = T>) -> Result<T, Interrupted> {
        tokio::select! {
            biased;
            () = self.cancelled.cancelled() => Err(Interrupted::Canceled),
            value = future => Ok(value),
            () = tokio::time::sleep_until(self.deadline) => Err(Interrupted::TimedOut),
        }
    }
}

/// What the engine calls for each check.
pub(super) struct Steps<N, W, R, O> {
    /// Returns the checks that must have passed, or only warned, before this one runs.
    pub(super) needs: N,
    /// Returns the outcome of a check that does not run, whatever the outcomes of the checks that it needs are.
    pub(super) without: W,
    /// Runs the check.
    pub(super) run: R,
    /// Returns whether the check cannot fail for the runner.
    pub(super) only_warns: O,
}

/// Runs these checks and returns the results in the same order.
///
/// A check begins when all the checks that it needs have ended. If one of them did not pass, the check is skipped and
/// its message names that one. A check without a result at the end of the time limit is skipped, and its message says
/// so.
pub(super) async fn run<N, W, R, O, F>(
    ids: &[CheckId],
    steps: Steps<N, W, R, O>,
    limit: &TimeLimit,
    observer: &dyn Observer,
) -> Vec<CheckResult>
where
    N: Fn(CheckId) -> Vec<CheckId>,
    W: Fn(CheckId) -> Option<Outcome>,
    R: Fn(CheckId) -> F,
    O: Fn(CheckId) -> bool,
    F: Future<Output = Outcome>,
{
    // Each check has a channel on which the checks that need it wait for its outcome.
    let channels: Vec<(CheckId, watch::Sender<Option<Outcome>>)> =
        ids.iter().map(|id| (*id, watch::channel(None).0)).collect();
    // The outcome of a needed check, if it keeps other checks from running.
    let obstacle = async |id: CheckId| {
        let (_, channel) = channels.iter().find(|(other, _)| *other == id)?;
        let mut receiver = channel.subscribe();
        let ended = receiver.wait_for(Option::is_some).await;
        let outcome = ended.ok().and_then(|outcome| outcome.clone());
        outcome.filter(|outcome| !outcome.is_good())
    };
    let result = async |position: usize| {
        let (id, channel) = &channels[position];
        let id = *id;
        let outcome = 'outcome: {
            if let Some(outcome) = (steps.without)(id) {
                break 'outcome outcome;
            }
            let mut obstacles = Vec::new();
            for needed in (steps.needs)(id) {
                obstacles.extend(obstacle(needed).await.map(|outcome| (needed, outcome)));
            }
            if let Some(blocked) = blocked(&obstacles) {
                break 'outcome blocked;
            }
            observer.started(id);
            let calls = PendingCalls::default();
            let ended = limit.limit(calls.clone().of((steps.run)(id))).await;
            ended.unwrap_or_else(|interrupted| interrupted.outcome(&calls))
        };
        // Every text of every check passes here.
        let outcome = outcome.redacted();
        channel.send_replace(Some(outcome.clone()));
        let result = CheckResult {
            id,
            outcome,
            only_warns: (steps.only_warns)(id),
        };
        observer.finished(&result);
        (position, result)
    };
    let mut results: Vec<(usize, CheckResult)> = (0..ids.len())
        .map(result)
        .collect::<FuturesUnordered<_>>()
        .collect()
        .await;
    results.sort_by_key(|(position, _)| *position);
    results.into_iter().map(|(_, result)| result).collect()
}

/// Returns the outcome of a check whose needed checks did not pass: one that failed decides, or else the first that was
/// skipped, with its reason. `None` if there are no obstacles.
fn blocked(obstacles: &[(CheckId, Outcome)]) -> Option<Outcome> {
    let failed = obstacles.iter().find(|(_, outcome)| outcome.skip.is_none());
    let (needed, outcome) = failed.or_else(|| obstacles.first())?;
    Some(match &outcome.skip {
        None => Outcome::blocked(needed, ""),
        // The reason that keeps the other check from running keeps this one from running, too.
        Some(skip) => {
            let message = format!("Needs {needed}, which was skipped.");
            Outcome::skipped(skip.clone(), message)
        }
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::time::Duration;

    use super::*;
    use crate::access::outcome::{Skip, Status};

    fn minute() -> TimeLimit {
        TimeLimit::new(Duration::from_secs(60), CancellationToken::new())
    }

    fn id(text: &str) -> CheckId {
        text.parse().unwrap()
    }

    /// Runs the checks as the caller, all of them applicable.
    async fn run_all<F: Future<Output = Outcome>>(
        run: impl Fn(CheckId) -> F,
        limit: &TimeLimit,
        observer: &dyn Observer,
    ) -> Vec<CheckResult> {
        let steps = Steps {
            needs: |id: CheckId| id.needs(false).to_vec(),
            without: |_| None,
            run,
            only_warns: |_| false,
        };
        super::run(&CheckId::ALL, steps, limit, observer).await
    }

    fn outcome(results: &[CheckResult], id: CheckId) -> &Outcome {
        &results.iter().find(|result| result.id == id).unwrap().outcome
    }

    #[derive(Default)]
    struct Events(Mutex<Vec<String>>);

    impl Observer for Events {
        fn started(&self, id: CheckId) {
            self.0.lock().unwrap().push(format!("start {id}"));
        }
        fn finished(&self, result: &CheckResult) {
            let text = format!("{} {}", result.outcome.status, result.id);
            self.0.lock().unwrap().push(text);
        }
    }

    #[tokio::test(start_paused = true)]
    async fn independent_checks_run_concurrently() {
        let start = Instant::now();
        let all = async |_| {
            tokio::time::sleep(Duration::from_millis(50)).await;
            Outcome::passed("ok")
        };
        let results = run_all(all, &minute(), &()).await;
        assert_eq!(results.len(), CheckId::ALL.len());
        assert!(results.iter().all(|r| r.outcome.status == Status::Passed));
        assert!(results.iter().map(|result| result.id).eq(CheckId::ALL));
        // aws-credentials, cluster-active, access-entry or api-server, service-account or rbac,
        // job-dry-run: five one after the other.
        assert_eq!(start.elapsed().as_millis() / 50, 5);
    }

    #[tokio::test]
    async fn only_checks_that_need_a_failed_one_are_skipped() {
        let events = Events::default();
        let one_fails = async |id: CheckId| match id.as_str() {
            "role-exists" => Outcome::failed("no role"),
            "service-account" => Outcome::failed("no account"),
            "oidc-provider" => Outcome::warned("hm"),
            _ => Outcome::passed("ok"),
        };
        let results = run_all(one_fails, &minute(), &events).await;
        let skipped: Vec<_> = results
            .iter()
            .filter(|r| r.outcome.status == Status::Skipped)
            .map(|r| (r.id, r.outcome.message.as_str()))
            .collect();
        assert_eq!(
            skipped,
            [
                (id("role-trust"), "Needs role-exists, which failed."),
                (id("role-permission"), "Needs role-exists, which failed."),
                (id("pod-identity"), "Needs service-account, which failed."),
                (id("job-dry-run"), "Needs service-account, which failed."),
            ]
        );
        assert!(
            skipped
                .iter()
                .all(|(id, _)| outcome(&results, *id).skip == Some(Skip::Blocked))
        );
        let events = events.0.into_inner().unwrap();
        let at = |event: &str| events.iter().position(|e| e == event);
        assert!(at("passed api-server") < at("start namespace"));
        assert_eq!(at("start role-trust"), None);
        assert!(at("skipped role-trust").is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn a_check_past_the_time_limit_says_so() {
        let slow = async |check: CheckId| {
            if check.as_str() == "cluster-active" {
                tokio::time::sleep(Duration::from_secs(600)).await;
            }
            Outcome::passed("ok")
        };
        let start = Instant::now();
        let results = run_all(slow, &minute(), &()).await;
        assert_eq!(start.elapsed().as_secs(), 60);
        assert_eq!(
            outcome(&results, id("cluster-active")).message,
            "Not checked: timed out."
        );
        assert_eq!(
            outcome(&results, id("api-server")).message,
            "Needs cluster-active, which was skipped."
        );
        assert_eq!(outcome(&results, id("role-trust")).status, Status::Passed);
    }

    #[tokio::test]
    async fn a_skipped_check_passes_its_reason_on() {
        let unreachable = async |id: CheckId| match id.as_str() {
            "cluster-active" => Outcome::incomplete("no response", "No response."),
            "role-exists" => Outcome::skipped(Skip::Unknown, "Later."),
            _ => Outcome::passed("ok"),
        };
        let results = run_all(unreachable, &minute(), &()).await;
        for check in [id("api-server"), id("namespace"), id("job-dry-run")] {
            let skip = outcome(&results, check).skip.clone();
            assert_eq!(skip, Some(Skip::Incomplete("no response".into())), "{check}");
        }
        assert_eq!(outcome(&results, id("role-trust")).skip, Some(Skip::Unknown));
    }

    #[tokio::test]
    async fn a_failed_check_decides_over_a_skipped_one() {
        let run = async |id: CheckId| match id.as_str() {
            "api-server" => Outcome::incomplete("no response", "No response."),
            "access-entry" => Outcome::failed("No entry."),
            _ => Outcome::passed("ok"),
        };
        let results = run_all(run, &minute(), &()).await;
        let create = outcome(&results, id("rbac-create-jobs"));
        assert_eq!(create.skip, Some(Skip::Blocked));
        assert_eq!(create.message, "Needs access-entry, which failed.");
    }

    #[tokio::test]
    async fn a_check_that_does_not_apply_waits_for_no_other() {
        let steps = Steps {
            needs: |id: CheckId| id.needs(false).to_vec(),
            without: |check: CheckId| {
                let is_it = check.as_str() == "state-storage";
                is_it.then(|| Outcome::not_applicable("Another type."))
            },
            run: async |id: CheckId| match id.as_str() {
                "aws-credentials" => Outcome::incomplete("no credentials", "None."),
                _ => Outcome::passed("ok"),
            },
            only_warns: |_| false,
        };
        let results = super::run(&CheckId::ALL, steps, &minute(), &()).await;
        let skip = |check| outcome(&results, check).skip.clone();
        assert_eq!(skip(id("state-storage")), Some(Skip::NotApplicable));
        let incomplete = Some(Skip::Incomplete("no credentials".into()));
        assert_eq!(skip(id("job-dry-run")), incomplete);
    }

    #[tokio::test(start_paused = true)]
    async fn a_canceled_run_ends_at_once() {
        let limit = minute();
        limit.cancelled.cancel();
        let forever = async |_| {
            tokio::time::sleep(Duration::from_secs(600)).await;
            Outcome::passed("ok")
        };
        let start = Instant::now();
        let results = run_all(forever, &limit, &()).await;
        assert!(start.elapsed() < Duration::from_millis(10));
        assert_eq!(outcome(&results, id("session-name")).message, "Not checked: canceled.");
    }
}
