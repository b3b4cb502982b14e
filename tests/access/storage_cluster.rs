//! State in Secrets of the cluster, and the variables of the container that the kubernetes backend reads too.

use serde_json::{Value, json};

use crate::Scenario;
use crate::cloud::{Cloud, set};
use crate::pod::{state_role, with_state};

pub(crate) const SCENARIOS: &[Scenario] = &[("storage_cluster::variables", variables)];

fn variables(cloud: &Cloud) {
    state_role(cloud, None);
    let with = |main: Value| {
        let mut runner = with_state(cloud);
        let mut main = main;
        main["name"] = json!("main");
        let template = json!({"spec": {"containers": [main]}});
        set(&mut runner, "job/pod_template", template);
        runner
    };
    let with_env = |name: &str, value: &str| with(json!({"env": [{"name": name, "value": value}]}));
    for (name, value) in [
        ("KUBE_HOST", "https://kubernetes.default.svc"),
        ("KUBE_TOKEN", "a-token"),
        ("KUBE_PASSWORD", "a-password"),
        ("KUBE_CONFIG_PATH", "/config"),
        ("KUBE_INSECURE", "false"),
    ] {
        cloud.check(&with_env(name, value)).all_pass();
    }
    let checked = cloud.check(&with_env("KUBE_HOST", "https://other.example"));
    checked.outcome(&[], &["state-storage"], &[]).says(
        "state-storage",
        &[
            "pod_template sets KUBE_HOST",
            "the state goes to the cluster at that address",
        ],
    );
    assert!(checked.fix("state-storage").contains("Remove KUBE_HOST"));
    for (name, value) in [("KUBE_INSECURE", "true"), ("KUBE_USER", "admin")] {
        let part = format!("pod_template sets {name}, which OpenTofu's kubernetes backend reads too");
        cloud
            .check(&with_env(name, value))
            .only(&["state-storage"], &[])
            .says("state-storage", &[&part, "every deployment fails"]);
        let env = json!([{"name": name, "value": value}]);
        cloud
            .check(&with(json!({"env": env, "image": "registry.example/runner:1"})))
            .outcome(&[], &["state-storage"], &[])
            .says("state-storage", &[&part, "might set"]);
    }
    // The same from a ConfigMap, which the check reads.
    let namespace = format!("--namespace={}", cloud.runner().namespace);
    let literal = "--from-literal=KUBE_INSECURE=1";
    cloud.kubectl(&["create", "configmap", "of-modules", &namespace, literal]);
    let from = json!([{"configMapRef": {"name": "of-modules"}}]);
    cloud
        .check(&with(json!({"envFrom": from})))
        .only(&["state-storage"], &[])
        .says("state-storage", &["pod_template sets KUBE_INSECURE"]);
}
