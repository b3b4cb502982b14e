//! What an apply waits for, what ends the wait, and objects that the same apply creates.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use sandbox::eks::{Faults, ROLE_NAME};
use serde_json::json;
use terraform_provider_platform_orchestrator::access::CheckId;

use super::{ADDRESS, CIDRS, SUBJECT, Scene, count, modes, my_runner, refusing};
use crate::Scenario;
use crate::cli::Cli;
use crate::signals::{ctrl_c, until};

pub(super) const SCENARIOS: &[Scenario] = sandbox::scenarios![
    everything_at_once,
    made_meanwhile,
    visible_late,
    never_visible,
    changed_role,
    slow_and_broken,
    binding_after,
    interrupted_wait,
    interrupted_plan,
    interrupted_after,
];

fn propagation(seconds: &[(&str, f64)]) -> Faults {
    let seconds = seconds.iter().map(|(what, s)| ((*what).to_owned(), *s));
    Faults {
        propagation_s: seconds.collect(),
        ..Faults::default()
    }
}

/// The names are known and nothing exists: the plan warns, even with `plan = "error"`, and the set-up is created
/// by the apply, on which the runner depends.
fn everything_at_once(cli: &Cli) {
    let scene = Scene::new(cli);
    let faults = propagation(&[("policy", 4.0), ("access-entry", 6.0)]);
    scene.eks.set_faults(&faults).expect("faults");
    let set_up = "resource \"terraform_data\" \"set_up\" {\n  provisioner \"local-exec\" {\n    \
                  command = \"touch begun; for i in $(seq 300); do [ -e made ] && exit; sleep 0.1; done; exit 1\"\n  }\n}\n";
    let runner = my_runner().replacen(
        "id = \"my-runner\"",
        "id = \"my-runner\"\n  depends_on = [terraform_data.set_up]",
        1,
    );
    let settings = modes("error", "error", &format!("timeout = \"90s\"\n{CIDRS}"));
    scene.write(&settings, &(runner + set_up));
    scene.init();
    let plan = scene.workspace.plan(&[]).ok();
    plan.has("Warning: EKS access: role-exists")
        .has("Warning: EKS access: oidc-provider")
        .has("Warning: EKS access: namespace")
        .has_not("Error:");
    let apply = std::thread::scope(|scope| {
        scope.spawn(|| {
            until("the set-up", || scene.workspace.path().join("begun").exists());
            scene.set_up();
            scene.workspace.write("made", "");
        });
        scene.workspace.apply(&[])
    });
    apply.ok().has("2 added");
    scene.registered();
    scene.workspace.plans_nothing();
}

/// The same, but something else creates the set-up, and the runner depends on nothing.
fn made_meanwhile(cli: &Cli) {
    let scene = Scene::new(cli);
    let settings = modes("error", "error", &format!("timeout = \"90s\"\n{CIDRS}"));
    scene.write(&settings, &my_runner());
    scene.init();
    let mut terraform = scene.workspace.spawn(&["apply", "-auto-approve", "-no-color"]);
    until("the create", || {
        scene.workspace.read("out").contains("my_runner: Creating...")
    });
    std::thread::sleep(Duration::from_secs(1));
    scene.set_up();
    assert!(terraform.wait().expect("terraform ends").success());
    let text = scene.workspace.read("out");
    assert!(text.contains("1 added"), "{text}");
    scene.registered();
    scene.workspace.plans_nothing();
}

fn visible_late(cli: &Cli) {
    let scene = Scene::new(cli);
    let faults = propagation(&[("access-entry", 20.0)]);
    scene.eks.set_faults(&faults).expect("faults");
    scene.set_up();
    scene.write(
        &modes("warn", "error", &format!("timeout = \"90s\"\n{CIDRS}")),
        &my_runner(),
    );
    scene.init();
    scene.workspace.plan(&[]).ok().has("Warning: EKS access: access-entry");
    scene.workspace.apply(&[]).ok().has("1 added");
    scene.registered();
}

