use serde_json::json;

use super::*;

fn pod(status: Value) -> Value {
    json!({"metadata": {"name": "p"}, "status": status})
}

fn main_is(state: Value) -> Value {
    pod(json!({"phase": "Pending", "containerStatuses": [
        {"name": "sidecar", "state": {"running": {}}},
        {"name": "main", "state": state},
    ]}))
}

fn events(list: &[(&str, &str)]) -> Vec<Event> {
    let items: Vec<Value> = list
        .iter()
        .map(|(reason, message)| json!({"type": "Warning", "reason": reason, "message": message}))
        .collect();
    Event::read_all([&json!({"items": items})])
}

#[track_caller]
fn waits_for(state: StartState, kind: ReasonKind, part: &str) {
    let StartState::Waiting(Some(reason)) = state else {
        panic!("{state:?}");
    };
    assert_eq!(reason.kind, kind);
    assert!(reason.message.contains(part), "{}", reason.message);
}

#[track_caller]
fn failed_by(state: StartState, kind: ReasonKind, part: &str) {
    let StartState::Failed(reason) = state else {
        panic!("{state:?}");
    };
    assert_eq!(reason.kind, kind);
    assert!(reason.message.contains(part), "{}", reason.message);
}

#[test]
fn a_container_that_has_run_has_started() {
    let judge = |state: Value| StartState::judge(&json!({}), Some(&main_is(state)), &[]);
    assert_eq!(judge(json!({"running": {"startedAt": "t"}})), StartState::Started);
    let ended = json!({"terminated": {"exitCode": 1, "reason": "Error", "startedAt": "t"}});
    assert_eq!(judge(ended), StartState::Started);
    let creating = json!({"waiting": {"reason": "ContainerCreating"}});
    assert_eq!(judge(creating), StartState::Waiting(None));
    let broken = json!({"terminated": {
        "exitCode": 128, "reason": "StartError", "startedAt": "1970-01-01T00:00:00Z",
        "message": "exec: \"x\": executable file not found in $PATH",
    }});
    failed_by(judge(broken), ReasonKind::ContainerStart, "executable file");
}

#[test]
fn a_waiting_container_says_why() {
    for (reason, kind) in [
        ("ErrImagePull", ReasonKind::ImagePull),
        ("ImagePullBackOff", ReasonKind::ImagePull),
        ("InvalidImageName", ReasonKind::ImagePull),
        ("CreateContainerConfigError", ReasonKind::ContainerConfig),
        ("CreateContainerError", ReasonKind::ContainerStart),
    ] {
        let pod = main_is(json!({"waiting": {"reason": reason, "message": "because"}}));
        waits_for(StartState::judge(&json!({}), Some(&pod), &[]), kind, "because");
    }
}

#[test]
fn a_pod_without_a_node_waits() {
    let condition = json!({"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/1 nodes are available"});
    let pod = pod(json!({"phase": "Pending", "conditions": [condition]}));
    let state = StartState::judge(&json!({}), Some(&pod), &[]);
    waits_for(state, ReasonKind::Unschedulable, "0/1 nodes are available.");
    let forever = Duration::from_secs(3600);
    let patient = Reason::new(ReasonKind::Unschedulable, "x");
    assert!(!patient.is_settled(forever));
    assert!(Reason::new(ReasonKind::ContainerConfig, "x").is_settled(Duration::from_secs(10)));
}

#[test]
fn a_volume_that_cannot_be_mounted_is_an_event() {
    let creating = main_is(json!({"waiting": {"reason": "ContainerCreating"}}));
    let failed = ("FailedMount", "secret \"s\" not found");
    let state = StartState::judge(&json!({}), Some(&creating), &events(&[failed]));
    waits_for(state, ReasonKind::Mount, "secret \"s\" not found.");
    // All volumes are mounted before the first image is pulled.
    for later in ["Pulling", "Pulled", "Created"] {
        let events = events(&[failed, (later, "x")]);
        let state = StartState::judge(&json!({}), Some(&creating), &events);
        assert_eq!(state, StartState::Waiting(None), "{later}");
    }
}

