//! Each mode in each phase, for each kind of change: the calls, the diagnostics, and what is registered.
//!
//! Plans are saved and applied on their own, so that the two phases are counted apart.

use sandbox::eks::ROLE_NAME;

use super::{ADDRESS, CIDRS, Scene, count, modes, my_runner};
use crate::Scenario;
use crate::cli::{Cli, Output};

pub(super) const SCENARIOS: &[Scenario] = sandbox::scenarios![create, update, replace, unchanged];

const MODES: [&str; 3] = ["off", "warn", "error"];

const WARNING: &str = "Warning: EKS access: ";
const ERROR: &str = "Error: EKS access: ";

impl Scene {
    fn of_modes(cli: &Cli) -> Self {
        let scene = Self::new(cli);
        scene.set_up();
        scene.modes("off", "off", &my_runner());
        scene.init();
        scene
    }

    fn modes(&self, plan: &str, apply: &str, runner: &str) {
        let more = format!("timeout = \"1s\"\n{CIDRS}");
        self.write(&modes(plan, apply, &more), runner);
    }

    /// Saves a plan. Returns the number of AWS calls and the output.
    fn saves(&self) -> (u64, Output) {
        self.counted(|workspace| workspace.plan(&["-out=saved"]))
    }

    /// Applies the saved plan. Returns the number of AWS calls and the output.
    fn applies(&self) -> (u64, Output) {
        self.counted(|workspace| workspace.run(&["apply", "-no-color", "saved"]))
    }
}

/// Asserts the effect of a failed check of a changed runner during plan.
#[track_caller]
fn judge_plan(mode: &str, (calls, output): (u64, Output), id: &str) {
    let (is_checked, warnings, errors) = match mode {
        "off" => (false, 0, 0),
        "warn" => (true, 1, 0),
        _ => (true, 0, 1),
    };
    let output = if errors == 0 { output.ok() } else { output.fails() };
    assert_eq!(calls > 0, is_checked, "{mode}: {calls} calls");
    let reported = (count(&output, WARNING), count(&output, ERROR));
    assert_eq!(reported, (warnings, errors), "{mode}:\n{}", output.text);
    if is_checked {
        output.has(&format!("EKS access: {id}"));
    }
}

/// Asserts the effect of a check that fails since the plan during apply. Returns whether the apply succeeded.
///
/// Terraform plans once more while it applies, and the provider cannot see that: the effect of the plan's
/// mode then also shows during apply.
#[track_caller]
fn judge_apply(plan: &str, apply: &str, (calls, output): (u64, Output), id: &str) -> bool {
    let (warnings, errors) = match (plan, apply) {
        ("off", "off") => (0, 0),
        ("warn", "off") | ("off" | "warn", "warn") => (1, 0),
        ("warn", "error") => (1, 1),
        ("off", "error") | ("error", _) => (0, 1),
        other => panic!("{other:?}"),
    };
    let what = format!("plan = {plan}, apply = {apply}");
    let output = if errors == 0 { output.ok() } else { output.fails() };
    assert_eq!(calls > 0, warnings + errors > 0, "{what}: {calls} calls");
    let reported = (count(&output, WARNING), count(&output, ERROR));
    assert_eq!(reported, (warnings, errors), "{what}:\n{}", output.text);
    if calls > 0 {
        output.has(&format!("EKS access: {id}"));
    }
    errors == 0
}

fn create(cli: &Cli) {
    let scene = Scene::of_modes(cli);
    for plan in MODES {
        scene.break_trust();
        scene.modes(plan, "off", &my_runner());
        judge_plan(plan, scene.saves(), "role-trust");
        for apply in MODES {
            scene.fix_trust();
            scene.modes(plan, apply, &my_runner());
            scene.saves().1.ok().has_not("EKS access");
            scene.break_trust();
            let registered = judge_apply(plan, apply, scene.applies(), "role-trust");
            if registered {
                scene.registered();
                let (calls, output) = scene.counted(|workspace| workspace.destroy());
                output.ok().has_not("EKS access");
                assert_eq!(calls, 0, "a destroy asks nothing");
            }
            scene.nothing_is_registered();
        }
    }
}

