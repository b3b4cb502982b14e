//! Many runners in one run: each cause is reported once, with one fix.

use std::time::{Duration, Instant};

use sandbox::eks::{Faults, ROLE_NAME};
use serde_json::json;

use super::{CIDRS, Scene, count, modes, refusing, runner};
use crate::Scenario;
use crate::cli::{Cli, Output};

/// Runners that Terraform plans at the same time share one diagnostic. Other scenarios beside these would spread the
/// runners over more time than the provider waits.
pub(crate) const ALONE: &[Scenario] = sandbox::scenarios![fifty_planned, fifty_not_trusted];

pub(super) const SCENARIOS: &[Scenario] = sandbox::scenarios![fifty_applied, twenty_causes, two_without_ids,];

pub(super) const SLOW: &[Scenario] = sandbox::scenarios![three_hundred_roles_of_a_slow_iam];

fn fifty_of_one_role() -> String {
    runner("for_each = toset([for n in range(50) : \"runner-${n}\"])\nid = each.key")
}

/// Each runner has its own mistake in the same attribute, so each has its own diagnostic with its own fix.
fn two_without_ids(cli: &Cli) {
    let scene = Scene::new(cli);
    scene.set_up();
    let first = "resource \"terraform_data\" \"first\" {\n}\n";
    let with_path = |name: &str| {
        runner(&format!("id = \"{name}-${{terraform_data.first.id}}\""))
            .replace("\"my_runner\"", &format!("{name:?}"))
            .replace(":role/", &format!(":role/{name}/"))
    };
    let all = first.to_owned() + &with_path("one") + &with_path("two");
    scene.write("", &all);
    scene.init();
    for (mode, severity) in [("warn", "Warning"), ("error", "Error")] {
        scene.write(&modes(mode, "off", CIDRS), &all);
        let plan = scene.workspace.plan(&[]);
        let plan = if mode == "error" { plan.fails() } else { plan.ok() };
        let shown = count(&plan, &format!("{severity}: EKS access: role-exists"));
        assert_eq!(shown, 2, "{}", plan.text);
        assert_eq!(count(&plan, "To fix it"), 2, "{}", plan.text);
        for text in ["role/one/", "role/two/", "(runner #1 whose ID is unknown"] {
            plan.has(text);
        }
        plan.has_not("\"\"").has_not("has the same cause");
    }
}

/// Fifty runners of a role that does not exist.
fn fifty() -> String {
    fifty_of_one_role().replace(ROLE_NAME, "no-such-role")
}

/// The lines of the boxes that diagnostics are shown in.
fn boxes(output: &Output) -> Vec<&str> {
    let inside = |line: &&str| line.starts_with(['╷', '│', '╵']);
    output.text.lines().filter(inside).collect()
}

fn fifty_planned(cli: &Cli) {
    let scene = Scene::new(cli);
    scene.set_up();
    scene.write(&modes("off", "off", ""), &fifty());
    scene.init();
    let plan = |mode: &str| {
        scene.write(&modes(mode, "off", CIDRS), &fifty());
        scene.eks.reset_calls().expect("counters");
        let start = Instant::now();
        let plan = scene.workspace.plan(&[]).ok();
        (start.elapsed(), plan)
    };
    let (without, _) = plan("off");
    for mode in ["warn", "error"] {
        let (took, plan) = plan(mode);
        plan.has("Warning: EKS access: role-exists").has("50 to add");
        assert_eq!(count(&plan, "Warning: EKS access: "), 1, "{}", plan.text);
        assert_eq!(count(&plan, "To fix it"), 1, "{}", plan.text);
        names_all(&plan, 50);
        let lines = boxes(&plan).len();
        // The role to create trusts all of them.
        assert!(lines < 60 + 50, "{lines} lines:\n{}", plan.text);
        let more = took.saturating_sub(without);
        assert!(more < Duration::from_secs(5), "{took:?}, {without:?} without");
        let calls = scene.eks.calls().expect("counters");
        for action in ["iam:GetRole", "eks:DescribeCluster"] {
            assert_eq!(calls.get(action), Some(&1), "{calls:?}");
        }
    }
}

/// All errors are shown: the first has the fix, and the others are short and name the first.
fn fifty_applied(cli: &Cli) {
    let scene = Scene::new(cli);
    scene.set_up();
    scene.write(&refusing("8s"), &fifty());
    scene.init();
    let start = Instant::now();
    let apply = scene.workspace.apply(&[]).fails();
    // Terraform creates ten at a time, and the wait of the first ones is not repeated.
    let took = start.elapsed();
    assert!(took < Duration::from_secs(8 + 10), "it took {took:?}");
    assert_eq!(count(&apply, "Error: EKS access: role-exists"), 50);
    assert_eq!(count(&apply, "Error: "), 50, "{}", apply.text);
    assert_eq!(count(&apply, "To fix it"), 1, "{}", apply.text);
    apply.has("its diagnostic \"EKS access: role-exists\" has the fix");
    let short = count(&apply, "has the same cause: its diagnostic");
    assert_eq!(short, 49, "{}", apply.text);
    let lines = boxes(&apply).len();
    assert!(lines < 50 * 12 + 40, "{lines} lines:\n{}", apply.text);
    scene.nothing_is_registered();
}