#[test]
fn only_a_missing_object_settles_a_mount() {
    for (message, settles) in [
        (
            "MountVolume.SetUp failed for volume \"v\" : secret \"s\" not found",
            true,
        ),
        (
            "MountVolume.SetUp failed for volume \"v\" : configmap \"c\" not found",
            true,
        ),
        (
            "MountVolume.SetUp failed for volume \"v\" : references non-existent secret key: k",
            true,
        ),
        (
            "MountVolume.SetUp failed for volume \"v\" : rpc error: code = Unknown desc = failed to get secretproviderclass \
             ns/aws, error: SecretProviderClass.secrets-store.csi.x-k8s.io \"aws\" not found",
            true,
        ),
        (
            "MountVolume.SetUp failed for volume \"v\" : failed to sync configmap cache: timed out waiting for the condition",
            false,
        ),
        (
            "MountVolume.SetUp failed for volume \"v\" : object \"ns\"/\"s\" not registered",
            false,
        ),
        (
            "MountVolume.MountDevice failed for volume \"v\" : kubernetes.io/csi: attacher.MountDevice failed to create newCsiDriverClient: \
             driver name ebs.csi.aws.com not found in the list of registered CSI drivers",
            false,
        ),
        (
            "AttachVolume.Attach failed for volume \"v\" : CSINode.storage.k8s.io \"node\" not found",
            false,
        ),
    ] {
        let reason = Reason::new(ReasonKind::Mount, message);
        assert_eq!(reason.is_settled(Duration::from_secs(10)), settles, "{message}");
    }
}

#[test]
fn only_a_missing_or_refused_image_settles_a_pull() {
    for (reason, message, settles) in [
        ("InvalidImageName", "couldn't parse image name \"A\"", true),
        (
            "ErrImageNeverPull",
            "Container image \"a\" is not present with pull policy of Never",
            true,
        ),
        (
            "ErrImagePull",
            "failed to pull and unpack image \"ghcr.io/a:1\": failed to resolve reference \"ghcr.io/a:1\": ghcr.io/a:1: not found",
            true,
        ),
        (
            "ErrImagePull",
            "failed to authorize: failed to fetch anonymous token: unexpected status from GET request to \
             https://ghcr.io/token: 401 Unauthorized",
            true,
        ),
        (
            "ErrImagePull",
            "unexpected status from HEAD request to https://x: 403 Forbidden",
            true,
        ),
        (
            "ImagePullBackOff",
            "Back-off pulling image \"a\": ErrImagePull: no match for platform in manifest",
            true,
        ),
        (
            "ErrImagePull",
            "failed to resolve reference \"ghcr.io/a:1\": dial tcp: lookup ghcr.io on 10.0.0.2:53: read udp: i/o timeout",
            false,
        ),
        (
            "ErrImagePull",
            "dial tcp: lookup ghcr.io on 10.0.0.2:53: no such host",
            false,
        ),
        (
            "ErrImagePull",
            "429 Too Many Requests - Server message: toomanyrequests: You have reached your pull rate limit",
            false,
        ),
        ("ImagePullBackOff", "Back-off pulling image \"a\"", false),
    ] {
        let pod = main_is(json!({"waiting": {"reason": reason, "message": message}}));
        let state = StartState::judge(&json!({}), Some(&pod), &[]);
        let StartState::Waiting(Some(found)) = state else {
            panic!("{state:?}");
        };
        assert_eq!(found.kind, ReasonKind::ImagePull);
        let settled = found.is_settled(Duration::from_secs(20));
        assert_eq!(settled, settles, "{message}");
    }
}

#[test]
fn a_pod_that_is_not_created_is_an_event_of_the_job() {
    for (message, kind) in [
        (
            "Error creating: pods \"x\" is forbidden: exceeded quota: q, requested: pods=1, used: pods=1, limited: pods=1",
            ReasonKind::Quota,
        ),
        (
            "Error creating: admission webhook \"w\" denied the request: no",
            ReasonKind::Webhook,
        ),
        (
            "Error creating: Internal error occurred: failed calling webhook \"w\": timeout",
            ReasonKind::Webhook,
        ),
        (
            "Error creating: pods \"x\" is forbidden: violates PodSecurity \"restricted:latest\": y",
            ReasonKind::Refused,
        ),
        (
            "Error creating: Pod \"x\" is invalid: spec.containers[0].resources.requests: Invalid value: \"1Gi\": must be less \
             than or equal to memory limit of 512Mi",
            ReasonKind::Refused,
        ),
    ] {
        let state = StartState::judge(&json!({}), None, &events(&[("FailedCreate", message)]));
        waits_for(state, kind, "The cluster refuses the Job's pod: ");
    }
    // Not about the pod.
    let slow = events(&[("FailedCreate", "Error creating: etcdserver: request timed out")]);
    assert_eq!(StartState::judge(&json!({}), None, &slow), StartState::Waiting(None));
    let suspended = json!({"spec": {"suspend": true}});
    waits_for(
        StartState::judge(&suspended, None, &[]),
        ReasonKind::Suspended,
        "suspended",
    );
}

#[test]
fn a_pod_that_failed_says_why() {
    let evicted = pod(json!({"phase": "Failed", "reason": "Evicted", "message": "The node was low on memory."}));
    let state = StartState::judge(&json!({}), Some(&evicted), &[]);
    failed_by(state, ReasonKind::PodFailed, "Evicted: The node was low on memory.");
    let ended = json!({"terminated": {"exitCode": 3, "reason": "Error"}});
    let init = pod(json!({"phase": "Failed", "initContainerStatuses": [{"name": "i", "state": ended}]}));
    let state = StartState::judge(&json!({}), Some(&init), &[]);
    failed_by(state, ReasonKind::InitContainer, "\"i\" ended with exit code 3 (Error)");
}

