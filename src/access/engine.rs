//! Runs checks in the order of their prerequisites, those that need no other concurrently, within a
//! budget.

use std::future::Future;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::sync::watch;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::check::{CheckId, CheckResult, Outcome, Skip};

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

/// Why a check was not made whose time limit ended.
pub(super) const TIMED_OUT: &str = "timed out";

/// The message of a check that was not made for this reason.
pub(super) fn not_checked(reason: &str) -> String {
    format!("Not checked: {reason}.")
}

/// The longest budget: an instant that is further away than some platforms can express is not made.
const LONGEST: Duration = Duration::from_secs(10 * 365 * 24 * 60 * 60);

/// The time limit of a run.
#[derive(Debug, Clone)]
pub struct Budget {
    /// When the run ends.
    pub deadline: Instant,
    /// Ends the run at once.
    pub cancelled: CancellationToken,
}

impl Budget {
    /// A budget of this length from now, until it is cancelled.
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
            () = tokio::time::sleep_until(self.deadline) => Err(TIMED_OUT),
        }
    }
}

/// What the engine knows of the checks that it runs.
pub(super) struct Steps<N, W, R> {
    /// The checks that a check needs: they must have passed, or only warned, before it is made.
    pub(super) needs: N,
    /// The outcome of a check that is not made, whatever the checks that it needs come to.
    pub(super) without: W,
    /// Makes a check.
    pub(super) run: R,
}