/// Asserts that the output names all these runners.
#[track_caller]
fn names_all(output: &Output, number: usize) {
    for n in 0..number {
        output.has(&format!("\"runner-{n}\""));
    }
}

/// Each runner needs its own `sub` in one policy: one fix has all of them, and after it nothing fails.
fn fifty_not_trusted(cli: &Cli) {
    let scene = Scene::new(cli);
    scene.set_up();
    let plan = |mode: &str| {
        scene.write(&modes(mode, "off", CIDRS), &fifty_of_one_role());
        scene.workspace.plan(&[])
    };
    scene.write("", "");
    scene.init();
    let warned = plan("warn").ok();
    // The runners have no RoleBinding either, each its own.
    assert_eq!(count(&warned, "Warning: EKS access: role-trust"), 1);
    names_all(&warned, 50);
    let failed = plan("error").fails();
    assert_eq!(count(&failed, "Error: EKS access: role-trust"), 50);
    let short = count(&failed, "has the same cause: its diagnostic");
    assert_eq!(short, 49, "{}", failed.text);
    let fixes: Vec<String> = [&warned, &failed].map(trust_fix).into();
    assert_eq!(fixes[0].matches("my-org+runner-").count(), 100, "{}", fixes[0]);
    let run = std::process::Command::new("bash")
        .args(["-euo", "pipefail", "-c", &fixes[1]])
        .envs(scene.eks.shell_env())
        .output()
        .expect("bash");
    let error = String::from_utf8_lossy(&run.stderr);
    assert!(run.status.success(), "{}\n{error}", fixes[1]);
    plan("error").ok().has_not("role-trust");
}

/// Returns the printed command of a plan that replaces a trust policy, of which there is one.
#[track_caller]
fn trust_fix(output: &Output) -> String {
    let text = &output.text;
    assert_eq!(count(output, "update-assume-role-policy"), 1, "{text}");
    let lines = text.lines().map(|line| line.trim_start_matches("│ "));
    let from = lines.skip_while(|line| !line.contains("This replaces the trust policy"));
    let fix: Vec<&str> = from.take_while(|line| line.starts_with("  ")).collect();
    fix.join("\n")
}

/// A role of its own for each of 300 runners, while IAM allows 15 calls a second: every check is made, and nothing is
/// reported but the real problems.
fn three_hundred_roles_of_a_slow_iam(cli: &Cli) {
    let scene = Scene::new(cli);
    scene.set_up();
    for number in 0..300 {
        let id = format!("runner-{number}");
        let trust = scene.eks.documented_trust_policy("my-org", &id);
        let role = json!({
            "RoleName": format!("role-of-{id}"),
            "AssumeRolePolicyDocument": trust.to_string(),
        });
        scene.eks.aws("iam", "CreateRole", &role).expect("a role");
    }
    let head = "for_each = toset([for n in range(300) : \"runner-${n}\"])\nid = each.key";
    let runners = runner(head).replace(&format!("role/{ROLE_NAME}"), "role/role-of-${each.key}");
    scene.write(
        &modes("warn", "off", &format!("incomplete = \"error\"\n{CIDRS}")),
        &runners,
    );
    scene.init();
    let faults = Faults {
        rate: [("iam".to_owned(), 15.0)].into(),
        ..Faults::default()
    };
    scene.eks.set_faults(&faults).expect("faults");
    scene.eks.reset_calls().expect("counters");
    let plan = scene.workspace.plan(&[]).ok();
    // The roles exist and trust their runners, but have no permission and no access entry.
    plan.has("300 to add")
        .has("EKS access: role-permission")
        .has("EKS access: access-entry")
        .has_not("role-trust")
        .has_not("checks are incomplete");
    let calls = scene.eks.calls().expect("counters");
    let of_iam = |action: &&String| action.starts_with("iam:");
    let of_iam: u64 = calls.keys().filter(of_iam).map(|action| calls[action]).sum();
    assert!(of_iam > 601, "nothing was throttled: {calls:?}");
}

/// Twenty causes, one for each runner: a user sees all of them.
fn twenty_causes(cli: &Cli) {
    let scene = Scene::new(cli);
    scene.set_up();
    let twenty = runner("for_each = toset([for n in range(20) : \"runner-${n}\"])\nid = each.key")
        .replace(&format!("role/{ROLE_NAME}"), "role/role-of-${each.key}");
    scene.write("", &twenty);
    scene.init();
    let start = Instant::now();
    let plan = scene.workspace.plan(&[]).ok();
    let took = start.elapsed();
    assert!(took < Duration::from_secs(20), "it took {took:?}");
    assert_eq!(count(&plan, "Warning: EKS access: role-exists"), 20, "{}", plan.text);
    plan.has_not("more similar warning");
    for n in 0..20 {
        plan.has(&format!(
            "Warning: EKS access: role-exists (runner \"runner-{n}\" in \"my-org\")"
        ))
        .has(&format!("role/role-of-runner-{n}"));
    }
}