fn update(cli: &Cli) {
    let scene = Scene::of_modes(cli);
    let kubectl = |verb: &str| {
        let arguments = [verb, "serviceaccount", "other", "--namespace=humanitec-runner"];
        scene.eks.kubectl(&arguments).expect("a service account");
    };
    let changed = my_runner().replace("service_account = \"humanitec-runner\"", "service_account = \"other\"");
    scene.workspace.apply(&[]).ok();
    for plan in MODES {
        scene.modes(plan, "off", &changed);
        judge_plan(plan, scene.saves(), "service-account");
        for apply in MODES {
            kubectl("create");
            scene.modes(plan, apply, &changed);
            scene.saves().1.ok().has_not("EKS access");
            kubectl("delete");
            // If the runner was not refreshed just before, the same apply might create what it lacks.
            let again = if plan == "error" { "warn" } else { plan };
            let done = judge_apply(again, apply, scene.applies(), "service-account");
            let expected = if done { "other" } else { "humanitec-runner" };
            let stored = scene.registered();
            let state = scene.workspace.state();
            for runner in [&stored, &state[ADDRESS]] {
                let found = &runner["runner_configuration"]["job"]["service_account"];
                assert_eq!(found, expected, "{plan}, {apply}");
            }
            scene.modes("off", "off", &my_runner());
            scene.workspace.apply(&[]).ok();
        }
    }
}

/// The old runner is deleted before the new one is checked, unless `create_before_destroy` says otherwise:
/// that is Terraform's order.
fn replace(cli: &Cli) {
    let scene = Scene::of_modes(cli);
    // With a session name of its own the runner stays the same user for the cluster.
    let session = format!("{}-my-runner", scene.orchestrator.org());
    let first = my_runner().replace("auth = {", &format!("auth = {{\n        session_name = {session:?}"));
    let renamed = |lifecycle: &str| {
        let head = format!("id = \"other-runner\"\n  {lifecycle}");
        first.replace("id = \"my-runner\"", &head)
    };
    scene.modes("off", "off", &first);
    scene.workspace.apply(&[]).ok();
    // The role trusts my-runner, not other-runner.
    for plan in MODES {
        scene.modes(plan, "off", &renamed(""));
        judge_plan(plan, scene.saves(), "role-trust");
    }
    let ids = || -> Vec<String> {
        let runners = scene.orchestrator.runners();
        runners.iter().map(|runner| runner.id.clone()).collect()
    };
    let kept = "lifecycle {\n    create_before_destroy = true\n  }";
    scene.modes("off", "error", &renamed(kept));
    scene.saves().1.ok();
    judge_apply("off", "error", scene.applies(), "role-trust");
    assert_eq!(ids(), ["my-runner"]);
    assert_eq!(scene.workspace.state()[ADDRESS]["id"], "my-runner");
    scene.modes("off", "error", &renamed(""));
    scene.saves().1.ok();
    judge_apply("off", "error", scene.applies(), "role-trust");
    scene.nothing_is_registered();
    scene.modes("off", "warn", &renamed(""));
    scene.saves().1.ok();
    judge_apply("off", "warn", scene.applies(), "role-trust");
    assert_eq!(ids(), ["other-runner"]);
    // A check that starts to fail after the plan keeps the old runner as well.
    let back = first.replace("id = \"my-runner\"", &format!("id = \"my-runner\"\n  {kept}"));
    scene.modes("error", "error", &back);
    scene.saves().1.ok().has_not("EKS access");
    scene.break_trust();
    judge_apply("error", "error", scene.applies(), "role-trust");
    assert_eq!(ids(), ["other-runner"]);
}

/// A registered runner that does not change is not checked, whatever broke meanwhile.
fn unchanged(cli: &Cli) {
    let scene = Scene::of_modes(cli);
    scene.workspace.apply(&[]).ok();
    scene.break_trust();
    let described = my_runner().replace(
        "id = \"my-runner\"",
        "id = \"my-runner\"\n  description = \"DESCRIPTION\"\n  timeouts = {\n    create = \"1m\"\n  }",
    );
    for mode in MODES {
        scene.modes(mode, mode, &my_runner());
        let (calls, output) = scene.counted(|workspace| workspace.apply(&[]));
        output.ok().has_not("EKS access");
        assert_eq!(calls, 0, "{mode}");
        // The changed attributes do not affect the access to the cluster.
        let described = described.replace("DESCRIPTION", mode);
        scene.modes(mode, mode, &described);
        let (calls, output) = scene.counted(|workspace| workspace.apply(&[]));
        output.ok().has("1 changed").has_not("EKS access");
        assert_eq!(calls, 0, "{mode}");
        scene.modes("off", "off", &my_runner());
        scene.workspace.apply(&[]).ok();
    }
    // A missing object is an error for a runner that exists.
    let role = format!("role/{ROLE_NAME}");
    scene.modes("error", "error", &my_runner().replace(&role, "role/another"));
    scene
        .saves()
        .1
        .fails()
        .has("Error: EKS access: role-exists")
        .has("runner_configuration.cluster.auth.role_arn:")
        .has("role/another");
}
