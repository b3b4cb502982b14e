//! The API server's messages about ResourceQuotas, and their fixes.

use serde_json::{Map, Value, json};

use crate::access::fix::Fix;
use crate::access::kubernetes::exceeded_quota::{ExceededResource, exceeded};
use crate::access::render::shell::ShellCommand;
use crate::runner::quantity::{thousandths, thousandths_of};

/// Returns the command that raises a quota by what is missing. The message is
/// `exceeded quota: NAME, requested: a=1,b=2, used: …, limited: …`.
pub(super) fn raise_command(namespace: &str, message: &str) -> Option<Fix> {
    let (name, exceeded) = exceeded(message)?;
    let mut hard = Map::new();
    for ExceededResource {
        resource,
        requested,
        used,
        ..
    } in exceeded
    {
        hard.insert(resource.to_owned(), sum(requested, used)?.into());
    }
    let patch = json!({"spec": {"hard": hard}});
    let command = ShellCommand::new("kubectl patch resourcequota")
        .word(name)
        .option("-n", namespace)
        .word("--type=merge")
        .option("--patch", patch.to_string())
        .comment("or more");
    Some(command.into())
}

/// Returns what gives containers the resources that a quota requires of every container. The message is
/// `failed quota: NAME: must specify limits.cpu for: main; limits.memory for: main,other`.
pub(super) fn default_resources(namespace: &str, job: &Value, message: &str) -> Option<Fix> {
    let (_, rest) = message.split_once("failed quota: ")?;
    let (_, missing) = rest.split_once(": must specify ")?;
    let (mut limits, mut requests, mut names) = (Map::new(), Map::new(), Vec::new());
    for one in missing.split("; ") {
        let (name, containers) = one.split_once(" for: ")?;
        let (kind, resource) = name.split_once('.').unwrap_or(("requests", name));
        let least = match resource {
            "cpu" => "1",
            "memory" | "ephemeral-storage" => "1Gi",
            _ => return None,
        };
        // A limit must not be below the request of its container.
        let quantity = requested_by(job, containers, resource)
            .chain([least.to_owned()])
            .max_by_key(|quantity| thousandths_of(quantity))?;
        let defaults = match kind {
            "limits" => &mut limits,
            "requests" => &mut requests,
            _ => return None,
        };
        defaults.insert(resource.to_owned(), quantity.into());
        names.push(format!("resources.{kind}.{resource}"));
    }
    let mut defaults = Map::from_iter([("type".to_owned(), "Container".into())]);
    for (name, quantities) in [("default", limits), ("defaultRequest", requests)] {
        if !quantities.is_empty() {
            defaults.insert(name.to_owned(), quantities.into());
        }
    }
    let range = json!({
        "apiVersion": "v1",
        "kind": "LimitRange",
        "metadata": {"name": "humanitec-runner-defaults", "namespace": namespace},
        "spec": {"limits": [defaults]},
    });
    let fix = Fix::note(format!(
        "In job.pod_template, set these for the containers that the message names: {}.\n\
         Or set defaults for all containers of the namespace:",
        names.join(", ")
    ));
    Some(fix.then_apply(vec![range]))
}

/// Returns what the containers with these names, separated by commas, request of a resource.
fn requested_by(job: &Value, names: &str, resource: &str) -> impl Iterator<Item = String> {
    let spec = &job["spec"]["template"]["spec"];
    let lists = ["initContainers", "containers"].map(|list| spec[list].as_array());
    let containers = lists.into_iter().flatten().flatten();
    containers.filter_map(move |container| {
        let name = container["name"].as_str()?;
        let request = &container["resources"]["requests"][resource];
        let is_named = names.split(',').any(|one| one == name);
        match request {
            Value::String(request) if is_named => Some(request.clone()),
            Value::Number(request) if is_named => Some(request.to_string()),
            _ => None,
        }
    })
}

/// Returns the sum of two Kubernetes quantities: in their unit, or without a unit if they have different ones.
fn sum(one: &str, other: &str) -> Option<String> {
    let parts = |quantity: &str| -> Option<(u128, String)> {
        let digits = quantity.bytes().take_while(u8::is_ascii_digit).count();
        let (number, unit) = quantity.split_at(digits);
        Some((number.parse().ok()?, unit.to_owned()))
    };
    match (parts(one)?, parts(other)?) {
        ((one, unit), (0, _)) | ((0, _), (one, unit)) => Some(format!("{one}{unit}")),
        ((one, unit), (other, same)) if unit == same => Some(format!("{}{unit}", one.checked_add(other)?)),
        ((one, unit), (other, another)) => {
            let one = one.checked_mul(thousandths(&unit)?)?;
            let milli = one.checked_add(other.checked_mul(thousandths(&another)?)?)?;
            Some(match milli % 1000 {
                0 => (milli / 1000).to_string(),
                _ => format!("{milli}m"),
            })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quota_is_raised_by_what_is_missing() {
        let message = "pods \"x\" is forbidden: exceeded quota: q, requested: pods=1,requests.memory=1Gi, \
                       used: pods=10,requests.memory=3Gi, limited: pods=10,requests.memory=3Gi";
        assert_eq!(
            raise_command("ns", message).unwrap().to_string(),
            "kubectl patch resourcequota q -n ns --type=merge --patch \
             '{\"spec\":{\"hard\":{\"pods\":\"11\",\"requests.memory\":\"4Gi\"}}}'   # or more\n"
        );
        assert_eq!(sum("1Gi", "0").as_deref(), Some("1Gi"));
        assert_eq!(sum("512M", "1Gi").as_deref(), Some("1585741824"));
        assert_eq!(sum("1", "500m").as_deref(), Some("1500m"));
        assert_eq!(sum("1Gi", "many"), None);
        assert_eq!(raise_command("ns", "failed quota: q: must specify limits.cpu"), None);
    }

    #[test]
    fn a_default_limit_is_not_below_the_requests() {
        let requests = |name: &str, requests: Value| json!({"name": name, "resources": {"requests": requests}});
        let job = json!({"spec": {"template": {"spec": {"containers": [
            requests("main", json!({"memory": "1Gi", "cpu": 2})),
            requests("proxy", json!({"memory": "3Gi"})),
            requests("other", json!({"memory": "9Gi"})),
        ]}}}});
        let message = "failed quota: q: must specify limits.cpu for: main; limits.memory for: main,proxy";
        let fix = default_resources("ns", &job, message).unwrap().to_string();
        assert!(
            fix.contains("default:\n      cpu: \"2\"\n      memory: \"3Gi\""),
            "{fix}"
        );
        let least = default_resources("ns", &json!({}), message).unwrap().to_string();
        assert!(
            least.contains("default:\n      cpu: \"1\"\n      memory: \"1Gi\""),
            "{least}"
        );
    }
}
