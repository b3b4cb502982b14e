//! The data source: in check blocks, in conditions, for registered runners and for planned ones.

use sandbox::RunnerValues;
use sandbox::eks::{Faults, ROLE_NAME};
use serde_json::json;
use terraform_provider_platform_orchestrator::access::CheckId;

use super::{CIDRS, Scene, modes, my_runner};
use crate::Scenario;
use crate::cli::Cli;

pub(super) const SCENARIOS: &[Scenario] =
    sandbox::scenarios![check_block, precondition, by_id, not_known_yet, ok, logged_calls,];

const TYPE: &str = "platform-orchestrator_kubernetes_eks_access";

/// The data source with the configuration of the documented runner.
fn planned() -> String {
    my_runner().replace(
        "resource \"platform-orchestrator_kubernetes_eks_runner\" \"my_runner\"",
        &format!("data {TYPE:?} \"planned\""),
    )
}

/// Outputs of a data source with this name.
fn outputs(name: &str) -> String {
    format!(
        r#"
output "ok" {{
  value = data.{TYPE}.{name}.ok
}}
output "complete" {{
  value = data.{TYPE}.{name}.complete
}}
output "reason" {{
  value = coalesce(data.{TYPE}.{name}.reason, "none")
}}
output "statuses" {{
  value = join(" ", [for check in data.{TYPE}.{name}.checks : "${{check.id}}=${{check.status}}"])
}}
"#
    )
}

fn check_block(cli: &Cli) {
    let scene = Scene::new(cli);
    scene.set_up();
    scene.break_trust();
    let check = r#"
data "platform-orchestrator_kubernetes_eks_access" "registered" {
  id         = "my-runner"
  depends_on = [platform-orchestrator_kubernetes_eks_runner.my_runner]
}
check "eks_access" {
  assert {
    condition     = data.platform-orchestrator_kubernetes_eks_access.registered.ok
    error_message = join("; ", [for check in data.platform-orchestrator_kubernetes_eks_access.registered.checks : "${check.id}: ${check.message}" if check.status == "failed"])
  }
}
output "user" {
  value = data.platform-orchestrator_kubernetes_eks_access.registered.kubernetes_user
}
"#;
    let check = check.to_owned() + &outputs("registered");
    scene.write(&modes("off", "off", CIDRS), &(my_runner() + &check));
    scene.init();
    scene
        .workspace
        .apply(&[])
        .ok()
        .has("Warning: Check block assertion failed")
        .has("role-trust:")
        .has("1 added")
        .has("role-trust=failed")
        .has("access-entry=passed")
        .has("ok = false")
        .has("user = \"arn:aws:sts::123456789012:assumed-role/humanitec-runner-eks-role/my-org-my-runner\"");
    scene.registered();
    scene.fix_trust();
    scene
        .workspace
        .apply(&[])
        .ok()
        .has_not("Check block assertion failed")
        .has("ok = true");
}

/// The runner is created only once its checks pass.
fn precondition(cli: &Cli) {
    let scene = Scene::new(cli);
    scene.set_up();
    scene.break_trust();
    let condition = format!(
        "lifecycle {{\n    precondition {{\n      condition     = data.{TYPE}.planned.ok\n      \
         error_message = join(\"\\n\", [for check in data.{TYPE}.planned.checks : check.fix if check.status == \"failed\"])\n    }}\n  }}"
    );
    let head = format!("id = \"my-runner\"\n{condition}");
    let guarded = my_runner().replacen("id = \"my-runner\"", &head, 1);
    scene.write(&modes("off", "off", CIDRS), &(guarded + &planned()));
    scene.init();
    for command in ["plan", "apply"] {
        let output = match command {
            "plan" => scene.workspace.plan(&[]),
            _ => scene.workspace.apply(&[]),
        };
        output
            .fails()
            .has("Error: Resource precondition failed")
            .has("aws iam update-assume-role-policy --role-name humanitec-runner-eks-role");
    }
    scene.nothing_is_registered();
    scene.fix_trust();
    scene.workspace.apply(&[]).ok().has("1 added");
    scene.registered();
}