fn never_visible(cli: &Cli) {
    let scene = Scene::new(cli);
    let faults = propagation(&[("access-entry", 3600.0)]);
    scene.eks.set_faults(&faults).expect("faults");
    scene.set_up();
    scene.write(&refusing("8s"), &my_runner());
    scene.init();
    let start = Instant::now();
    let apply = scene.workspace.apply(&[]).fails();
    let took = start.elapsed();
    apply.has("Error: EKS access: access-entry").has_not("Warning:");
    assert_eq!(count(&apply, "EKS access: "), 1, "{}", apply.text);
    // It waited for the timeout, and not much longer.
    let expected = Duration::from_secs(5)..Duration::from_secs(8 + 10);
    assert!(expected.contains(&took), "it took {took:?}");
    scene.nothing_is_registered();
    // After the fix, the same configuration is applied, and there is one runner.
    scene.eks.reset().expect("a clean account");
    scene.set_up();
    let apply = scene.workspace.apply(&[]).ok();
    apply.has("1 added").has_not(SUBJECT);
    assert_eq!(scene.orchestrator.runners().len(), 1);
    scene.workspace.plans_nothing();
}

/// The ARN of another role is not known in the plan, and its entry is still propagating when the runner
/// is changed: `plan = "error"` must not fail the apply, which waits.
fn changed_role(cli: &Cli) {
    let scene = Scene::new(cli);
    scene.set_up();
    let settings = modes("error", "error", &format!("timeout = \"90s\"\n{CIDRS}"));
    scene.write(&settings, &my_runner());
    scene.init();
    scene.workspace.apply(&[]).ok().has("1 added");
    let policy = scene.eks.documented_trust_policy(scene.orchestrator.org(), "my-runner");
    scene.role_with_late_entry("new-role", &policy, 15.0);
    let role = format!("arn:aws:iam::123456789012:role/{ROLE_NAME}");
    let new_role = "resource \"terraform_data\" \"role\" {\n  input = \"arn:aws:iam::123456789012:role/new-role\"\n}\n";
    let runner = my_runner().replace(&format!("{role:?}"), "terraform_data.role.output") + new_role;
    scene.write(&settings, &runner);
    scene.workspace.plan(&[]).ok().has_not("Error:");
    scene.workspace.apply(&[]).ok().has("1 added, 1 changed");
    let auth = &scene.registered()["runner_configuration"]["cluster"]["auth"];
    assert_eq!(auth["role_arn"], "arn:aws:iam::123456789012:role/new-role");
}

/// A run that is cut short does not replace the result of the run before it.
fn slow_and_broken(cli: &Cli) {
    let scene = Scene::new(cli);
    scene.set_up();
    let entry = json!({
        "clusterName": "my-eks-cluster",
        "principalArn": format!("arn:aws:iam::123456789012:role/{ROLE_NAME}"),
    });
    scene.eks.aws("eks", "DeleteAccessEntry", &entry).expect("an entry");
    scene.write(&refusing("6s"), &my_runner());
    scene.init();
    for delay_ms in [500, 1500] {
        let faults = Faults {
            delay_ms,
            ..Faults::default()
        };
        scene.eks.set_faults(&faults).expect("faults");
        let start = Instant::now();
        let apply = scene.workspace.apply(&[]).fails();
        let took = start.elapsed();
        apply.has("Error: EKS access: access-entry");
        assert!(took < Duration::from_secs(6 + 15), "it took {took:?}");
        scene.nothing_is_registered();
    }
}

/// If the binding depends on the runner, it cannot exist before the runner: `warn` is for that.
fn binding_after(cli: &Cli) {
    let mut scene = Scene::new(cli);
    scene.set_up();
    for (name, value) in scene.eks.shell_env() {
        scene.workspace.set_env(&name, &value);
    }
    let binding = "humanitec-runner-orchestrator-access";
    let get = ["get", "rolebinding", binding, "-n", "humanitec-runner", "-o", "yaml"];
    let manifest = scene.eks.kubectl(&get).expect("a binding");
    let delete = ["delete", "rolebinding", binding, "-n", "humanitec-runner"];
    scene.eks.kubectl(&delete).expect("a binding");
    scene.workspace.write("binding.yaml", &manifest);
    let binding = "resource \"terraform_data\" \"binding\" {\n  depends_on = \
                   [platform-orchestrator_kubernetes_eks_runner.my_runner]\n  provisioner \"local-exec\" {\n    \
                   command = \"grep -v -e uid: -e resourceVersion: binding.yaml | kubectl apply -f -\"\n  }\n}\n";
    let ids = CheckId::ALL.iter().map(|id| id.as_str());
    let rights: Vec<&str> = ids.filter(|id| id.starts_with("rbac-")).collect();
    scene.write(&modes("warn", "warn", CIDRS), &(my_runner() + binding));
    scene.init();
    let apply = scene.workspace.apply(&[]).ok();
    apply.has("2 added").has_not("Error:");
    for id in rights {
        apply.has(&format!("Warning: EKS access: {id}"));
    }
    scene.registered();
    scene.workspace.plans_nothing();
    // The binding exists now, and the next check finds it.
    let data = "data \"platform-orchestrator_kubernetes_eks_access\" \"it\" {\n  id = \"my-runner\"\n}\n\
                output \"ok\" {\n  value = data.platform-orchestrator_kubernetes_eks_access.it.ok\n}\n";
    scene.write(&modes("warn", "warn", CIDRS), &(my_runner() + binding + data));
    scene.workspace.apply(&[]).ok().has("ok = true").has_not(SUBJECT);
}

