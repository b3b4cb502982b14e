//! The events of the Job and of its pod.

use serde_json::Value;

/// An event of the cluster.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// `Normal` or `Warning`.
    pub kind: String,
    /// The reason in one word, such as `FailedMount`.
    pub reason: String,
    /// The message.
    pub message: String,
    /// The object, such as `Job/name`.
    pub object: String,
    /// The part of the object, such as `spec.containers{main}`. Empty for the whole object.
    field: String,
    /// How often it happened.
    pub count: u64,
    /// The place of the event in their order.
    order: Order,
}

/// When an event happened last, in seconds as the API writes them, and within a second the Job's events first, in the
/// order in which they were written.
type Order = (String, bool, u64);

impl Event {
    /// Reads the events of some lists, in the order in which they happened.
    pub(super) fn read_all<'a>(lists: impl IntoIterator<Item = &'a Value>) -> Vec<Self> {
        let lists = lists.into_iter();
        let events = lists.filter_map(|list| list["items"].as_array()).flatten();
        let mut events: Vec<Self> = events.map(Self::read).collect();
        events.sort_by(|one, other| one.order.cmp(&other.order));
        events
    }

    /// Returns whether the event is about a container with this name. The kubelet names the container in each of its events about
    /// one (`GenerateContainerRef` in pkg/kubelet/container/ref.go). An event without a name might be about any.
    pub(super) fn is_about(&self, container: &str) -> bool {
        self.field.is_empty() || self.field == format!("spec.containers{{{container}}}")
    }

    fn read(event: &Value) -> Self {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let object = &event["involvedObject"];
        // An event of the newer API has only the second one of these times.
        let times = ["lastTimestamp", "eventTime"].map(|name| event[name].as_str());
        let created = event["metadata"]["creationTimestamp"].as_str();
        let time = times.into_iter().chain([created]).flatten().next();
        let seconds = time.unwrap_or_default().split(['.', 'Z']).next();
        let version = event["metadata"]["resourceVersion"].as_str();
        let version = version.and_then(|version| version.parse().ok());
        Self {
            kind: text(&event["type"]),
            reason: text(&event["reason"]),
            message: text(&event["message"]),
            object: format!("{}/{}", text(&object["kind"]), text(&object["name"])),
            field: text(&object["fieldPath"]),
            count: event["count"].as_u64().unwrap_or(1).max(1),
            order: (
                seconds.unwrap_or_default().to_owned(),
                object["kind"] != "Job",
                version.unwrap_or_default(),
            ),
        }
    }
}
