//! The provider as users run it: built, installed in a mirror, and started by real Terraform and real
//! OpenTofu against the Orchestrator's stand-in.
//!
//! Each scenario runs once with each of the two. Those that do not depend on the command line take turns: the first runs
//! with Terraform, the second with OpenTofu, and so on. If one of the two is not on this machine, its scenarios are
//! counted as ignored, and a line says so.

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
mod mocks;
mod moving;
mod planned;
mod query;
mod scene;
mod secrets;
mod signals;
mod stand_in;
mod texts;
mod values;
mod wrong;

use std::slice;
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
        let turn = (alone.then(|| RUNNING.write()), (!alone).then(|| RUNNING.read()));
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

#[expect(clippy::print_stderr, reason = "who runs the tests has to know why they are skipped")]
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
            eprintln!("{} is not on this machine: its scenarios are ignored", cli.name);
        }
        if Cli::terraform_1_14().program.is_none() {
            eprintln!("the scenarios of Terraform 1.14 are ignored: TERRAFORM_1_14 names no program");
        }
        Self {
            eks: !absent.is_empty(),
            aws,
        }
    }
}

/// How scenarios are run.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Runs {
    /// Each with both command lines.
    OnBoth,
    /// Each with one of the two, in turn: it does not depend on the command line.
    InTurn,
    /// Each with both, while no other scenario runs.
    Alone,
}

/// The scenarios of Terraform and OpenTofu.
fn of_both(clis: &[Cli], lacking: &Lacking) -> Vec<Placed> {
    let on_both = [
        documentation::SCENARIOS,
        lifecycle::SCENARIOS,
        lists::SCENARIOS,
        mocks::SCENARIOS,
        existing::SCENARIOS,
        moving::SCENARIOS,
        planned::SCENARIOS,
        drift::SCENARIOS,
        language::SCENARIOS,
        wrong::SCENARIOS,
        functions::SCENARIOS,
        signals::SCENARIOS,
        secrets::SCENARIOS,
        texts::SCENARIOS,
    ];
    let in_turn = [planned::IN_TURN, faults::SCENARIOS, faults::MATRIX, values::SCENARIOS];
    let present: Vec<_> = clis.iter().filter(|cli| cli.program.is_some()).collect();
    let mut trials = Vec::new();
    // Spreads the scenarios that use the processor, those that mostly wait, and the longest ones evenly.
    for (scenarios, runs, lacking) in [
        (on_both.concat(), Runs::OnBoth, false),
        (in_turn.concat(), Runs::InTurn, false),
        (eks_access::on_both(), Runs::OnBoth, lacking.eks),
        (eks_access::in_turn(), Runs::InTurn, lacking.eks),
        (complete::SCENARIOS.to_vec(), Runs::OnBoth, lacking.eks || lacking.aws),
        (complete::IN_TURN.to_vec(), Runs::InTurn, lacking.eks || lacking.aws),
        (eks_access::many::ALONE.to_vec(), Runs::Alone, lacking.eks),
    ] {
        let count = scenarios.len();
        for (index, (name, scenario)) in scenarios.into_iter().enumerate() {
            let in_turn = present.get(index % present.len().max(1));
            let clis = match in_turn {
                Some(cli) if runs == Runs::InTurn => slice::from_ref(*cli),
                _ => clis,
            };
            for cli in clis {
                let ignored = lacking || cli.program.is_none();
                let alone = runs == Runs::Alone;
                let trial = trial(cli.clone(), name, scenario, alone);
                // Those that run alone come last.
                let position = if alone {
                    2.0
                } else {
                    // The longest scenario has no others in its list, and begins first.
                    index as f64 / count as f64
                };
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
    let mut trials = of_both(&clis, &lacking);
    trials.extend(on_the_newest(tofu, &lacking));
    trials.sort_by(|(one, _), (other, _)| one.total_cmp(other));
    let trials = trials.into_iter().map(|(_, trial)| trial).collect();
    let conclusion = libtest_mimic::run(&arguments, trials);
    eks_access::EKS.clear();
    conclusion.exit();
}
