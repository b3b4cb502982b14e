//! State in Google Cloud Storage or Azure: the Job's pod has credentials for it.

use serde_json::{Value, json};

use crate::Scenario;
use crate::cloud::{Checked, Cloud, set};
use crate::fix;
use crate::storage::noted;

pub(crate) const SCENARIOS: &[Scenario] = sandbox::scenarios![gcs, azurerm, sources];

fn gcs_runner(cloud: &Cloud) -> Value {
    let mut runner = cloud.configuration();
    runner["state_storage_configuration"] = json!({"type": "gcs", "bucket": "my-states"});
    runner
}

/// The runner with these fields in its container and these volumes.
fn with(runner: &Value, mut main: Value, volumes: &Value) -> Value {
    let mut runner = runner.clone();
    main["name"] = json!("main");
    let spec = json!({"containers": [main], "volumes": volumes});
    set(&mut runner, "job/pod_template", json!({"spec": spec}));
    runner
}

#[track_caller]
fn warns(checked: &Checked, parts: &[&str]) {
    checked
        .outcome(&[], &["state-storage"], &[])
        .says("state-storage", parts);
}

#[track_caller]
fn passes(checked: &Checked, part: &str) {
    checked.all_pass();
    assert_eq!(checked.status("state-storage"), "passed", "\n{}", checked.text());
    checked.says("state-storage", &[part, "not checked"]);
}

/// Does what the fix says: the Secret, and the variable.
fn fixed(cloud: &Cloud, runner: &Value, checked: &Checked) -> Value {
    let fix = checked.fix("state-storage");
    fix::shell(cloud, fix);
    with(runner, json!({"env": noted(fix)}), &json!([]))
}

fn gcs(cloud: &Cloud) {
    let runner = gcs_runner(cloud);
    let checked = cloud.check(&runner);
    warns(
        &checked,
        &["no credentials for Google Cloud Storage", "GOOGLE_CREDENTIALS"],
    );
    passes(&cloud.check(&fixed(cloud, &runner, &checked)), "GOOGLE_CREDENTIALS");
    // A file is where a volume is: at the path of a variable, or where the library looks for it.
    let volume = json!([{"name": "adc", "secret": {"secretName": "state-credentials"}}]);
    let at = |mount: &str, env: &Value| {
        let mounts = json!([{"name": "adc", "mountPath": mount}]);
        with(&runner, json!({"env": env, "volumeMounts": mounts}), &volume)
    };
    let entry = json!([{"name": "GOOGLE_APPLICATION_CREDENTIALS", "value": "/secrets/key.json"}]);
    passes(&cloud.check(&at("/secrets", &entry)), "GOOGLE_APPLICATION_CREDENTIALS");
    warns(&cloud.check(&at("/etc/ssl/private", &entry)), &[]);
    passes(
        &cloud.check(&at("/home/runner/.config/gcloud", &json!([]))),
        "a volume at /home/runner/.config/gcloud",
    );
    warns(
        &cloud.check(&at("/etc/ssl/private", &json!([]))),
        &["if a volume is mounted at that path"],
    );
    // The first variable that is set counts.
    let broken = |name: &str| {
        let mut env = entry.clone();
        let broken = json!({"name": name, "value": "neither"});
        env.as_array_mut().unwrap().push(broken);
        at("/secrets", &env)
    };
    for name in ["GOOGLE_CREDENTIALS", "GOOGLE_BACKEND_CREDENTIALS"] {
        let checked = cloud.check(&broken(name));
        let part = format!("OpenTofu uses {name} from pod_template, which needs a JSON object");
        warns(&checked, &["no usable credentials", &part]);
        assert_eq!(noted(checked.fix("state-storage"))[0]["name"], name);
    }
    // An empty variable is none.
    let empty = json!({"env": [{"name": "GOOGLE_CREDENTIALS", "value": ""}]});
    warns(&cloud.check(&with(&runner, empty, &json!([]))), &[]);
}

