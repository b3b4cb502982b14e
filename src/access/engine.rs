//! Runs checks in the order of their prerequisites, those that need no other side by side, within
//! a budget.

use std::future::Future;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::check::{CheckId, CheckResult, Outcome, Skip};

/// Who is told how a run goes on.
pub trait Observer: Send + Sync {
    /// A check has begun to ask.
    fn started(&self, id: CheckId) {
        let _ = id;
    }
    /// A check has come out.
    fn finished(&self, result: &CheckResult) {
        let _ = result;
    }
}

/// Nobody.
impl Observer for () {}

/// The longest budget: an instant that is further away than some platforms can express is not made.
const LONGEST: Duration = Duration::from_secs(10 * 365 * 24 * 60 * 60);

/// How long a run may take.
#[derive(Debug, Clone)]
pub struct Budget {
    /// When it must be over.
    pub deadline: Instant,
    /// Ends it at once.
    pub cancelled: CancellationToken,
}

impl Budget {
    /// So long from now, and until someone cancels it.
    #[must_use]
    pub fn new(length: Duration, cancelled: CancellationToken) -> Self {
        Self {
            deadline: Instant::now() + length.min(LONGEST),
            cancelled,
        }
    }

    /// Waits for what comes first: the future's end, the deadline, or the cancellation. The
    /// error says which of the latter.
    pub(super) async fn limit<T>(
        &self,
        future: impl Future<Output = T>,
    ) -> Result<T, &'static str> {
        tokio::select! {
            biased;
            () = self.cancelled.cancelled() => Err("canceled"),
            value = future => Ok(value),
            () = tokio::time::sleep_until(self.deadline) => Err("timed out"),
        }
    }
}

/// Runs every check of [`CheckId::ALL`] with `run`, and gives the results in that order.
///
/// A check is begun when all its `prerequisites` have come out. When one of them did not come out
/// well, the check is skipped and the message names that one. What has no result when the budget
/// is over is skipped, and says so.
pub(super) async fn run<F>(
    prerequisites: impl Fn(CheckId) -> &'static [CheckId],
    run: impl Fn(CheckId) -> F,
    budget: &Budget,
    observer: &dyn Observer,
) -> Vec<CheckResult>
where
    F: Future<Output = Outcome>,
{
    // Each check has a channel on which those that need it wait for its outcome.
    let channels = CheckId::ALL.map(|id| (id, watch::channel(None::<Outcome>).0));
    let of = |id: CheckId| {
        let found = channels.iter().find(|(other, _)| *other == id);
        &found.unwrap_or(&channels[0]).1
    };
    let one = async |id: CheckId| {
        let outcome = 'outcome: {
            for &needed in prerequisites(id) {
                let mut receiver = of(needed).subscribe();
                let waited = receiver.wait_for(Option::is_some).await;
                let good = waited.is_ok_and(|o| o.as_ref().is_some_and(Outcome::is_good));
                if !good {
                    break 'outcome blocked(needed, of(needed).borrow().as_ref());
                }
            }
            observer.started(id);
            budget
                .limit(run(id))
                .await
                .unwrap_or_else(|over| Outcome::incomplete(over, format!("Not checked: {over}.")))
        };
        // Every text of every check passes here.
        let outcome = outcome.redacted();
        of(id).send_replace(Some(outcome.clone()));
        let result = CheckResult { id, outcome };
        observer.finished(&result);
        result
    };
    let mut results: Vec<CheckResult> = CheckId::ALL
        .map(one)
        .into_iter()
        .collect::<FuturesUnordered<_>>()
        .collect()
        .await;
    results.sort_by_key(|result| result.id);
    results
}

