//! The provider as users run it: built, installed in a mirror, and started by real Terraform and real
//! OpenTofu against the Orchestrator's stand-in.
//!
//! Each scenario runs once with each of the two, except for those that do not depend on the command line. If one of the
//! two is not on this machine, its scenarios are counted as ignored, and a line says so.

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

/// A scenario as a test, and where in the order it runs.
type Placed = (f64, Trial);

/// What this machine lacks.
struct Lacking {
    eks: bool,
    aws: bool,
}

#[expect(
    clippy::print_stderr,
    reason = "who runs the tests has to know why they are skipped"
)]
impl Lacking {
    /// Looks for it, and prints what is ignored.
    fn find(clis: &[Cli]) -> Self {
        let absent = sandbox::eks::Eks::absent();
        if !absent.is_empty() {
            eprintln!(
                "the scenarios of EKS access are ignored; not built here: {}",
                absent.join(", ")
            );
        }
        let aws = cli::plugin_mirror().is_none();
        if aws {
            eprintln!(
                "the scenarios of the whole set-up are ignored: TF_PLUGIN_MIRROR names no folder with hashicorp/aws"
            );
        }
        for cli in clis.iter().filter(|cli| cli.program.is_none()) {
            eprintln!(
                "{} is not on this machine: its scenarios are ignored",
                cli.name
            );
        }
        if Cli::terraform_1_14().program.is_none() {
            eprintln!(
                "the scenarios of Terraform 1.14 are ignored: TERRAFORM_1_14 names no program"
            );
        }
        Self {
            eks: !absent.is_empty(),
            aws,
        }
    }
}

/// The scenarios of both command lines.
fn on_both(clis: &[Cli], lacking: &Lacking) -> Vec<Placed> {
    let scenarios = [
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
    .concat();
    let on_eks = eks_access::scenarios();
    let first = clis.iter().find(|cli| cli.program.is_some());
    let first = first.map(|cli| cli.name);
    let mut trials = Vec::new();
    for cli in clis {
        // Takes long and does not depend on the command line.
        let on_one_cli = |scenarios: &'static [Scenario]| {
            let is_first = first.is_none_or(|first| first == cli.name);
            if is_first { scenarios } else { &[] }
        };
        // Spreads the scenarios that use the processor, those that mostly wait, and the longest ones evenly.
        for (scenarios, lacking) in [
            (&scenarios[..], false),
            (on_one_cli(faults::MATRIX), false),
            (&on_eks, lacking.eks),
            (on_one_cli(eks_access::many::SLOW), lacking.eks),
            (complete::SCENARIOS, lacking.eks || lacking.aws),
            (eks_access::many::ALONE, lacking.eks),
        ] {
            let alone = std::ptr::eq(scenarios, eks_access::many::ALONE);
            for (index, (name, scenario)) in scenarios.iter().copied().enumerate() {
                let ignored = lacking || cli.program.is_none();
                let trial = trial(cli.clone(), name, scenario, alone);
                let place = (index + 1) as f64 / scenarios.len() as f64;
                // Those that run alone come last.
                let position = if alone { 2.0 } else { place };
                trials.push((position, trial.with_ignored_flag(ignored)));
            }
        }
    }
    trials
}

/// The scenarios of what only some versions have.
fn on_the_newest(tofu: &Cli, lacking: &Lacking) -> Vec<Placed> {
    let terraform = Cli::terraform_1_14();
    let mut trials = Vec::new();
    for (cli, scenarios, lacking) in [
        (&terraform, identity::SCENARIOS, false),
        (tofu, identity::SCENARIOS, false),
        (&terraform, query::SCENARIOS, false),
        (&terraform, eks_access::action::SCENARIOS, lacking.eks),
    ] {
        for (name, scenario) in scenarios.iter().copied() {
            let ignored = lacking || cli.program.is_none();
            let trial = trial(cli.clone(), name, scenario, false);
            trials.push((0.5, trial.with_ignored_flag(ignored)));
        }
    }
    trials
}

fn main() {
    let mut arguments = Arguments::from_args();
    // Most scenarios spend half of their time waiting.
    arguments.test_threads.get_or_insert(4);
    let clis = Cli::both();
    let lacking = Lacking::find(&clis);
    let [_, tofu] = &clis;
    let mut trials = on_both(&clis, &lacking);
    trials.extend(on_the_newest(tofu, &lacking));
    trials.sort_by(|(one, _), (other, _)| one.total_cmp(other));
    let trials = trials.into_iter().map(|(_, trial)| trial).collect();
    let conclusion = libtest_mimic::run(&arguments, trials);
    eks_access::EKS.clear();
    conclusion.exit();
}
