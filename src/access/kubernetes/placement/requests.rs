//! What a pod requests of a node's resources.
//!
//! Source: k8s.io/component-helpers 0.34, resource/helpers.go (`PodRequests`), and the API's defaults in
//! pkg/apis/core/v1/defaults.go of Kubernetes 1.34 (`SetDefaults_Pod`). Admission sets the overhead of a RuntimeClass.

use std::collections::BTreeMap;

use serde_json::Value;

use super::text;
use crate::runner::quantity::thousandths_of;

/// Quantities with their values in thousandths, by resource.
type Amounts = BTreeMap<String, (u128, String)>;

/// Returns the sum of the requests of a pod spec, by resource. A resource of which nothing is requested is left out.
pub(super) fn requests(spec: &Value) -> BTreeMap<String, String> {
    let list = |name: &str| spec[name].as_array().into_iter().flatten();
    let mut total = Amounts::new();
    for container in list("containers") {
        add(&mut total, &amounts(container));
    }
    // Init containers run one after the other, beside the sidecars before them, and end before the containers start.
    let (mut sidecars, mut most) = (Amounts::new(), Amounts::new());
    for container in list("initContainers") {
        let own = amounts(container);
        if container["restartPolicy"] == "Always" {
            add(&mut sidecars, &own);
            raise(&mut most, &sidecars);
        } else {
            let mut beside = sidecars.clone();
            add(&mut beside, &own);
            raise(&mut most, &beside);
        }
    }
    add(&mut total, &sidecars);
    raise(&mut total, &most);
    // The requests of the pod as a whole replace those of its containers. Its limits are requests only of what no container
    // requests.
    let is_of_pods = |name: &String| ["cpu", "memory"].contains(&name.as_str()) || name.starts_with("hugepages-");
    let whole = |kind: &str| {
        let mut whole = read(&spec["resources"][kind]);
        whole.retain(|name, _| is_of_pods(name));
        whole
    };
    total.extend(whole("requests"));
    for (name, limit) in whole("limits") {
        total.entry(name).or_insert(limit);
    }
    add(&mut total, &read(&spec["overhead"]));
    total.retain(|_, (amount, _)| *amount > 0);
    let quantities = total.into_iter();
    quantities.map(|(name, (_, text))| (name, text)).collect()
}

/// Returns the requests of a container. A limit without a request is the request, too.
fn amounts(container: &Value) -> Amounts {
    let mut amounts = read(&container["resources"]["limits"]);
    amounts.extend(read(&container["resources"]["requests"]));
    amounts
}

/// Reads a map of quantities. The API refuses what is not a quantity.
fn read(map: &Value) -> Amounts {
    let map = map.as_object().into_iter().flatten();
    map.filter_map(|(name, quantity)| {
        let quantity = text(quantity);
        Some((name.clone(), (thousandths_of(&quantity)?, quantity)))
    })
    .collect()
}

fn add(total: &mut Amounts, more: &Amounts) {
    for (name, (amount, text)) in more {
        let sum = match total.remove(name) {
            Some((other, _)) if other > 0 => written(name, other.saturating_add(*amount)),
            _ => (*amount, text.clone()),
        };
        total.insert(name.clone(), sum);
    }
}

fn raise(total: &mut Amounts, least: &Amounts) {
    for (name, (amount, text)) in least {
        if total.get(name).is_none_or(|(other, _)| other < amount) {
            total.insert(name.clone(), (*amount, text.clone()));
        }
    }
}

/// Returns an amount with its quantity, in the unit that people use for the resource.
fn written(name: &str, amount: u128) -> (u128, String) {
    const MEBIBYTE: u128 = 1000 << 20;
    let is_bytes = ["memory", "ephemeral-storage"].contains(&name);
    let text = match amount {
        amount if is_bytes && amount % MEBIBYTE == 0 => format!("{}Mi", amount / MEBIBYTE),
        amount if amount % 1000 == 0 => (amount / 1000).to_string(),
        amount => format!("{amount}m"),
    };
    (amount, text)
}
