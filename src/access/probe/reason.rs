//! Why the container of a Job has not started.

use std::time::Duration;

use serde_json::Value;

use super::ProbeReport;
use super::event::Event;
use crate::access::kubernetes::exceeded_quota::is_only_used_up;
use crate::access::kubernetes::refusal::{Refusal, refusal};
use crate::runner::job_container::MAIN;

/// The kind of a reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReasonKind {
    /// The caller is not allowed to impersonate the runner's user.
    Impersonation,
    /// The API refuses the Job or its pod.
    Refused,
    /// A quota has no room for the Job or its pod.
    Quota,
    /// A webhook or a policy refuses the Job or its pod, or a webhook does not respond.
    Webhook,
    /// The Job is suspended.
    Suspended,
    /// No node can take the pod.
    Unschedulable,
    /// A volume cannot be mounted.
    Mount,
    /// The image cannot be pulled.
    ImagePull,
    /// The container's configuration names something that does not exist.
    ContainerConfig,
    /// The container runtime cannot start the container.
    ContainerStart,
    /// An init container failed.
    InitContainer,
    /// An init container or a sidecar ends again and again.
    Restarting,
    /// The pod ended before its container started.
    PodFailed,
    /// Nothing is wrong yet, but it takes longer than the timeout.
    Timeout,
}

impl ReasonKind {
    /// Returns the kind in writing.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Impersonation => "impersonation",
            Self::Refused => "refused",
            Self::Quota => "quota",
            Self::Webhook => "webhook",
            Self::Suspended => "suspended",
            Self::Unschedulable => "unschedulable",
            Self::Mount => "mount",
            Self::ImagePull => "image-pull",
            Self::ContainerConfig => "container-config",
            Self::ContainerStart => "container-start",
            Self::InitContainer => "init-container",
            Self::Restarting => "restarting",
            Self::PodFailed => "pod-failed",
            Self::Timeout => "timeout",
        }
    }

    /// Returns how long it has to last before it is certain. `None` if it can go away at any time: the Orchestrator waits
    /// as well, for example for a new node.
    fn patience(self) -> Option<Duration> {
        let seconds = match self {
            // The kubelet and the Job controller try again, and what is missing might be created a moment later. Some of
            // these never settle (`Reason::can_pass`).
            Self::Mount
            | Self::Quota
            | Self::Webhook
            | Self::Refused
            | Self::ContainerConfig
            | Self::ContainerStart => 10,
            // The kubelet pulls again after ten seconds.
            Self::ImagePull => 20,
            Self::Unschedulable | Self::Suspended | Self::Restarting | Self::Timeout => {
                return None;
            }
            _ => 0,
        };
        Some(Duration::from_secs(seconds))
    }
}

/// Why the container has not started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reason {
    /// The kind.
    pub kind: ReasonKind,
    /// The reason as a sentence, with the cluster's own words.
    pub message: String,
}

/// The state of the Job in one read.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum StartState {
    /// The container has started.
    Started,
    /// The container does not start any more.
    Failed(Reason),
    /// The container has not started yet, because of this, if anything is wrong.
    Waiting(Option<Reason>),
}

impl Reason {
    fn new(kind: ReasonKind, message: impl Into<String>) -> Self {
        let message = message.into();
        let message = format!("{}.", message.trim_end_matches('.'));
        Self { kind, message }
    }

    /// Returns the reason for an object that the API refuses. `None` if the refusal is not about the object.
    pub(super) fn refusal(code: u16, message: &str, object: &str) -> Option<Self> {
        let kind = match refusal(code, message) {
            Refusal::Unknown => return None,
            Refusal::CannotImpersonate => ReasonKind::Impersonation,
            Refusal::Quota | Refusal::QuotaNotCounted => ReasonKind::Quota,
            Refusal::Policy | Refusal::WebhookDown => ReasonKind::Webhook,
            Refusal::NoDryRun
            | Refusal::NoRight
            | Refusal::NoServiceAccount
            | Refusal::NoNamespace
            | Refusal::Terminating
            | Refusal::NoClass
            | Refusal::PodSecurity
            | Refusal::LimitRange
            | Refusal::Invalid
            | Refusal::BuiltIn => ReasonKind::Refused,
        };
        let message = format!("The cluster refuses the {object}: {message}");
        Some(Self::new(kind, message))
    }

