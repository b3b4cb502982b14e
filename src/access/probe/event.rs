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
    /// How often it happened.
    pub count: u64,
    /// When it happened last, as the API writes it.
    time: String,
}

impl Event {
    /// Reads the events of a list, in the order in which they happened.
    pub(super) fn read_all(list: &Value) -> Vec<Self> {
        let events = list["items"].as_array().into_iter().flatten();
        let mut events: Vec<Self> = events.map(Self::read).collect();
        events.sort_by(|one, other| one.time.cmp(&other.time));
        events
    }

    fn read(event: &Value) -> Self {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let object = &event["involvedObject"];
        // An event of the newer API has only the second one of these times.
        let times = ["lastTimestamp", "eventTime"].map(|name| event[name].as_str());
        let created = event["metadata"]["creationTimestamp"].as_str();
        let time = times.into_iter().chain([created]).flatten().next();
        Self {
            kind: text(&event["type"]),
            reason: text(&event["reason"]),
            message: text(&event["message"]),
            object: format!("{}/{}", text(&object["kind"]), text(&object["name"])),
            count: event["count"].as_u64().unwrap_or(1).max(1),
            time: time.unwrap_or_default().to_owned(),
        }
    }

    /// Merges the events of several objects in the order in which they happened.
    pub(super) fn merge(lists: impl IntoIterator<Item = Vec<Self>>) -> Vec<Self> {
        let mut all: Vec<Self> = lists.into_iter().flatten().collect();
        all.sort_by(|one, other| one.time.cmp(&other.time));
        all
    }
}
