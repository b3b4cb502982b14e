//! The variables of the container `main` that replace values of the kubernetes backend's in-cluster configuration.
//!
//! Sources: `configure` in `internal/backend/remote-state/kubernetes/backend.go`, which is the same in OpenTofu 1.10 and 1.12, and
//! `transport/transport.go`, `transport/config.go`, and `transport/round_trippers.go` of client-go 0.23 and 0.35, which they use.
//! Three variables change nothing: client-go prefers the file of the service account's token to `KUBE_TOKEN`, a password counts
//! only with a user, and half of a client certificate is ignored. The values of `KUBE_NAMESPACE` and `KUBE_IN_CLUSTER_CONFIG`
//! are in the Orchestrator's backend block, and with the latter no kubeconfig is read.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::container;
use crate::access::aws::EksCluster;
use crate::access::cause::RunnerCause;
use crate::access::fix::Fix;
use crate::access::kubernetes::environment::ContainerEnvironment;
use crate::access::outcome::Outcome;
use crate::access::run::Run;
use crate::runner::job_container::MAIN;

const HOST: &str = "KUBE_HOST";
const CA: &str = "KUBE_CLUSTER_CA_CERT_DATA";
const CERTIFICATE: &str = "KUBE_CLIENT_CERT_DATA";
const KEY: &str = "KUBE_CLIENT_KEY_DATA";
const USER: &str = "KUBE_USER";
const INSECURE: &str = "KUBE_INSECURE";

/// The names of the Service `kubernetes`, for which the certificate of the cluster's API is valid ("Access Clusters Using the
/// Kubernetes API" in the documentation of Kubernetes).
const SERVICE: [&str; 4] = [
    "kubernetes",
    "kubernetes.default",
    "kubernetes.default.svc",
    "kubernetes.default.svc.cluster.local",
];

/// Returns the outcome for a variable with which the backend certainly returns an error.
pub(super) fn refused(run: &Run<'_>, environment: &ContainerEnvironment) -> Option<Outcome> {
    let (variable, why) = if environment.get(INSECURE).is_true() {
        let why = "client-go does not accept it with the cluster's certificate authority, which the pod has";
        (INSECURE, why)
    } else {
        environment.get(USER).value()?;
        let why = "client-go does not accept a user with the service account's token, which the pod has";
        (USER, why)
    };
    let sentence = format!(
        "pod_template sets {variable}, which OpenTofu's kubernetes backend reads too: {why}, and every deployment fails."
    );
    let outcome = container::refused(run.replaced().ok()?, sentence, variable);
    Some(with_fix(run, outcome, variable))
}

/// Returns the outcome for a variable that leads the backend to another cluster than the runner's, or to an error.
pub(super) fn doubtful(
    run: &Run<'_>,
    environment: &ContainerEnvironment,
    cluster: Option<&EksCluster>,
) -> Option<Outcome> {
    let (variable, what) = doubt(environment, cluster)?;
    let outcome = Outcome::warned(format!(
        "pod_template sets {variable}, which OpenTofu's kubernetes backend reads too: {what}"
    ));
    Some(with_fix(run, outcome, variable))
}

/// Returns a variable and what it might change, as the rest of a sentence.
fn doubt(environment: &ContainerEnvironment, cluster: Option<&EksCluster>) -> Option<(&'static str, &'static str)> {
    let differs = |name: &str, is_of_cluster: &dyn Fn(&str) -> bool| {
        let variable = environment.get(name);
        variable.is_set() && !variable.value().is_some_and(is_of_cluster)
    };
    let is_set = |name: &str| environment.get(name).is_set();
    if differs(HOST, &|host| is_host_of(cluster, host)) {
        return Some((
            HOST,
            "the state goes to the cluster at that address, or OpenTofu cannot reach it.",
        ));
    }
    if differs(CA, &|ca| is_ca_of(cluster, ca)) {
        return Some((
            CA,
            "OpenTofu cannot connect unless this certificate authority is the cluster's.",
        ));
    }
    if is_set(CERTIFICATE) && is_set(KEY) {
        return Some((
            CERTIFICATE,
            "OpenTofu also presents this client certificate to the cluster's API, which might refuse it or take it for \
             another user's.",
        ));
    }
    // A known value is refused or changes nothing.
    let is_hidden = |name: &str| is_set(name) && environment.get(name).value().is_none();
    [
        (
            INSECURE,
            "every deployment fails unless its value, which is unknown, is false.",
        ),
        (
            USER,
            "every deployment fails unless its value, which is unknown, is empty.",
        ),
    ]
    .into_iter()
    .find(|(name, _)| is_hidden(name))
}