/// A runner that another client registered.
fn by_id(cli: &Cli) {
    let scene = Scene::new(cli);
    scene.set_up();
    let storage = json!({"type": "s3", "bucket": "b"});
    let runner = RunnerValues::default().runner("my-runner", &storage);
    scene.orchestrator.put(&runner);
    let data = |id: &str| format!("data {TYPE:?} \"it\" {{\n  id = {id:?}\n}}\n");
    scene.write(&modes("off", "off", CIDRS), &(data("my-runner") + &outputs("it")));
    scene.init();
    let (calls, apply) = scene.counted(|workspace| workspace.apply(&[]));
    apply
        .ok()
        .has("ok = true")
        .has("job-dry-run=passed")
        .has("assume-role=skipped");
    assert!(calls > 0);
    let state = &scene.workspace.state()[&format!("data.{TYPE}.it")];
    assert_eq!(state["oidc_subject"], "my-org+my-runner");
    assert_eq!(state["session_name"], "my-org-my-runner");
    assert_eq!(state["runner_configuration"], json!(null));
    // A runner that does not exist.
    scene.write("", &data("no-such-runner"));
    scene
        .workspace
        .plan(&[])
        .fails()
        .has("Error: Runner not found")
        .has("no-such-runner")
        .has("hctl get runners");
    // A runner of another type.
    scene.orchestrator.put(&json!({
        "id": "gke-runner",
        "runner_configuration": {"type": "kubernetes-gke", "cluster": {"name": "c"}},
        "state_storage_configuration": {"type": "kubernetes", "namespace": "n"},
    }));
    scene.write("", &data("gke-runner"));
    scene.workspace.plan(&[]).fails().has("kubernetes-gke");
    // A state storage alone is not a configuration.
    let storage =
        "state_storage_configuration = {\n    type = \"s3\"\n    s3_configuration = { bucket = \"other\" }\n  }";
    let alone = data("my-runner").replace("\n}", &format!("\n  {storage}\n}}"));
    scene.write("", &alone);
    scene
        .workspace
        .validate()
        .fails()
        .has("No runner_configuration")
        .has("The block needs runner_configuration.");
    // Neither is a configuration whose state storage nobody would check.
    let (configuration, _) = planned()
        .split_once("  state_storage_configuration")
        .map(|(head, storage)| (head.to_owned(), storage.to_owned()))
        .expect("a state storage");
    scene.write("", &(configuration + "}\n"));
    scene
        .workspace
        .validate()
        .fails()
        .has("No state_storage_configuration")
        .has("The block needs state_storage_configuration.");
}

fn not_known_yet(cli: &Cli) {
    let scene = Scene::new(cli);
    scene.set_up();
    let value = "resource \"terraform_data\" \"first\" {\n  input = \"VALUE\"\n}\n";
    // Its own configuration is unknown, so it is read during apply.
    let role = format!("arn:aws:iam::123456789012:role/{ROLE_NAME}");
    let block = planned().replace(&format!("{role:?}"), "terraform_data.first.output");
    let rest = value.replace("VALUE", &role) + &outputs("planned");
    scene.write(&modes("off", "off", CIDRS), &(block + &rest));
    scene.init();
    let (calls, plan) = scene.counted(|workspace| workspace.plan(&[]));
    plan.ok().has("(known after apply)").has_not("Error:");
    assert_eq!(calls, 0);
    scene.workspace.apply(&[]).ok().has("ok = true");
    scene.workspace.destroy().ok();
    // The provider's settings are unknown: it cannot wait by itself, and the error says how to make it wait.
    let settings = "eks_access = {\n  oidc_issuer = terraform_data.first.output\n}";
    let rest = value.replace("VALUE", "https://oidc.humanitec.dev") + &outputs("planned");
    scene.write(settings, &(planned() + &rest));
    scene
        .workspace
        .plan(&[])
        .fails()
        .has("eks_access is unknown until apply")
        .has("depends_on");
    let waits = planned().replace(
        "id = \"my-runner\"",
        "id = \"my-runner\"\n  depends_on = [terraform_data.first]",
    );
    scene.write(settings, &(waits + &rest));
    scene.workspace.plan(&[]).ok();
    scene.workspace.apply(&[]).ok().has("ok = true");
}