    /// Returns the reason for a Job that nothing is wrong with, and its pod in the last read.
    pub(super) fn timed_out(timeout: Duration, report: &ProbeReport, pod: Option<&Value>) -> Self {
        let happened = |reason: &str| {
            let mut events = report.events.iter();
            events.any(|event| event.reason == reason && event.is_about(MAIN))
        };
        let stage = match (&report.pod, &report.node, pod.and_then(running_init)) {
            (None, ..) => "the cluster's Job controller has created no pod".to_owned(),
            (_, None, _) => "the scheduler has not processed the pod".to_owned(),
            (.., Some(init)) => init,
            _ if happened("Pulled") => "its image was pulled, but the container is not running yet".to_owned(),
            _ if happened("Pulling") => "its image is still being pulled".to_owned(),
            _ => "the node has not started it yet".to_owned(),
        };
        Self::new(
            ReasonKind::Timeout,
            format!("The container has not started within {timeout:?}: {stage}"),
        )
    }

    /// Returns the reason for a Job controller's error of creating the pod, which has no status.
    fn of_creation(message: &str) -> Option<Self> {
        let code = if message.contains(" is invalid:") {
            422
        } else if message.contains(" is forbidden:") {
            403
        } else {
            // Anything else is about the pod only if it is the text of a webhook: etcd might be slow, for example.
            500
        };
        Self::refusal(code, message, "Job's pod")
    }

    /// Returns whether the message of an event says that an object which a volume needs does not exist, or lacks a key.
    /// Everything else can go away without a change: the node's CSI driver is not registered yet, a cache of the kubelet is
    /// not synchronized, or the volume is still attached to another node.
    ///
    /// Source: pkg/volume/secret, pkg/volume/configmap, and secrets-store-csi-driver, pkg/secrets-store/nodeserver.go.
    fn lacks_object(&self) -> bool {
        const KINDS: [&str; 3] = ["secret \"", "configmap \"", "secretproviderclass"];
        let message = self.message.to_lowercase();
        message.contains("references non-existent ")
            || (message.contains("\" not found") && KINDS.iter().any(|kind| message.contains(kind)))
    }

    /// Returns whether an image cannot be pulled because of its name, or because the registry does not have it or refuses it.
    /// Everything else can go away without a change: a new node has no route or no DNS yet, or the registry throttles. The
    /// kubelet pulls again until the pod ends.
    ///
    /// Sources: pkg/kubelet/images/types.go, the errors of containerd's resolver (core/remotes/docker and core/images), and the
    /// error codes of the OCI distribution specification, which registries return in words.
    fn lacks_image(&self) -> bool {
        const REASONS: [&str; 2] = [": InvalidImageName: ", ": ErrImageNeverPull: "];
        const WORDS: [&str; 7] = [
            "not found",
            "manifest unknown",
            "name unknown",
            "unauthorized",
            "forbidden",
            "denied",
            "no match for platform",
        ];
        let words = self.message.to_lowercase();
        REASONS.iter().any(|reason| self.message.contains(reason)) || WORDS.iter().any(|word| words.contains(word))
    }

    /// Returns whether the reason can pass without a change, however long it has lasted. The Job controller creates the pod as
    /// soon as the quota has room or the webhook responds (pkg/controller/job), and the Orchestrator waits for five minutes.
    fn can_pass(&self) -> bool {
        match self.kind {
            ReasonKind::Mount => !self.lacks_object(),
            ReasonKind::ImagePull => !self.lacks_image(),
            // The text of the quota ends with a quantity, behind which the sentence's own full stop is.
            ReasonKind::Quota => {
                is_only_used_up(self.message.trim_end_matches('.'))
                    || refusal(403, &self.message) == Refusal::QuotaNotCounted
            }
            ReasonKind::Webhook => refusal(500, &self.message) == Refusal::WebhookDown,
            _ => false,
        }
    }