/// What a check comes to whose prerequisite did not come out well.
fn blocked(needed: CheckId, outcome: Option<&Outcome>) -> Outcome {
    // What keeps the other check from being made keeps this one, too.
    let (skip, was) = match outcome.and_then(|outcome| outcome.skip.clone()) {
        Some(skip) => (skip, "was skipped"),
        None => (Skip::Blocked, "failed"),
    };
    Outcome::skipped(skip, format!("Needs {needed}, which {was}."))
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;
    use std::time::Duration;

    use super::super::check::Status;
    use super::super::settings::Identity;
    use super::*;

    fn minute() -> Budget {
        Budget::new(Duration::from_secs(60), CancellationToken::new())
    }

    fn caller(id: CheckId) -> &'static [CheckId] {
        id.prerequisites(Identity::Caller)
    }

    fn outcome(results: &[CheckResult], id: CheckId) -> &Outcome {
        &results
            .iter()
            .find(|result| result.id == id)
            .unwrap()
            .outcome
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
    async fn what_needs_nothing_runs_side_by_side() {
        let start = Instant::now();
        let all = async |_| {
            tokio::time::sleep(Duration::from_millis(50)).await;
            Outcome::passed("ok")
        };
        let results = run(caller, all, &minute(), &()).await;
        assert_eq!(results.len(), CheckId::ALL.len());
        assert!(results.iter().all(|r| r.outcome.status == Status::Passed));
        assert!(results.is_sorted_by_key(|result| result.id));
        // aws-credentials, cluster-active, access-entry or api-server, namespace or rbac,
        // service-account, job-dry-run: six one after the other.
        assert_eq!(start.elapsed().as_millis() / 50, 6);
    }

    #[tokio::test]
    async fn what_a_failure_makes_unreachable_is_skipped_by_name_and_nothing_else() {
        let events = Events::default();
        let one_fails = async |id| match id {
            CheckId::Namespace => Outcome::failed("no namespace"),
            CheckId::RoleTrust => Outcome::warned("hm"),
            _ => Outcome::passed("ok"),
        };
        let results = run(caller, one_fails, &minute(), &events).await;
        let skipped: Vec<_> = results
            .iter()
            .filter(|r| r.outcome.status == Status::Skipped)
            .map(|r| (r.id, r.outcome.message.as_str()))
            .collect();
        assert_eq!(
            skipped,
            [
                (CheckId::ServiceAccount, "Needs namespace, which failed."),
                (CheckId::PodTemplateRefs, "Needs namespace, which failed."),
                (
                    CheckId::JobDryRun,
                    "Needs service-account, which was skipped."
                ),
            ]
        );
        let events = events.0.into_inner().unwrap();
        let at = |event: &str| events.iter().position(|e| e == event);
        assert!(at("passed api-server") < at("start namespace"));
        assert_eq!(at("start service-account"), None);
        assert!(at("skipped service-account").is_some());
    }

    #[tokio::test(start_paused = true)]
    async fn what_does_not_fit_the_budget_says_so() {
        let slow = async |id| {
            if id == CheckId::ClusterActive {
                tokio::time::sleep(Duration::from_secs(600)).await;
            }
            Outcome::passed("ok")
        };
        let start = Instant::now();
        let results = run(caller, slow, &minute(), &()).await;
        assert_eq!(start.elapsed().as_secs(), 60);
        assert_eq!(
            outcome(&results, CheckId::ClusterActive).message,
            "Not checked: timed out."
        );
        assert_eq!(
            outcome(&results, CheckId::ApiServer).message,
            "Needs cluster-active, which was skipped."
        );
        assert_eq!(outcome(&results, CheckId::RoleTrust).status, Status::Passed);
    }

    #[tokio::test(start_paused = true)]
    async fn a_cancelled_run_ends_at_once() {
        let budget = minute();
        budget.cancelled.cancel();
        let forever = async |_| {
            tokio::time::sleep(Duration::from_secs(600)).await;
            Outcome::passed("ok")
        };
        let start = Instant::now();
        let results = run(caller, forever, &budget, &()).await;
        assert!(start.elapsed() < Duration::from_millis(10));
        assert_eq!(
            outcome(&results, CheckId::SessionName).message,
            "Not checked: canceled."
        );
    }
}