fn interrupted_wait(cli: &Cli) {
    let scene = Scene::new(cli);
    let other = "resource \"terraform_data\" \"before\" {\n  input = \"made\"\n}\n";
    let runner = my_runner().replacen(
        "id = \"my-runner\"",
        "id = \"my-runner\"\n  depends_on = [terraform_data.before]",
        1,
    );
    scene.write(&refusing("10m"), &(runner + other));
    scene.init();
    scene.eks.reset_calls().expect("counters");
    let mut terraform = scene.workspace.spawn(&["apply", "-auto-approve", "-no-color"]);
    // The first run of the checks is over, so the provider waits.
    until("the second run", || {
        let calls: BTreeMap<_, _> = scene.eks.calls().expect("counters");
        calls.get("iam:GetRole").is_some_and(|count| *count > 1)
    });
    let interrupted = Instant::now();
    ctrl_c(&terraform);
    assert!(!terraform.wait().expect("terraform ends").success());
    let took = interrupted.elapsed();
    assert!(took < Duration::from_secs(2), "it took {took:?}");
    let text = scene.workspace.read("out") + &scene.workspace.read("err");
    assert!(text.contains("Nothing was registered"), "{text}");
    scene.nothing_is_registered();
    // The state has what was created before.
    assert!(scene.workspace.state().contains_key("terraform_data.before"));
}

fn interrupted_plan(cli: &Cli) {
    let scene = Scene::new(cli);
    scene.set_up();
    scene.write(&modes("warn", "off", ""), &my_runner());
    scene.init();
    let slow = Faults {
        delay_ms: 9_000,
        ..Faults::default()
    };
    scene.eks.set_faults(&slow).expect("faults");
    scene.eks.reset_calls().expect("counters");
    let mut terraform = scene.workspace.spawn(&["plan", "-no-color"]);
    until("the first call", || {
        let calls: BTreeMap<_, _> = scene.eks.calls().expect("counters");
        calls.values().sum::<u64>() > 0
    });
    let interrupted = Instant::now();
    ctrl_c(&terraform);
    terraform.wait().expect("terraform ends");
    let took = interrupted.elapsed();
    assert!(took < Duration::from_secs(2), "it took {took:?}");
    let text = scene.workspace.read("out") + &scene.workspace.read("err");
    assert!(!text.contains("panic"), "{text}");
    scene.nothing_is_registered();
}

/// A registered runner is in the state, checked or not.
fn interrupted_after(cli: &Cli) {
    let scene = Scene::new(cli);
    scene.set_up();
    scene.write(&modes("off", "warn", ""), &my_runner());
    scene.init();
    let slow = Faults {
        delay_ms: 9_000,
        ..Faults::default()
    };
    scene.eks.set_faults(&slow).expect("faults");
    scene.eks.reset_calls().expect("counters");
    let mut terraform = scene.workspace.spawn(&["apply", "-auto-approve", "-no-color"]);
    until("the first call", || {
        let calls: BTreeMap<_, _> = scene.eks.calls().expect("counters");
        calls.values().sum::<u64>() > 0
    });
    let interrupted = Instant::now();
    ctrl_c(&terraform);
    terraform.wait().expect("terraform ends");
    let took = interrupted.elapsed();
    assert!(took < Duration::from_secs(2), "it took {took:?}");
    scene.registered();
    assert_eq!(scene.workspace.state()[ADDRESS]["id"], "my-runner");
    assert!(scene.workspace.tainted().is_empty());
    scene.eks.set_faults(&Faults::default()).expect("faults");
    scene.workspace.plans_nothing();
}