    /// Returns whether the reason is certain after it has lasted so long.
    pub(super) fn is_settled(&self, lasted: Duration) -> bool {
        let patience = self.kind.patience().filter(|_| !self.can_pass());
        patience.is_some_and(|patience| lasted >= patience)
    }
}

impl StartState {
    /// Judges the Job, its pod, and their events.
    ///
    /// Source: the reasons of the kubelet (pkg/kubelet/images/types.go, pkg/kubelet/kuberuntime, pkg/kubelet/events) and of
    /// the Job controller of Kubernetes 1.34.
    pub(super) fn judge(job: &Value, pod: Option<&Value>, events: &[Event]) -> Self {
        let Some(pod) = pod else {
            return without_pod(job, events);
        };
        if let Some(state) = of_main(pod) {
            return state;
        }
        if pod["status"]["phase"] == "Failed" {
            return Self::Failed(failed(pod));
        }
        if let Some(reason) = of_waiting(pod) {
            return Self::Waiting(Some(reason));
        }
        let scheduled = condition(pod, "PodScheduled");
        if let Some(scheduled) = scheduled.filter(|one| one["status"] == "False") {
            let message = format!("No node can take the pod: {}", text(&scheduled["message"]));
            return Self::Waiting(Some(Reason::new(ReasonKind::Unschedulable, message)));
        }
        Self::Waiting(unmounted(events))
    }
}

/// Returns why a volume is not mounted. The kubelet pulls images and creates containers only after it has mounted all
/// volumes (`SyncPod` in pkg/kubelet/kubelet.go).
fn unmounted(events: &[Event]) -> Option<Reason> {
    const MOUNTED: [&str; 3] = ["Pulling", "Pulled", "Created"];
    const NOT_MOUNTED: [&str; 3] = ["FailedMount", "FailedAttachVolume", "FailedMapVolume"];
    let is_one = |event: &&Event, reasons: &[&str]| reasons.contains(&&*event.reason);
    let last = events
        .iter()
        .rev()
        .find(|event| is_one(event, &MOUNTED) || is_one(event, &NOT_MOUNTED));
    let failed = last.filter(|event| is_one(event, &NOT_MOUNTED))?;
    Some(Reason::new(ReasonKind::Mount, &*failed.message))
}

/// Judges a Job that has no pod yet.
fn without_pod(job: &Value, events: &[Event]) -> StartState {
    let status = &job["status"];
    if let Some(failed) = condition_of(status, "Failed").filter(|one| one["status"] == "True") {
        let message = format!("The Job failed without a pod: {}", text(&failed["message"]));
        return StartState::Failed(Reason::new(ReasonKind::PodFailed, message));
    }
    if job["spec"]["suspend"] == true {
        let message = "The Job is suspended, and nothing has resumed it";
        return StartState::Waiting(Some(Reason::new(ReasonKind::Suspended, message)));
    }
    let refused = events.iter().rev().find(|event| event.reason == "FailedCreate");
    StartState::Waiting(
        refused.and_then(|event| Reason::of_creation(event.message.trim_start_matches("Error creating: "))),
    )
}

/// Returns whether a container is an init container that restarts whenever it ends: a sidecar ("Sidecar Containers" in the
/// Kubernetes documentation).
fn is_sidecar(pod: &Value, name: &Value) -> bool {
    let own = pod["spec"]["initContainers"].as_array().into_iter();
    let mut own = own.flatten().filter(|one| one["name"] == *name);
    own.any(|one| one["restartPolicy"] == "Always")
}

/// Returns the first init container or sidecar that runs and for which the other containers wait, as a clause. They wait
/// until an init container has ended, and until a sidecar has started.
fn running_init(pod: &Value) -> Option<String> {
    let statuses = pod["status"]["initContainerStatuses"].as_array()?;
    let mut running = statuses.iter().filter(|status| {
        let has_started = status["started"] == true && is_sidecar(pod, &status["name"]);
        !status["state"]["running"].is_null() && !has_started
    });
    let name = &running.next()?["name"];
    Some(if is_sidecar(pod, name) {
        format!("sidecar {name} is running, but its startup probe has not succeeded yet")
    } else {
        format!("init container {name} is still running")
    })
}

