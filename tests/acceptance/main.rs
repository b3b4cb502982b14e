//! The provider as users run it: built, installed in a mirror, and started by real Terraform and real
//! OpenTofu against the Orchestrator's stand-in.
//!
//! Each scenario runs once with each of the two, except for those that do not depend on the command line, and those of
//! features that only one of them or only Terraform 1.14 has. If one of them is not on this machine, its scenarios are counted as ignored, and a line says so.

mod cli;
mod complete;
mod configuration;
mod documentation;
mod drift;
#[path = "../cli/echo.rs"]
mod echo;
mod eks_access;
mod existing;
mod faults;
mod functions;
mod identity;
mod language;
mod lifecycle;
mod lists;
mod moving;
mod planned;
mod query;
mod secrets;
mod signals;
mod stand_in;
mod texts;
mod values;
mod wrong;

use std::sync::RwLock;

use cli::Cli;
use libtest_mimic::{Arguments, Trial};

/// A scenario: its name and what it does.
type Scenario = (&'static str, fn(&Cli));

/// Held for writing by a scenario that runs alone, and for reading by the others. A panic leaves nothing to repair.
static RUNNING: RwLock<()> = RwLock::new(());

/// The scenario as a test of this command line.
fn trial(cli: Cli, name: &str, scenario: fn(&Cli), alone: bool) -> Trial {
    Trial::test(format!("{}::{name}", cli.name), move || {
        let turn = (
            alone.then(|| RUNNING.write()),
            (!alone).then(|| RUNNING.read()),
        );
        scenario(&cli);
        drop(turn);
        Ok(())
    })
}

/// The scenarios that run with Terraform and with OpenTofu.
fn on_each_cli() -> Vec<Scenario> {
    [
        documentation::SCENARIOS,
        lifecycle::SCENARIOS,
        lists::SCENARIOS,
        existing::SCENARIOS,
        moving::SCENARIOS,
        planned::SCENARIOS,
        drift::SCENARIOS,
        language::SCENARIOS,
        wrong::SCENARIOS,
        faults::SCENARIOS,
        functions::SCENARIOS,
        signals::SCENARIOS,
        secrets::SCENARIOS,
        texts::SCENARIOS,
        values::SCENARIOS,
    ]
    .concat()
}

/// The scenarios of features that only some command lines have, with their places among all trials.
fn newer_trials(newest: &Cli, tofu: &Cli, no_eks: bool) -> Vec<(f64, Trial)> {
    let mut trials = Vec::new();
    for (cli, scenarios, lacking) in [
        (newest, identity::SCENARIOS, false),
        (tofu, identity::SCENARIOS, false),
        (newest, query::SCENARIOS, false),
        (newest, eks_access::action::SCENARIOS, no_eks),
    ] {
        for (name, scenario) in scenarios.iter().copied() {
            let ignored = lacking || cli.program.is_none();
            let trial = trial(cli.clone(), name, scenario, false);
            trials.push((0.5, trial.with_ignored_flag(ignored)));
        }
    }
    trials
}

#[expect(
    clippy::print_stderr,
    reason = "who runs the tests has to know why they are skipped"
)]
fn main() {
    let mut arguments = Arguments::from_args();
    // Most scenarios spend half of their time waiting.
    arguments.test_threads.get_or_insert(3);
    let scenarios = on_each_cli();
    let absent = sandbox::eks::Eks::absent();
    let no_eks = !absent.is_empty();
    if no_eks {
        eprintln!(
            "the scenarios of EKS access are ignored; not built here: {}",
            absent.join(", ")
        );
    }
    let no_aws = cli::plugin_mirror().is_none();
    if no_aws {
        eprintln!(
            "the scenarios of the whole set-up are ignored: TF_PLUGIN_MIRROR names no folder with hashicorp/aws"
        );
    }
    let clis = Cli::both();
    let [_, tofu] = clis.clone();
    let first = clis.iter().find(|cli| cli.program.is_some());
    let first = first.map(|cli| cli.name);
    let mut trials = Vec::new();
    for cli in clis {
        if cli.program.is_none() {
            eprintln!(
                "{} is not on this machine: its scenarios are ignored",
                cli.name
            );
        }
        let on_eks = eks_access::scenarios();
        let on_one_cli = if first.is_none_or(|first| first == cli.name) {
            faults::MATRIX
        } else {
            &[]
        };
        // Spreads the scenarios that use the processor, those that mostly wait, and the longest ones evenly.
        for (scenarios, lacking) in [
            (&scenarios[..], false),
            (on_one_cli, false),
            (&on_eks, no_eks),
            (complete::SCENARIOS, no_eks || no_aws),
            (eks_access::many::ALONE, no_eks),
        ] {
            let alone = std::ptr::eq(scenarios, eks_access::many::ALONE);
            for (index, (name, scenario)) in scenarios.iter().copied().enumerate() {
                let cli = cli.clone();
                let ignored = lacking || cli.program.is_none();
                let trial = trial(cli, name, scenario, alone);
                let place = (index + 1) as f64 / scenarios.len() as f64;
                // Those that run alone come last.
                let position = if alone { 2.0 } else { place };
                trials.push((position, trial.with_ignored_flag(ignored)));
            }
        }
    }
    let newest = Cli::terraform_1_14();
    if newest.program.is_none() {
        eprintln!("the scenarios of Terraform 1.14 are ignored: TERRAFORM_1_14 names no program");
    }
    trials.extend(newer_trials(&newest, &tofu, no_eks));
    trials.sort_by(|(one, _), (other, _)| one.total_cmp(other));
    let trials = trials.into_iter().map(|(_, trial)| trial).collect();
    let conclusion = libtest_mimic::run(&arguments, trials);
    eks_access::EKS.clear();
    conclusion.exit();
}