/// Runs every check of [`CheckId::ALL`] and gives the results in that order.
///
/// A check begins when all the checks that it needs have ended. When one of them did not pass, the
/// check is skipped and the message names that one. A check that has no result when the budget is
/// over is skipped, and its message says so.
pub(super) async fn run<N, W, R, F>(
    steps: Steps<N, W, R>,
    budget: &Budget,
    observer: &dyn Observer,
) -> Vec<CheckResult>
where
    N: Fn(CheckId) -> Vec<CheckId>,
    W: Fn(CheckId) -> Option<Outcome>,
    R: Fn(CheckId) -> F,
    F: Future<Output = Outcome>,
{
    // Each check has a channel on which those that need it wait for its outcome.
    let channels = CheckId::ALL.map(|id| (id, watch::channel(None::<Outcome>).0));
    let of = |id: CheckId| {
        let found = channels.iter().find(|(other, _)| *other == id);
        &found.unwrap_or(&channels[0]).1
    };
    let needed = async |id: CheckId| {
        let mut receiver = of(id).subscribe();
        let ended = receiver.wait_for(Option::is_some).await;
        let outcome = ended.ok().and_then(|outcome| outcome.clone());
        outcome.filter(|outcome| !outcome.is_good())
    };
    let one = async |id: CheckId| {
        let outcome = 'outcome: {
            if let Some(outcome) = (steps.without)(id) {
                break 'outcome outcome;
            }
            let mut missing = Vec::new();
            for other in (steps.needs)(id) {
                missing.extend(needed(other).await.map(|outcome| (other, outcome)));
            }
            if let Some(blocked) = blocked(&missing) {
                break 'outcome blocked;
            }
            observer.started(id);
            budget
                .limit((steps.run)(id))
                .await
                .unwrap_or_else(|over| Outcome::incomplete(over, not_checked(over)))
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

/// The outcome of a check of whose needed checks these did not pass: one that failed decides,
/// otherwise the first that was skipped, and with its reason. `None` where there are none.
fn blocked(missing: &[(CheckId, Outcome)]) -> Option<Outcome> {
    let failed = missing.iter().find(|(_, outcome)| outcome.skip.is_none());
    let (needed, outcome) = failed.or_else(|| missing.first())?;
    Some(match &outcome.skip {
        None => Outcome::skipped(Skip::Blocked, format!("Needs {needed}, which failed.")),
        // What keeps the other check from being made keeps this one, too.
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

    use super::super::check::Status;
    use super::super::settings::Identity;
    use super::*;

    fn minute() -> Budget {
        Budget::new(Duration::from_secs(60), CancellationToken::new())
    }

    /// Runs the checks as the caller, all of them applicable.
    async fn run_all<F: Future<Output = Outcome>>(
        run: impl Fn(CheckId) -> F,
        budget: &Budget,
        observer: &dyn Observer,
    ) -> Vec<CheckResult> {
        let steps = Steps {
            needs: |id: CheckId| id.prerequisites(Identity::Caller).to_vec(),
            without: |_| None,
            run,
        };
        super::run(steps, budget, observer).await
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
        let results = run_all(all, &minute(), &()).await;
        assert_eq!(results.len(), CheckId::ALL.len());
        assert!(results.iter().all(|r| r.outcome.status == Status::Passed));
        assert!(results.is_sorted_by_key(|result| result.id));
        // aws-credentials, cluster-active, access-entry or api-server, service-account or rbac,
        // job-dry-run: five one after the other.
        assert_eq!(start.elapsed().as_millis() / 50, 5);
    }

    #[tokio::test]
    async fn what_a_failure_makes_unreachable_is_skipped_by_name_and_nothing_else() {
        let events = Events::default();
        let one_fails = async |id| match id {
            CheckId::RoleExists => Outcome::failed("no role"),
            CheckId::ServiceAccount => Outcome::failed("no account"),
            CheckId::OidcProvider => Outcome::warned("hm"),
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
                (CheckId::RoleTrust, "Needs role-exists, which failed."),
                (CheckId::RolePermission, "Needs role-exists, which failed."),
                (CheckId::JobDryRun, "Needs service-account, which failed."),
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
    async fn what_does_not_fit_the_budget_says_so() {
        let slow = async |id| {
            if id == CheckId::ClusterActive {
                tokio::time::sleep(Duration::from_secs(600)).await;
            }
            Outcome::passed("ok")
        };
        let start = Instant::now();
        let results = run_all(slow, &minute(), &()).await;
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

    #[tokio::test]
    async fn what_keeps_a_check_from_being_made_keeps_those_that_need_it_from_it() {
        let unreachable = async |id| match id {
            CheckId::ClusterActive => Outcome::incomplete("no response", "No response."),
            CheckId::RoleExists => Outcome::skipped(Skip::Unknown, "Later."),
            _ => Outcome::passed("ok"),
        };
        let results = run_all(unreachable, &minute(), &()).await;
        for id in [CheckId::ApiServer, CheckId::Namespace, CheckId::JobDryRun] {
            let skip = outcome(&results, id).skip.clone();
            assert_eq!(skip, Some(Skip::Incomplete("no response".into())), "{id}");
        }
        assert_eq!(
            outcome(&results, CheckId::RoleTrust).skip,
            Some(Skip::Unknown)
        );
    }

    #[tokio::test]
    async fn a_failed_check_decides_over_one_that_was_not_made() {
        let run = async |id| match id {
            CheckId::ApiServer => Outcome::incomplete("no response", "No response."),
            CheckId::AccessEntry => Outcome::failed("No entry."),
            _ => Outcome::passed("ok"),
        };
        let results = run_all(run, &minute(), &()).await;
        let create = outcome(&results, CheckId::RbacCreateJobs);
        assert_eq!(create.skip, Some(Skip::Blocked));
        assert_eq!(create.message, "Needs access-entry, which failed.");
    }

    #[tokio::test]
    async fn a_check_that_does_not_apply_waits_for_none() {
        let steps = Steps {
            needs: |id: CheckId| id.prerequisites(Identity::Caller).to_vec(),
            without: |id| {
                (id == CheckId::StateStorage).then(|| Outcome::not_applicable("Another type."))
            },
            run: async |id| match id {
                CheckId::AwsCredentials => Outcome::incomplete("no credentials", "None."),
                _ => Outcome::passed("ok"),
            },
        };
        let results = super::run(steps, &minute(), &()).await;
        let skip = |id| outcome(&results, id).skip.clone();
        assert_eq!(skip(CheckId::StateStorage), Some(Skip::NotApplicable));
        let incomplete = Some(Skip::Incomplete("no credentials".into()));
        assert_eq!(skip(CheckId::JobDryRun), incomplete);
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
        let results = run_all(forever, &budget, &()).await;
        assert!(start.elapsed() < Duration::from_millis(10));
        assert_eq!(
            outcome(&results, CheckId::SessionName).message,
            "Not checked: canceled."
        );
    }
}
