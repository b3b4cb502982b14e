//! The probe: one real Job, created as the runner, followed until its container has started or the reason why not is
//! known, and deleted again.
//!
//! Nothing else here creates anything. The runner's Role cannot delete Jobs, so the caller's own credentials do.

mod end;
mod event;
mod follow;
mod reason;

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

pub use end::ContainerEnd;
pub use event::Event;
use follow::Follower;
pub use reason::{Reason, ReasonKind};

use super::check_error::CheckError;
use super::kubernetes::refusal::{Refusal, refusal};
use super::kubernetes::user::User;
use super::kubernetes::{ClusterClient, KubeError, KubeResult, ResourceAction};
use super::outcome::Outcome;
use super::run::{Connections, Run};
use super::settings::Settings;
use super::subject::Subject;
use crate::runner::job_container::{MAIN, PLACEHOLDERS};
use crate::secrets::redacted;

/// How long after the end of the probe the Job still can run, if nothing deletes it.
const GRACE: Duration = Duration::from_secs(15);
/// How long the cluster keeps the ended Job of a probe that was killed, in seconds.
const TTL: u32 = 30;
/// The longest time limit of a Job.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);
/// How long the deletion of the Job is followed. Its container has 30 seconds to end, and the API server ends a request after a
/// minute (`--request-timeout` of kube-apiserver).
const DELETION: Duration = Duration::from_secs(60);

/// What the caller has to be allowed to do with the Job: the API group, the resource, and the verb.
const NEEDS: [(&str, &str, &str); 4] = [
    ("batch", "jobs", "delete"),
    ("batch", "jobs", "get"),
    ("", "pods", "list"),
    ("", "events", "list"),
];

/// Probes runners.
pub struct Probe {
    connections: Connections,
}

/// How a probe runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProbeOptions {
    /// How long to wait for the container to start.
    pub timeout: Duration,
    /// Whether the Job stays.
    pub keep: bool,
}

/// A probe that can begin: the Job is known, and the caller is allowed to follow it and to delete it.
pub struct Prepared<'a> {
    /// The connections. A token for the cluster is valid for some minutes, so none is kept.
    run: Run<'a>,
    options: ProbeOptions,
    job: Value,
    jobs: String,
    /// The user that is impersonated to create the Job. `None` if the runner itself creates it.
    impersonated: Option<User>,
    /// The name of the Job.
    pub name: String,
    /// The namespace of the Job.
    pub namespace: String,
    /// The cluster's name.
    pub cluster: String,
    /// The cluster's region.
    pub region: String,
    /// The user that creates the Job.
    pub user: String,
    /// The image of the container `main`.
    pub image: String,
}

/// How a probe ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ended {
    /// The container `main` has started.
    Started,
    /// The container does not start, or has not started before the timeout.
    NotStarted(Reason),
    /// Whether the container would have started is unknown, for this reason: a sentence.
    Unknown(String),
}

/// What became of the Job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Deletion {
    /// The Job was not created.
    NotCreated,
    /// The Job and its pod are gone.
    Deleted,
    /// The Job is being deleted, and its pod has not ended yet.
    Deleting,
    /// The Job stays, as requested.
    Kept {
        /// Whether the API has confirmed that the Job was created.
        is_confirmed: bool,
    },
    /// The API has not confirmed that the Job was created, and it does not exist.
    NotFound,
    /// The Job could not be deleted, for this reason.
    Failed(String),
}

/// What a probe has found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProbeReport {
    /// How it ended.
    pub ended: Ended,
    /// The name of the pod.
    pub pod: Option<String>,
    /// The node that the pod was scheduled on.
    pub node: Option<String>,
    /// The events of the Job and of its pod until the container started, in order.
    pub events: Vec<Event>,
    /// How the container ended, if it did soon after it had started.
    pub end: Option<ContainerEnd>,
    /// What became of the Job.
    pub deletion: Deletion,
}

impl ProbeReport {
    /// The variables of the container that were placeholders.
    pub const PLACEHOLDERS: [&'static str; PLACEHOLDERS.len()] = PLACEHOLDERS;
}

impl Probe {
    /// Returns a probe with these settings.
    #[must_use]
    pub fn new(settings: Settings) -> Self {
        Self {
            connections: Connections::new(settings),
        }
    }