fn azurerm(cloud: &Cloud) {
    let mut runner = cloud.configuration();
    runner["state_storage_configuration"] =
        json!({"type": "azurerm", "storage_account_name": "mystates", "container_name": "states"});
    let checked = cloud.check(&runner);
    warns(
        &checked,
        &["no credentials for Azure Storage", "ARM_ACCESS_KEY", "ARM_USE_OIDC"],
    );
    passes(&cloud.check(&fixed(cloud, &runner, &checked)), "ARM_ACCESS_KEY");
    let env = |variables: &[(&str, &str)]| {
        let env: Vec<Value> = variables
            .iter()
            .map(|(name, value)| json!({"name": name, "value": value}))
            .collect();
        with(&runner, json!({"env": env}), &json!([]))
    };
    let off = [("ARM_USE_OIDC", "false"), ("ARM_USE_MSI", "false")];
    warns(&cloud.check(&env(&off)), &[]);
    let secret = [("ARM_CLIENT_SECRET", "s3cret")];
    let parts = ["OpenTofu uses ARM_CLIENT_SECRET from pod_template, which needs ARM_TENANT_ID"];
    warns(&cloud.check(&env(&secret)), &parts);
    let principal = [("ARM_TENANT_ID", "t"), ("ARM_CLIENT_ID", "c")];
    let subscription = [("ARM_SUBSCRIPTION_ID", "s")];
    let azuread = [("ARM_USE_AZUREAD", "true")];
    let of_group = env(&[&secret[..], &principal, &subscription].concat());
    let checked = cloud.check(&of_group);
    warns(&checked, &["resource_group_name of the state storage"]);
    let mut of_group = of_group;
    of_group["state_storage_configuration"]["resource_group_name"] = json!("my-group");
    passes(&cloud.check(&of_group), "ARM_CLIENT_SECRET");
    let all = [&secret[..], &principal, &subscription, &azuread].concat();
    passes(&cloud.check(&env(&all)), "ARM_USE_AZUREAD");
    let later = [&secret[..], &principal, &azuread].concat();
    warns(
        &cloud.check(&env(&later)),
        &["that OpenTofu 1.10 does not accept", "ARM_CLIENT_SECRET"],
    );
    // Without credentials of the caller, the runner alone decides.
    let checked = cloud.check_in(cloud.no_credentials(), &runner, &[]);
    assert_eq!(checked.status("state-storage"), "warned", "\n{}", checked.text());
}

/// The variables of Secrets and ConfigMaps count.
fn sources(cloud: &Cloud) {
    let runner = gcs_runner(cloud);
    let namespace = format!("--namespace={}", cloud.runner().namespace);
    for (kind, name) in [(&["secret", "generic"][..], "a-secret"), (&["configmap"], "a-map")] {
        let create = [
            &["create"][..],
            kind,
            &[name, &namespace, "--from-literal=GOOGLE_CREDENTIALS={}"],
        ]
        .concat();
        cloud.kubectl(&create);
    }
    for from in [
        json!({"secretRef": {"name": "a-secret"}}),
        json!({"configMapRef": {"name": "a-map"}}),
    ] {
        let main = json!({"envFrom": [from]});
        passes(&cloud.check(&with(&runner, main, &json!([]))), "GOOGLE_CREDENTIALS");
    }
    let optional = json!({"secretKeyRef": {"name": "absent", "key": "x", "optional": true}});
    let main = json!({"env": [{"name": "GOOGLE_CREDENTIALS", "valueFrom": optional}]});
    let runner = with(&runner, main, &json!([]));
    warns(&cloud.check(&runner), &[]);
    // A check that can only warn does not make the run incomplete.
    let policy = json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]});
    let reader = cloud.eks.create_user("reader", &policy).unwrap();
    let mut entry = cloud.entry();
    entry["principalArn"] = json!("arn:aws:iam::123456789012:user/reader");
    cloud.aws("eks", "CreateAccessEntry", &entry);
    let checked = cloud.check_in(cloud.eks.env_as(&reader), &runner, &[]);
    checked.says("state-storage", &["Not checked", "\"absent\""]);
    let reason = checked.report["reason"].as_str().unwrap_or_default();
    assert!(!reason.contains("get secrets"), "{reason}");
}