/// `ok` is true if nothing failed and every check that applies was made. Warnings do not count.
fn ok(cli: &Cli) {
    let mut scene = Scene::new(cli);
    scene.set_up();
    let with = |scene: &Scene, settings: &str| {
        scene.write(settings, &(planned() + &outputs("planned")));
        scene.workspace.apply(&[]).ok()
    };
    let read = |scene: &Scene| with(scene, &modes("off", "off", ""));
    scene.write("", "");
    scene.init();
    let restricted = json!({"resourcesVpcConfig": {"publicAccessCidrs": ["203.0.113.0/24"]}});
    scene.eks.set_cluster(&restricted).expect("a cluster");
    read(&scene)
        .has("ok = true")
        .has("complete = true")
        .has("reason = \"none\"")
        .has("cluster-endpoint=warned")
        .has("job-dry-run=passed");
    let denied = Faults {
        deny: vec!["iam:GetRole".to_owned()],
        ..Faults::default()
    };
    scene.eks.set_faults(&denied).expect("faults");
    read(&scene)
        .has("ok = false")
        .has("complete = false")
        .has(&format!(
            "reason = \"3 of {} checks could not run: no permission for iam:GetRole (3).\"",
            CheckId::ALL.len()
        ))
        .has("role-trust=skipped")
        .has("job-dry-run=passed");
    let skipping = "skip_checks = [\"role-exists\", \"role-trust\", \"role-permission\"]";
    with(&scene, &modes("off", "off", skipping))
        .has("ok = true")
        .has("complete = true")
        .has("role-trust=skipped")
        .has("job-dry-run=passed");
    scene.eks.set_faults(&Faults::default()).expect("faults");
    scene.workspace.unset_env("AWS_ACCESS_KEY_ID");
    scene.workspace.unset_env("AWS_SECRET_ACCESS_KEY");
    read(&scene)
        .has("ok = false")
        .has("complete = false")
        .has("no AWS credentials (15)")
        .has("aws-credentials=skipped")
        .has("role-trust=skipped");
}

/// Each call is one line of the log, without headers and bodies.
fn logged_calls(cli: &Cli) {
    let mut scene = Scene::new(cli);
    scene.set_up();
    scene.write(&modes("warn", "off", ""), &my_runner());
    scene.init();
    let log = scene.workspace.path().join("log");
    scene.workspace.set_env("TF_LOG_PROVIDER", "DEBUG");
    scene.workspace.set_env("TF_LOG_PATH", &log.display().to_string());
    scene.workspace.plan(&[]).ok();
    let log = scene.workspace.read("log");
    let calls: Vec<&str> = log.lines().filter(|line| line.contains("milliseconds=")).collect();
    for parts in [
        &["service=iam", "action=GetRole", "host=iam.amazonaws.com", "status=200"][..],
        &["service=sts", "action=GetCallerIdentity", "status=200", "attempt=1"],
        &["service=eks", "GET /clusters/", "status=200"],
        &[
            "service=kubernetes",
            "POST /apis/authorization.k8s.io",
            "status=201",
            "request_id=",
        ],
        &[
            "service=orchestrator",
            "GET /orgs/my-org/runners",
            "host=127.0.0.1",
            "status=200",
        ],
    ] {
        let has_all = |line: &&&str| parts.iter().all(|part| line.contains(part));
        assert!(
            calls.iter().any(|line| has_all(&line)),
            "{parts:?} is not in {calls:#?}"
        );
    }
    for secret in [scene.orchestrator.token(), "Credential=", "Bearer ", "k8s-aws-v1"] {
        assert!(!log.contains(secret), "{secret} is in the log");
    }
}