    /// Prepares the probe of a runner. Nothing is created.
    ///
    /// # Errors
    /// Why there can be no probe, such as that the caller is not allowed to delete Jobs.
    pub async fn prepare<'a>(&'a self, subject: &'a Subject, options: ProbeOptions) -> Result<Prepared<'a>, Outcome> {
        let run = Run::new(&self.connections, subject);
        let prepared = Box::pin(prepare(run, options)).await;
        prepared.map_err(|error| Outcome::from(error).redacted())
    }
}

async fn prepare(run: Run<'_>, options: ProbeOptions) -> Result<Prepared<'_>, CheckError> {
    if !run.as_runner() {
        run.same_account().await?;
    }
    let name = format!("eks-runner-probe-{:016x}", fastrand::u64(..));
    let namespace = run.namespace()?.to_owned();
    let job = bounded(run.job()?, &name, options);
    review(&run.cluster_of_caller().await?, &namespace).await?;
    let user = run.user().await?.filter(|user| !user.name.is_empty());
    let user = match user {
        Some(user) => user,
        // The runner creates the Job as itself, whatever the cluster calls it.
        None if run.as_runner() => User {
            name: String::new(),
            groups: Vec::new(),
        },
        None => {
            return Err(Outcome::incomplete(
                "the runner's user is unknown",
                "The cluster does not map the runner's role to a user with a fixed name, so the Job cannot be created as the \
                 runner. `eks-runner check` shows why.",
            )
            .into());
        }
    };
    let containers = job["spec"]["template"]["spec"]["containers"].as_array();
    let mut containers = containers.into_iter().flatten();
    let image = containers.find(|one| one["name"] == MAIN);
    let image = image.and_then(|main| main["image"].as_str());
    Ok(Prepared {
        options,
        jobs: format!("/apis/batch/v1/namespaces/{namespace}/jobs"),
        image: image.unwrap_or_default().to_owned(),
        cluster: run.cluster_name()?.to_owned(),
        region: run.region()?.to_owned(),
        user: user.name.clone(),
        impersonated: (!run.as_runner()).then_some(user),
        job,
        name,
        namespace,
        run,
    })
}

/// Returns the Orchestrator's Job with a name of its own, and with limits that end and remove it if the probe cannot.
fn bounded(mut job: Value, name: &str, options: ProbeOptions) -> Value {
    let deadline = options.timeout.min(LONGEST) + GRACE;
    job["metadata"]["name"] = name.into();
    job["spec"]["activeDeadlineSeconds"] = deadline.as_secs().into();
    if !options.keep {
        job["spec"]["ttlSecondsAfterFinished"] = TTL.into();
    }
    job
}

/// Returns an error unless the caller is allowed to follow and to delete the Job.
async fn review(caller: &Arc<ClusterClient>, namespace: &str) -> Result<(), CheckError> {
    let mut missing = Vec::new();
    for (group, resource, verb) in NEEDS {
        let action = ResourceAction {
            group,
            resource,
            verb,
            namespace: namespace.to_owned(),
        };
        if !caller.is_allowed(None, &action).await? {
            missing.push(format!("{verb} {resource}"));
        }
    }
    if missing.is_empty() {
        return Ok(());
    }
    let missing = missing.join(", ");
    Err(Outcome::incomplete(
        "no permission to follow and delete the Job",
        format!(
            "Nothing was created: the caller has no permission to {missing} in namespace {namespace:?}. The runner is not \
             allowed to delete Jobs, so the caller needs this permission."
        ),
    )
    .into())
}

impl Prepared<'_> {
    /// Creates the Job, follows it, and deletes it. `say` is called with each step as it happens.
    ///
    /// A cancellation ends the probe at any time, and the Job is still deleted.
    pub async fn run(&self, cancelled: &CancellationToken, say: &(dyn Fn(&str) + Sync)) -> ProbeReport {
        let mut report = ProbeReport {
            ended: Ended::Unknown("Canceled.".to_owned()),
            pod: None,
            node: None,
            events: Vec::new(),
            end: None,
            deletion: Deletion::NotCreated,
        };
        if cancelled.is_cancelled() {
            return report;
        }
        let deadline = Instant::now() + self.options.timeout.min(LONGEST);
        let cluster = match connected(self.run.cluster().await) {
            Ok(cluster) => cluster,
            Err(error) => {
                report.ended = Ended::Unknown(format!("No Job was created: {error}."));
                return redact(report);
            }
        };
        say(&format!("Creating Job {}", self.name));
        let user = self.impersonated.as_ref();
        // A request that was sent is not given up: it might create the Job after its deletion.
        let created = cluster.create(&self.jobs, &self.job, user).await;
        let is_confirmed = created.is_ok();
        report.ended = match created {
            Ok(()) => {
                say("Created");
                self.follow(deadline, cancelled, say, &mut report).await
            }
            Err(error) => {
                if let Some(ended) = self.refused(&error) {
                    report.ended = ended;
                    return redact(report);
                }
                if is_refusal(&error) {
                    report.ended = Ended::Unknown(format!("No Job was created: {error}."));
                    return redact(report);
                }
                Ended::Unknown(format!("It is unknown whether the Job was created: {error}."))
            }
        };
        report.deletion = self.delete(is_confirmed, say).await;
        redact(report)
    }

    /// Follows the Job until it is known whether its container starts, and then how it ends, until `cancelled`.
    async fn follow(
        &self,
        deadline: Instant,
        cancelled: &CancellationToken,
        say: &(dyn Fn(&str) + Sync),
        report: &mut ProbeReport,
    ) -> Ended {
        let follower = Follower::new(&self.run, &self.namespace, &self.name);
        let ended = tokio::select! {
            biased;
            () = cancelled.cancelled() => Ended::Unknown("Canceled.".to_owned()),
            ended = follower.follow(deadline, self.options.timeout, say, report) => ended,
        };
        if ended == Ended::Started {
            tokio::select! {
                biased;
                () = cancelled.cancelled() => {}
                () = follower.follow_end(say, report) => {}
            }
        }
        ended
    }

    /// Returns how a probe ends whose Job the API refuses. `None` if the error does not say that there is no Job.
    fn refused(&self, error: &KubeError) -> Option<Ended> {
        let KubeError::Status { code, message } = error else {
            return None;
        };
        let reason = Reason::refusal(*code, message, "Job")?;
        let is_impersonated = self.impersonated.is_some();
        Some(match reason.kind {
            _ if refusal(*code, message) == Refusal::QuotaNotCounted => Ended::Unknown(format!(
                "The cluster does not know yet how much of a ResourceQuota is used: {message}. Run the probe again."
            )),
            ReasonKind::Impersonation => Ended::Unknown(format!(
                "The caller has no permission to impersonate the runner's user: {message}."
            )),
            // An EKS access policy grants by principal, and not by the name that is impersonated.
            _ if is_impersonated && refusal(*code, message) == Refusal::NoRight => Ended::Unknown(format!(
                "The impersonated user is not allowed to create the Job: {message}. If the role has this permission \
                     through an EKS access policy, which impersonation does not include, set --as runner. `eks-runner \
                     check` shows whether it does."
            )),
            _ => Ended::NotStarted(reason),
        })
    }

    /// Deletes the Job, and follows its deletion. `is_confirmed` is whether the API has confirmed that it was created.
    async fn delete(&self, is_confirmed: bool, say: &(dyn Fn(&str) + Sync)) -> Deletion {
        if self.options.keep {
            return Deletion::Kept { is_confirmed };
        }
        say(&format!("Deleting Job {}", self.name));
        let path = format!("{}/{}", self.jobs, self.name);
        let deadline = Instant::now() + DELETION;
        let (mut last, mut is_found) = (None, is_confirmed);
        while Instant::now() < deadline {
            let deleted = match connected(self.run.cluster_of_caller().await) {
                Ok(caller) => caller.delete(&path).await,
                Err(error) => Err(error),
            };
            match deleted {
                Ok(true) => (last, is_found) = (None, true),
                Ok(false) if is_found => return Deletion::Deleted,
                // A request that timed out here can still create the Job.
                Ok(false) => last = None,
                Err(error) => last = Some(error.to_string()),
            }
            sleep(follow::PAUSE).await;
        }
        match last {
            Some(error) => Deletion::Failed(error),
            None if is_found => Deletion::Deleting,
            None => Deletion::NotFound,
        }
    }
}

/// Returns whether the API has refused a request, so that it has no effect. Only a request timeout (408) can have one.
fn is_refusal(error: &KubeError) -> bool {
    matches!(error, KubeError::Status { code: 400..=407 | 409..=499, .. })
}

/// Returns the cluster's API, or why there is none as an error of its calls.
fn connected(cluster: Result<Arc<ClusterClient>, CheckError>) -> KubeResult<Arc<ClusterClient>> {
    cluster.map_err(|error| KubeError::Unreachable(Outcome::from(error).message))
}

/// Returns the report without the credentials that a text of the cluster might have brought into it.
fn redact(mut report: ProbeReport) -> ProbeReport {
    report.ended = match report.ended {
        Ended::Started => Ended::Started,
        Ended::NotStarted(reason) => Ended::NotStarted(Reason {
            message: redacted(reason.message),
            ..reason
        }),
        Ended::Unknown(why) => Ended::Unknown(redacted(why)),
    };
    for event in &mut report.events {
        event.message = redacted(std::mem::take(&mut event.message));
    }
    if let Some(ContainerEnd {
        log: Some(Ok(text) | Err(text)),
        ..
    }) = &mut report.end
    {
        *text = redacted(std::mem::take(text));
    }
    report
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_refused_request_has_no_effect() {
        let is = |code| {
            let message = "message".to_owned();
            is_refusal(&KubeError::Status { code, message })
        };
        assert!([401, 403, 409, 422, 429].into_iter().all(is));
        assert!(![408, 500, 503, 504].into_iter().any(is));
        assert!(!is_refusal(&KubeError::Unreachable("reset".to_owned())));
    }
}
