//! Variables of the Orchestrator's container that a pod template overrides.

use serde_json::{Map, Value};

use crate::runner::job_container::{MAIN, Override, override_of};

/// Returns a sentence for every variable that a pod template overrides to the runner's harm.
pub(super) fn overridden(pod_template: Option<&Map<String, Value>>, runner_id: Option<&str>) -> Vec<String> {
    let containers = pod_template.and_then(|template| template.get("spec")?["containers"].as_array());
    let main = containers.into_iter().flatten().filter(|one| one["name"] == MAIN);
    let variables = main.filter_map(|main| main["env"].as_array()).flatten();
    let set = variables.filter_map(|variable| {
        let (name, value) = (variable["name"].as_str()?, variable["value"].as_str()?);
        let Some(Override::Harmful(harm)) = override_of(name) else {
            return None;
        };
        let is_the_same = name == "RUNNER_ID" && Some(value) == runner_id;
        (!is_the_same).then(|| format!("pod_template sets {name}, which the Orchestrator sets too: {harm}."))
    });
    set.collect()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_harmful_overrides_are_reported() {
        let names = |container: &str, variables: Value| {
            let template = json!({"spec": {"containers": [{"name": container, "env": variables}]}});
            overridden(template.as_object(), Some("r")).len()
        };
        for (name, count) in [
            ("RUNNER_ID", 1),
            ("DEPLOYMENT_ENV_UUID", 1),
            ("RUNNER_GATEWAY_URL", 1),
            ("ENCRYPTING_LOGS_KEY", 1),
            ("METADATA_KEY", 1),
            ("LOG_LEVEL", 0),
            ("OWN", 0),
        ] {
            assert_eq!(names("main", json!([{"name": name, "value": "x"}])), count, "{name}");
            assert_eq!(names("side", json!([{"name": name, "value": "x"}])), 0, "{name}");
        }
        assert_eq!(names("main", json!([{"name": "RUNNER_ID", "value": "r"}])), 0);
        assert_eq!(names("main", json!([null, {"name": "RUNNER_ID"}])), 0);
        assert!(overridden(None, None).is_empty());
    }
}
