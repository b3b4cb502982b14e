//! Many runners in one run: one cause is told once.

use std::time::{Duration, Instant};

use sandbox::eks::ROLE_NAME;

use super::{CIDRS, Scene, count, eks, modes, refusing, runner};
use crate::Scenario;
use crate::cli::{Cli, Output};

pub(super) const SCENARIOS: &[Scenario] = &[
    (
        "EKS access: a plan of fifty runners with one broken role",
        fifty_planned,
    ),
    (
        "EKS access: an apply of fifty runners with one broken role",
        fifty_applied,
    ),
    (
        "EKS access: a plan of fifty runners that one role does not trust",
        fifty_not_trusted,
    ),
];

fn fifty_of_one_role() -> String {
    runner("for_each = toset([for n in range(50) : \"runner-${n}\"])\n  id = each.key")
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
    let eks = eks();
    let scene = Scene::new(cli, eks.as_ref().expect("started"));
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
        plan.has("Warning: EKS access: role-exists")
            .has("50 to add")
            .has("49 more similar warnings elsewhere");
        assert_eq!(count(&plan, "To mend it"), 1, "{}", plan.text);
        let lines = boxes(&plan).len();
        assert!(lines < 60, "{lines} lines:\n{}", plan.text);
        let more = took.saturating_sub(without);
        assert!(
            more < Duration::from_secs(5),
            "{took:?}, {without:?} without"
        );
        let calls = scene.eks.calls().expect("counters");
        for action in ["iam:GetRole", "eks:DescribeCluster"] {
            assert_eq!(calls.get(action), Some(&1), "{calls:?}");
        }
    }
}

/// Errors are all shown: the first has the fix, the others are short and say which that is.
fn fifty_applied(cli: &Cli) {
    let eks = eks();
    let scene = Scene::new(cli, eks.as_ref().expect("started"));
    scene.set_up();
    scene.write(&refusing("8s"), &fifty());
    scene.init();
    let start = Instant::now();
    let apply = scene.workspace.apply(&[]).fails();
    // Terraform makes ten at a time; what the first have waited for, the others do not.
    let took = start.elapsed();
    assert!(took < Duration::from_secs(8 + 10), "it took {took:?}");
    assert_eq!(count(&apply, "Error: EKS access: role-exists"), 50);
    assert_eq!(count(&apply, "Error: "), 50, "{}", apply.text);
    assert_eq!(count(&apply, "To mend it"), 1, "{}", apply.text);
    apply.has("whose diagnostic \"EKS access: role-exists\" has the fix");
    let short = count(&apply, "The cause is that of the runner");
    assert_eq!(short, 49, "{}", apply.text);
    let lines = boxes(&apply).len();
    assert!(lines < 50 * 12 + 40, "{lines} lines:\n{}", apply.text);
    scene.nothing_is_registered();
}

/// Each wants a `sub` of its own, in one policy: its fix is told once.
fn fifty_not_trusted(cli: &Cli) {
    let eks = eks();
    let scene = Scene::new(cli, eks.as_ref().expect("started"));
    scene.set_up();
    scene.write(&modes("error", "off", CIDRS), &fifty_of_one_role());
    scene.init();
    let plan = scene.workspace.plan(&[]).fails();
    assert_eq!(count(&plan, "Error: "), 50, "{}", plan.text);
    assert_eq!(count(&plan, "Error: EKS access: role-trust"), 50);
    let short = count(&plan, "The cause is that of the runner");
    assert_eq!(short, 49, "{}", plan.text);
    assert_eq!(
        count(&plan, "update-assume-role-policy"),
        1,
        "{}",
        plan.text
    );
}
