//! How a container ended that had started.

use serde_json::Value;

use crate::runner::job_container::MAIN;

/// How the container `main` ended soon after it had started.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ContainerEnd {
    /// The exit code.
    pub exit_code: i64,
    /// The reason in one word, such as `Error` or `OOMKilled`.
    pub reason: String,
    /// The last lines of its log, or why they could not be read, as a clause. `None` if it ended without an error.
    pub log: Option<Result<String, String>>,
}

impl ContainerEnd {
    /// Reads how the container ended, without its log. `None` if it has not ended.
    pub(super) fn read(pod: &Value) -> Option<Self> {
        let ended = &of_main(pod)?["state"]["terminated"];
        Self::of_state(ended).or_else(|| Self::of_state(last_state(pod)?))
    }

    fn of_state(ended: &Value) -> Option<Self> {
        Some(Self {
            exit_code: ended["exitCode"].as_i64()?,
            reason: ended["reason"].as_str().unwrap_or_default().to_owned(),
            log: None,
        })
    }
}

/// Returns the path of the last lines of the container's log (`PodLogOptions` in the Kubernetes API).
pub(super) fn log_path(pod: &Value) -> Option<String> {
    let metadata = &pod["metadata"];
    let (namespace, name) = (metadata["namespace"].as_str()?, metadata["name"].as_str()?);
    // With a restart policy of `pod_template`, the container that ended is the one before.
    let is_previous = of_main(pod)?["state"]["terminated"].is_null();
    Some(format!(
        "/api/v1/namespaces/{namespace}/pods/{name}/log?container={MAIN}&tailLines=20&limitBytes=16384&previous={is_previous}"
    ))
}

/// Returns the lines of a log without what a terminal would take for commands.
pub(super) fn printable(log: &str) -> String {
    let is_printable = |c: &char| !c.is_control() || ['\n', '\t'].contains(c);
    let log: String = log.chars().filter(is_printable).collect();
    log.trim_end().to_owned()
}

fn last_state(pod: &Value) -> Option<&Value> {
    Some(&of_main(pod)?["lastState"]["terminated"])
}

fn of_main(pod: &Value) -> Option<&Value> {
    let mut statuses = pod["status"]["containerStatuses"].as_array()?.iter();
    statuses.find(|status| status["name"] == MAIN)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn pod(status: &Value) -> Value {
        let mut status = status.clone();
        status["name"] = MAIN.into();
        let other = json!({"name": "other", "state": {"terminated": {"exitCode": 2}}});
        json!({
            "metadata": {"namespace": "ns", "name": "p"},
            "status": {"containerStatuses": [other, status]},
        })
    }

    #[test]
    fn the_end_of_the_container_and_its_log_are_found_after_a_restart_too() {
        let ended = json!({"terminated": {"exitCode": 1, "reason": "Error"}});
        let waiting = json!({"waiting": {"reason": "CrashLoopBackOff"}});
        let end = Some(ContainerEnd {
            exit_code: 1,
            reason: "Error".to_owned(),
            log: None,
        });
        for (status, expected, previous) in [
            (json!({"state": ended}), end.clone(), "&previous=false"),
            (json!({"state": waiting, "lastState": ended}), end, "&previous=true"),
            (json!({"state": {"running": {}}}), None, "&previous=true"),
        ] {
            let pod = pod(&status);
            assert_eq!(ContainerEnd::read(&pod), expected, "{status}");
            let path = log_path(&pod).unwrap();
            assert!(path.starts_with("/api/v1/namespaces/ns/pods/p/log?container=main&"));
            assert!(path.ends_with(previous), "{path}");
        }
    }

    #[test]
    fn a_log_moves_no_cursor() {
        assert_eq!(printable("a\u{1b}[2Jb\r\n\tc\n\n"), "a[2Jb\n\tc");
    }
}
