//! Why the container of a Job has not started.

use std::time::Duration;

use serde_json::Value;

use super::ProbeReport;
use super::event::Event;
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
            Self::PodFailed => "pod-failed",
            Self::Timeout => "timeout",
        }
    }

    /// Returns how long it has to last before it is certain. `None` if it can go away at any time: the Orchestrator waits
    /// as well, for example for a new node.
    fn patience(self) -> Option<Duration> {
        let seconds = match self {
            // The kubelet and the Job controller try again, and what is missing might be created a moment later. A volume
            // that cannot be mounted for another reason than a missing object never settles (`Reason::is_settled`).
            Self::Mount
            | Self::Quota
            | Self::Webhook
            | Self::Refused
            | Self::ContainerConfig
            | Self::ContainerStart => 10,
            // The kubelet pulls again after ten seconds.
            Self::ImagePull => 20,
            Self::Unschedulable | Self::Suspended | Self::Timeout => return None,
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
            Refusal::Quota => ReasonKind::Quota,
            Refusal::Policy | Refusal::WebhookDown => ReasonKind::Webhook,
            _ => ReasonKind::Refused,
        };
        let message = format!("The cluster refuses the {object}: {message}");
        Some(Self::new(kind, message))
    }

    /// Returns the reason for a Job that nothing is wrong with.
    pub(super) fn timed_out(timeout: Duration, report: &ProbeReport) -> Self {
        let happened = |reason: &str| report.events.iter().any(|event| event.reason == reason);
        let stage = match (&report.pod, &report.node) {
            (None, _) => "the cluster's Job controller has created no pod",
            (_, None) => "the scheduler has not processed the pod",
            _ if happened("Pulled") => "its image was pulled, but the container is not running yet",
            _ if happened("Pulling") => "its image is still being pulled",
            _ => "the node has not started it yet",
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

    /// Returns whether the reason is certain after it has lasted so long.
    pub(super) fn is_settled(&self, lasted: Duration) -> bool {
        if self.kind == ReasonKind::Mount && !self.lacks_object() {
            return false;
        }
        self.kind
            .patience()
            .is_some_and(|patience| lasted >= patience)
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
    let refused = events
        .iter()
        .rev()
        .find(|event| event.reason == "FailedCreate");
    StartState::Waiting(refused.and_then(|event| {
        Reason::of_creation(event.message.trim_start_matches("Error creating: "))
    }))
}

/// Returns how the container `main` ended, as a step of the probe. `None` if it has not ended.
pub(super) fn ending(pod: &Value) -> Option<String> {
    let statuses = pod["status"]["containerStatuses"].as_array()?;
    let main = statuses.iter().find(|status| status["name"] == MAIN)?;
    let ended = &main["state"]["terminated"];
    let code = ended["exitCode"].as_i64()?;
    Some(format!(
        "Container {MAIN} ended with exit code {code} ({})",
        text(&ended["reason"])
    ))
}

/// Judges the container `main`. `None` while it waits.
fn of_main(pod: &Value) -> Option<StartState> {
    const NOT_STARTED: [&str; 3] = ["StartError", "ContainerCannotRun", "ContainerStatusUnknown"];
    let statuses = pod["status"]["containerStatuses"].as_array()?;
    let state = &statuses.iter().find(|status| status["name"] == MAIN)?["state"];
    if !state["running"].is_null() {
        return Some(StartState::Started);
    }
    let ended = &state["terminated"];
    if ended.is_null() {
        return None;
    }
    let reason = text(&ended["reason"]);
    if ended["startedAt"].is_string() && !NOT_STARTED.contains(&&*reason) {
        return Some(StartState::Started);
    }
    let message = format!(
        "The container cannot start: {reason}: {}",
        text(&ended["message"])
    );
    Some(StartState::Failed(Reason::new(
        ReasonKind::ContainerStart,
        message,
    )))
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
    let lists = ["initContainerStatuses", "containerStatuses"];
    let statuses = lists.map(|name| pod["status"][name].as_array());
    let statuses = statuses.into_iter().flatten().flatten();
    statuses.into_iter().find_map(|status| {
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
            "CreateContainerError"
            | "RunContainerError"
            | "PreCreateHookError"
            | "PostStartHookError" => ReasonKind::ContainerStart,
            _ => return None,
        };
        let message = format!(
            "Container {:?}: {reason}: {}",
            text(&status["name"]),
            text(&waiting["message"])
        );
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
