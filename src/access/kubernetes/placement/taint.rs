//! Taints, and the tolerations of pods.

use std::fmt;

use serde_json::{Value, json};

use super::text;

/// A taint of a node.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Taint {
    /// The key.
    pub(crate) key: String,
    /// The value; often empty.
    pub(crate) value: String,
    /// `NoSchedule`, `NoExecute`, or `PreferNoSchedule`.
    pub(crate) effect: String,
}

impl fmt::Display for Taint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { key, value, effect } = self;
        match value.as_str() {
            "" => write!(f, "{key}:{effect}"),
            value => write!(f, "{key}={value}:{effect}"),
        }
    }
}

impl Taint {
    /// Reads a taint of the API.
    pub(crate) fn read(taint: &Value) -> Self {
        Self {
            key: text(&taint["key"]),
            value: text(&taint["value"]),
            effect: text(&taint["effect"]),
        }
    }

    /// Returns the taint of a cordoned node.
    pub(super) fn cordon() -> Self {
        Self {
            key: "node.kubernetes.io/unschedulable".to_owned(),
            value: String::new(),
            effect: "NoSchedule".to_owned(),
        }
    }

    /// Returns whether the cluster marks the state of a node with the taint, such as a node that is not ready or has no room
    /// on its disk, and removes the taint itself ("Taints and Tolerations" in the Kubernetes documentation).
    pub(crate) fn is_of_state(&self) -> bool {
        self.key.starts_with("node.kubernetes.io/") || self.key == "node.cloudprovider.kubernetes.io/uninitialized"
    }

    /// Returns the toleration of exactly this taint.
    pub(crate) fn toleration(&self) -> Value {
        let Self { key, value, effect } = self;
        match value.as_str() {
            "" => json!({"key": key, "operator": "Exists", "effect": effect}),
            value => json!({"key": key, "operator": "Equal", "value": value, "effect": effect}),
        }
    }

    /// Returns whether the tolerations of a pod admit the taint (core/v1, `ToleratesTaint`).
    ///
    /// Admission adds the tolerations of a node that is not ready or not reachable for some minutes
    /// (`DefaultTolerationSeconds`).
    pub(super) fn is_tolerated(&self, tolerations: &Value) -> bool {
        let is_default = self.effect == "NoExecute"
            && ["node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"].contains(&self.key.as_str());
        let tolerations = tolerations.as_array().into_iter().flatten();
        self.effect == "PreferNoSchedule" || is_default || tolerations.into_iter().any(|one| self.is_tolerated_by(one))
    }

    fn is_tolerated_by(&self, toleration: &Value) -> bool {
        let is = |name: &str, value: &str| {
            let expected = toleration[name].as_str().unwrap_or_default();
            expected.is_empty() || expected == value
        };
        is("effect", &self.effect)
            && is("key", &self.key)
            && match toleration["operator"].as_str().unwrap_or_default() {
                "" | "Equal" => text(&toleration["value"]) == self.value,
                "Exists" => true,
                _ => false,
            }
    }
}