/// Returns whether a URL or a host is the API of the cluster.
fn is_host_of(cluster: Option<&EksCluster>, host: &str) -> bool {
    let bare = |url: &str| {
        let rest = url.strip_prefix("https://").unwrap_or(url);
        let rest = rest.trim_end_matches('/');
        let rest = rest.strip_suffix(":443").unwrap_or(rest);
        rest.to_ascii_lowercase()
    };
    let host = bare(host);
    let endpoint = cluster.and_then(|cluster| cluster.endpoint.as_deref());
    let service = cluster.and_then(EksCluster::api_service);
    SERVICE.contains(&&*host)
        || endpoint.is_some_and(|endpoint| bare(endpoint) == host)
        || service.is_some_and(|address| {
            let is_v6 = address.is_ipv6();
            host == if is_v6 {
                format!("[{address}]")
            } else {
                address.to_string()
            }
        })
}

/// Returns whether a certificate in PEM is the authority of the cluster.
fn is_ca_of(cluster: Option<&EksCluster>, pem: &str) -> bool {
    let ca = cluster.and_then(|cluster| STANDARD.decode(cluster.ca.as_deref()?).ok());
    ca.is_some_and(|ca| ca.trim_ascii() == pem.as_bytes().trim_ascii())
}

fn with_fix(run: &Run<'_>, outcome: Outcome, variable: &str) -> Outcome {
    let fix = Fix::note(format!(
        "Remove {variable} from container {MAIN:?} in job.pod_template. If a module needs it for the provider \
         hashicorp/kubernetes, set the value in its provider block."
    ));
    outcome
        .compare(format!("no {variable}"), variable)
        .fix(run.runner_cause(RunnerCause::StateVariables), fix)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::{Value, json};

    use super::*;

    fn cluster() -> EksCluster {
        EksCluster {
            endpoint: Some("https://0123.gr7.us-west-2.eks.amazonaws.com".to_owned()),
            ca: Some(STANDARD.encode("-----BEGIN-----\n")),
            service_cidr: Some("172.20.0.0/16".parse().unwrap()),
            ..EksCluster::default()
        }
    }

    #[test]
    fn only_variables_that_can_lead_elsewhere_are_doubtful() {
        let value = |name: &str, value: &str| json!({"name": name, "value": value});
        let secret = |name: &str| {
            let reference = json!({"name": "s", "key": "k"});
            json!({"name": name, "valueFrom": {"secretKeyRef": reference}})
        };
        for (entry, expected) in [
            (value(HOST, "https://other.example"), Some(HOST)),
            (secret(HOST), Some(HOST)),
            (value(HOST, "https://0123.gr7.us-west-2.eks.amazonaws.com:443/"), None),
            (value(HOST, "https://kubernetes.default.svc"), None),
            (value(HOST, "172.20.0.1"), None),
            (value(HOST, "172.20.0.2"), Some(HOST)),
            (value(HOST, ""), None),
            (value(CA, "-----BEGIN-----"), None),
            (value(CA, "-----OTHER-----"), Some(CA)),
            (secret(CA), Some(CA)),
            (value(CERTIFICATE, "c"), None),
            (value("KUBE_TOKEN", "t"), None),
            (value("KUBE_PASSWORD", "p"), None),
            (value("KUBE_CONFIG_PATH", "/c"), None),
            (value(INSECURE, "false"), None),
            (secret(INSECURE), Some(INSECURE)),
            (secret(USER), Some(USER)),
        ] {
            let env: Vec<Value> = vec![value(KEY, ""), entry.clone()];
            let environment = ContainerEnvironment::new(json!({"env": env}), BTreeMap::new());
            let found = doubt(&environment, Some(&cluster()));
            assert_eq!(found.map(|(variable, _)| variable), expected, "{entry}");
        }
        let both = json!({"env": [value(CERTIFICATE, "c"), value(KEY, "k")]});
        let environment = ContainerEnvironment::new(both, BTreeMap::new());
        let (variable, _) = doubt(&environment, Some(&cluster())).unwrap();
        assert_eq!(variable, CERTIFICATE);
    }
}