/// Judges the container `main`. `None` while it waits.
fn of_main(pod: &Value) -> Option<StartState> {
    const NOT_STARTED: [&str; 3] = ["StartError", "ContainerCannotRun", "ContainerStatusUnknown"];
    let statuses = pod["status"]["containerStatuses"].as_array()?;
    let status = statuses.iter().find(|status| status["name"] == MAIN)?;
    let has_run = |ended: &Value| {
        let reason = text(&ended["reason"]);
        ended["startedAt"].is_string() && !NOT_STARTED.contains(&&*reason)
    };
    let (state, ended) = (&status["state"], &status["state"]["terminated"]);
    // With a restart policy of pod_template, a container that has ended waits again.
    if !state["running"].is_null() || has_run(ended) || has_run(&status["lastState"]["terminated"]) {
        return Some(StartState::Started);
    }
    if ended.is_null() {
        return None;
    }
    let reason = text(&ended["reason"]);
    let message = format!("The container cannot start: {reason}: {}", text(&ended["message"]));
    Some(StartState::Failed(Reason::new(ReasonKind::ContainerStart, message)))
}

/// Returns why a pod failed before its container started.
fn failed(pod: &Value) -> Reason {
    let statuses = pod["status"]["initContainerStatuses"].as_array();
    for status in statuses.into_iter().flatten() {
        let ended = &status["state"]["terminated"];
        if ended["exitCode"].as_i64().is_some_and(|code| code != 0) {
            let message = format!(
                "The init container {:?} ended with exit code {} ({})",
                text(&status["name"]),
                ended["exitCode"],
                text(&ended["reason"])
            );
            return Reason::new(ReasonKind::InitContainer, message);
        }
    }
    let status = &pod["status"];
    let message = format!(
        "The pod failed before its container started: {}: {}",
        text(&status["reason"]),
        text(&status["message"])
    );
    Reason::new(ReasonKind::PodFailed, message)
}

/// Returns why a container of the pod waits, if something is wrong.
fn of_waiting(pod: &Value) -> Option<Reason> {
    let list = |name: &str| {
        let statuses = pod["status"][name].as_array().into_iter().flatten();
        statuses.collect::<Vec<_>>()
    };
    // The container `main` does not wait for another container of its list.
    let of_init = list("initContainerStatuses");
    let mut statuses = of_init.iter().copied().chain(list("containerStatuses"));
    statuses.find_map(|status| {
        let waiting = &status["state"]["waiting"];
        let reason = text(&waiting["reason"]);
        let kind = match reason.as_str() {
            "ErrImagePull"
            | "ImagePullBackOff"
            | "InvalidImageName"
            | "ErrImageNeverPull"
            | "ImageInspectError"
            | "RegistryUnavailable"
            | "SignatureValidationFailed" => ReasonKind::ImagePull,
            "CreateContainerConfigError" => ReasonKind::ContainerConfig,
            "CreateContainerError" | "RunContainerError" | "PreCreateHookError" | "PostStartHookError" => {
                ReasonKind::ContainerStart
            }
            "CrashLoopBackOff" if of_init.contains(&status) => ReasonKind::Restarting,
            _ => return None,
        };
        let name = &status["name"];
        let what = match kind {
            ReasonKind::Restarting if is_sidecar(pod, name) => format!("Sidecar {name} restarts"),
            ReasonKind::Restarting => format!("Init container {name} restarts"),
            _ => format!("Container {name}"),
        };
        let message = format!("{what}: {reason}: {}", text(&waiting["message"]));
        Some(Reason::new(kind, message))
    })
}

fn condition<'a>(object: &'a Value, kind: &str) -> Option<&'a Value> {
    condition_of(&object["status"], kind)
}

fn condition_of<'a>(status: &'a Value, kind: &str) -> Option<&'a Value> {
    let mut conditions = status["conditions"].as_array()?.iter();
    conditions.find(|one| one["type"] == kind)
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests;
