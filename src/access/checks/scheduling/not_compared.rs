//! What decides which node takes the Job's pod, and is not compared with the nodes.

use serde_json::Value;

use super::volumes::Volumes;
use crate::access::outcome::Outcome;

/// Returns the outcome for a pod that a node can take. It did not pass if something else decides as well: where other pods run, the
/// devices of the nodes, and where a volume can be created.
pub(super) fn passed(message: String, spec: &Value, volumes: &Volumes) -> Outcome {
    let rules = not_compared(spec, volumes);
    if rules.is_empty() {
        return Outcome::passed(message);
    }
    Outcome::incomplete(
        "the check does not compare all rules for the pod's node",
        format!("{message} Not compared: {}.", rules.join(", ")),
    )
}

fn not_compared(spec: &Value, volumes: &Volumes) -> Vec<String> {
    let of_spec = [
        (
            "/affinity/podAffinity/requiredDuringSchedulingIgnoredDuringExecution",
            "spec.affinity.podAffinity",
        ),
        (
            "/affinity/podAntiAffinity/requiredDuringSchedulingIgnoredDuringExecution",
            "spec.affinity.podAntiAffinity",
        ),
        ("/resourceClaims", "spec.resourceClaims"),
    ];
    let is_set = |path: &str| {
        let list = spec.pointer(path).and_then(Value::as_array);
        list.is_some_and(|list| !list.is_empty())
    };
    let of_spec = of_spec.into_iter().filter(|(path, _)| is_set(path));
    let of_spec = of_spec.map(|(_, name)| name.to_owned());
    let classes = volumes.restricted_classes.iter();
    let classes = classes.map(|class| format!("allowedTopologies of StorageClass {class:?}"));
    of_spec.chain(classes).collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_required_rules_are_missed() {
        let term = json!([{"topologyKey": "kubernetes.io/hostname"}]);
        let required = json!({"requiredDuringSchedulingIgnoredDuringExecution": term});
        let preferred = json!({"preferredDuringSchedulingIgnoredDuringExecution": term});
        let none = Volumes::default();
        for (spec, expected) in [
            (json!({}), &[][..]),
            (json!({"affinity": {"podAffinity": preferred}}), &[]),
            (
                json!({"affinity": {"podAffinity": required, "podAntiAffinity": required}}),
                &["spec.affinity.podAffinity", "spec.affinity.podAntiAffinity"],
            ),
            (json!({"resourceClaims": [{"name": "gpu"}]}), &["spec.resourceClaims"]),
        ] {
            assert_eq!(not_compared(&spec, &none), expected, "{spec}");
        }
        let volumes = Volumes {
            restricted_classes: vec!["zonal".to_owned()],
            ..Volumes::default()
        };
        let found = passed("A node can.".to_owned(), &json!({}), &volumes);
        assert_eq!(
            found.message,
            "A node can. Not compared: allowedTopologies of StorageClass \"zonal\"."
        );
    }
}