#[test]
fn what_passes_by_itself_never_settles() {
    let forever = Duration::from_secs(240);
    for (message, settles) in [
        (
            "pods \"x\" is forbidden: exceeded quota: q, requested: requests.memory=1Gi, used: requests.memory=4Gi, \
             limited: requests.memory=4Gi",
            false,
        ),
        (
            "pods \"x\" is forbidden: exceeded quota: q, requested: requests.memory=1Gi, used: requests.memory=0, \
             limited: requests.memory=512Mi",
            true,
        ),
        (
            "pods \"x\" is forbidden: status unknown for quota: q, resources: pods",
            false,
        ),
        (
            "pods \"x\" is forbidden: failed quota: q: must specify limits.cpu for: main",
            true,
        ),
        (
            "Internal error occurred: failed calling webhook \"w\": failed to call webhook: connection refused",
            false,
        ),
        ("admission webhook \"w\" denied the request: no", true),
    ] {
        let event = ("FailedCreate", &*format!("Error creating: {message}"));
        let state = StartState::judge(&json!({}), None, &events(&[event]));
        let StartState::Waiting(Some(reason)) = state else {
            panic!("{state:?}");
        };
        assert_eq!(reason.is_settled(forever), settles, "{message}");
    }
}

fn with_init(restart_policy: Option<&str>, status: Value) -> Value {
    let mut init = json!({"name": "i"});
    if let Some(policy) = restart_policy {
        init["restartPolicy"] = policy.into();
    }
    let mut status = status;
    status["name"] = "i".into();
    json!({
        "metadata": {"name": "p"},
        "spec": {"initContainers": [init]},
        "status": {"phase": "Pending", "initContainerStatuses": [status]},
    })
}

#[test]
fn a_container_that_restarts_is_no_failure() {
    let waiting = json!({"waiting": {"reason": "CrashLoopBackOff", "message": "back-off 10s"}});
    for (policy, words) in [
        (
            Some("Always"),
            "Sidecar \"i\" restarts: CrashLoopBackOff: back-off 10s.",
        ),
        (None, "Init container \"i\" restarts: "),
    ] {
        let pod = with_init(policy, json!({"state": waiting}));
        let state = StartState::judge(&json!({}), Some(&pod), &[]);
        waits_for(state, ReasonKind::Restarting, words);
    }
    let restarting = Reason::new(ReasonKind::Restarting, "x");
    assert!(!restarting.is_settled(Duration::from_secs(240)));
    // Nothing waits for another container of the same list, and one that has run has started.
    let other = pod(json!({"containerStatuses": [{"name": "other", "state": waiting}]}));
    let state = StartState::judge(&json!({}), Some(&other), &[]);
    assert_eq!(state, StartState::Waiting(None));
    let ended = json!({"terminated": {"exitCode": 1, "reason": "Error", "startedAt": "t"}});
    let main = pod(json!({"containerStatuses": [{"name": "main", "state": waiting, "lastState": ended}]}));
    let state = StartState::judge(&json!({}), Some(&main), &[]);
    assert_eq!(state, StartState::Started);
}

#[test]
fn a_timeout_says_what_is_under_way() {
    let report = |events: &[(&str, &str)]| {
        let items: Vec<Value> = events
            .iter()
            .map(|(reason, field)| json!({"reason": reason, "involvedObject": {"fieldPath": field}}))
            .collect();
        ProbeReport {
            ended: super::super::Ended::Started,
            pod: Some("p".to_owned()),
            node: Some("n".to_owned()),
            events: Event::read_all([&json!({"items": items})]),
            end: None,
            deletion: super::super::Deletion::NotCreated,
        }
    };
    let message = |events: &[(&str, &str)], pod: Option<&Value>| {
        Reason::timed_out(Duration::from_secs(5), &report(events), pod).message
    };
    let of_main = "spec.containers{main}";
    assert!(message(&[("Pulled", of_main)], None).contains("its image was pulled"));
    assert!(message(&[("Pulling", of_main)], None).contains("still being pulled"));
    for other in ["spec.containers{proxy}", "spec.initContainers{main}"] {
        let found = message(&[("Pulled", other)], None);
        assert!(found.contains("has not started it yet"), "{found}");
    }
    let running = |started: bool| json!({"state": {"running": {}}, "started": started});
    for (policy, started, words) in [
        (None, true, "within 5s: init container \"i\" is still running."),
        (Some("Always"), false, "within 5s: sidecar \"i\" is running"),
        (Some("Always"), true, "the node has not started it yet"),
    ] {
        let found = message(&[], Some(&with_init(policy, running(started))));
        assert!(found.contains(words), "{found}");
    }
}
