//! Follows the Job of a probe until its container has started or the reason why not is known, and then how the container ends.

use std::time::Duration;

use futures_util::future::join_all;
use serde_json::Value;
use tokio::time::{Instant, sleep, sleep_until};

use super::end::{ContainerEnd, log_path, printable};
use super::event::Event;
use super::reason::{Reason, StartState};
use super::{Ended, GRACE, ProbeReport, connected};
use crate::access::kubernetes::{KubeError, KubeResult};
use crate::access::run::Run;
use crate::runner::job_container::MAIN;

/// The pause between two reads of the Job.
pub(super) const PAUSE: Duration = Duration::from_millis(500);
/// How long the container is followed after its start. After [`GRACE`], the Job's own time limit can end it.
const RUNS: Duration = Duration::from_secs(10);
const _: () = assert!(RUNS.as_secs() < GRACE.as_secs());

/// Follows one Job, with the caller's credentials.
pub(super) struct Follower<'a> {
    run: &'a Run<'a>,
    namespace: &'a str,
    name: &'a str,
}

/// The Job and its pod at one moment.
struct Look {
    job: Value,
    pod: Option<Value>,
    events: Vec<Event>,
}

impl<'a> Follower<'a> {
    /// Returns a follower of the Job with this name.
    pub(super) fn new(run: &'a Run<'a>, namespace: &'a str, name: &'a str) -> Self {
        Self { run, namespace, name }
    }

    /// Follows the Job until its end is known, and adds what it reads to `report`.
    pub(super) async fn follow(
        &self,
        deadline: Instant,
        timeout: Duration,
        say: &(dyn Fn(&str) + Sync),
        report: &mut ProbeReport,
    ) -> Ended {
        // The reason that was seen last, and since when.
        let mut obstacle: Option<(Reason, Instant)> = None;
        let mut pod = None;
        loop {
            let error = match self.look().await {
                Ok(look) => {
                    note(&look, say, report);
                    match StartState::judge(&look.job, look.pod.as_ref(), &report.events) {
                        StartState::Started => return Ended::Started,
                        StartState::Failed(reason) => return Ended::NotStarted(reason),
                        StartState::Waiting(None) => obstacle = None,
                        StartState::Waiting(Some(reason)) => {
                            let since = match &obstacle {
                                Some((before, since)) if before.kind == reason.kind => *since,
                                _ => Instant::now(),
                            };
                            if reason.is_settled(since.elapsed()) {
                                return Ended::NotStarted(reason);
                            }
                            obstacle = Some((reason, since));
                        }
                    }
                    pod = look.pod;
                    None
                }
                Err(KubeError::Status { code: 404, .. }) => {
                    return Ended::Unknown("Another client deleted the Job.".to_owned());
                }
                Err(other) => Some(other),
            };
            if Instant::now() >= deadline {
                return match (obstacle, error) {
                    (Some((reason, _)), _) => Ended::NotStarted(reason),
                    (None, Some(error)) => Ended::Unknown(format!("Not followed: {error}.")),
                    (None, None) => Ended::NotStarted(Reason::timed_out(timeout, report, pod.as_ref())),
                };
            }
            tokio::select! {
                () = sleep(PAUSE) => {}
                () = sleep_until(deadline) => {}
            }
        }
    }

    /// Follows the container after its start for some seconds. If it ends, how it did goes to `report`, with the last lines of
    /// the log of one that ended with an error.
    pub(super) async fn follow_end(&self, say: &(dyn Fn(&str) + Sync), report: &mut ProbeReport) {
        let until = Instant::now() + RUNS;
        loop {
            // An error of a call can go away.
            let pod = self.pod().await.unwrap_or_default();
            if let Some(mut end) = pod.as_ref().and_then(ContainerEnd::read) {
                say(&format!(
                    "Container {MAIN} ended with exit code {} ({})",
                    end.exit_code, end.reason
                ));
                if end.exit_code != 0 {
                    end.log = match pod.as_ref().and_then(log_path) {
                        Some(path) => Some(self.log(&path).await),
                        None => None,
                    };
                }
                report.end = Some(end);
                return;
            }
            if Instant::now() >= until {
                return;
            }
            sleep(PAUSE).await;
        }
    }

    async fn pod(&self) -> KubeResult<Option<Value>> {
        let caller = connected(self.run.cluster_of_caller().await)?;
        let pods = caller.get_now(&self.pods_path()).await?;
        Ok(pods["items"].as_array().and_then(|pods| pods.first().cloned()))
    }

    /// Returns the log at a path, or why it could not be read.
    async fn log(&self, path: &str) -> Result<String, String> {
        let caller = connected(self.run.cluster_of_caller().await);
        let log = match caller {
            Ok(caller) => caller.text_now(path).await,
            Err(error) => Err(error),
        };
        log.map(|log| printable(&log)).map_err(|error| {
            if error.is_forbidden() {
                "the caller has no permission to get pods/log".to_owned()
            } else {
                error.to_string()
            }
        })
    }

    fn pods_path(&self) -> String {
        let (namespace, name) = (self.namespace, self.name);
        format!("/api/v1/namespaces/{namespace}/pods?labelSelector=job-name%3D{name}")
    }

    async fn look(&self) -> KubeResult<Look> {
        let (namespace, name) = (self.namespace, self.name);
        let job = format!("/apis/batch/v1/namespaces/{namespace}/jobs/{name}");
        let pods = self.pods_path();
        let caller = connected(self.run.cluster_of_caller().await)?;
        let events = async |object: &str| {
            let path = format!("/api/v1/namespaces/{namespace}/events?fieldSelector=involvedObject.name%3D{object}");
            caller.get_now(&path).await
        };
        let (job, pods, of_job) = tokio::try_join!(caller.get_now(&job), caller.get_now(&pods), events(name))?;
        let pods = pods["items"].as_array().cloned().unwrap_or_default();
        let names = pods.iter().filter_map(|pod| pod["metadata"]["name"].as_str());
        let of_pods = join_all(names.map(&events)).await;
        let of_pods = of_pods.into_iter().collect::<KubeResult<Vec<_>>>()?;
        Ok(Look {
            job,
            events: Event::read_all([&of_job].into_iter().chain(&of_pods)),
            pod: pods.into_iter().next(),
        })
    }
}

/// Notes what is new in the report, and says so.
fn note(look: &Look, say: &(dyn Fn(&str) + Sync), report: &mut ProbeReport) {
    let pulled = |events: &[Event]| {
        let mut events = events.iter();
        events.any(|event| event.reason == "Pulled" && event.is_about(MAIN))
    };
    let was_pulled = pulled(&report.events);
    // An event that the cluster has merged or removed since is not shown twice.
    report.events.clone_from(&look.events);
    let Some(pod) = &look.pod else {
        return;
    };
    if report.pod.is_none() {
        report.pod = pod["metadata"]["name"].as_str().map(str::to_owned);
    }
    if report.node.is_none()
        && let Some(node) = pod["spec"]["nodeName"].as_str()
    {
        report.node = Some(node.to_owned());
        say(&format!("Scheduled on node {node}"));
    }
    if !was_pulled && pulled(&report.events) {
        say("Image pulled");
    }
}
