//! The `eks-runner` command as users run it: the real binary, its output, and its exit codes.
//!
//! The checks are run against the small EKS, of which each such test has one of its own while it runs. Where
//! a part of it is not built (`tools/build`), those tests are counted as ignored, and a line says so.

mod access;
mod command;
mod echo;
mod exported;
mod foreign;
mod formats;
mod input;
mod interrupted;
mod output_file;
mod probe;
mod refused;
mod registered;
mod schemas;
mod secrets;
mod several;
mod shown;
mod text;

use libtest_mimic::{Arguments, Trial};

/// A test: its name and its function, which panics if the test fails.
type Test = (&'static str, fn());

#[expect(clippy::print_stderr, reason = "who runs the tests has to know what is not tried")]
fn main() {
    let mut arguments = Arguments::from_args();
    // The probes mostly wait.
    arguments.test_threads.get_or_insert(6);
    let absent = sandbox::eks::Eks::absent();
    if !absent.is_empty() {
        eprintln!(
            "the tests with the small EKS are ignored: not built here: {}",
            absent.join(", ")
        );
    }
    let trial = |ignored: bool| {
        move |(name, test): Test| {
            let run = move || {
                test();
                Ok(())
            };
            Trial::test(name, run).with_ignored_flag(ignored)
        }
    };
    let plain = [
        text::TESTS,
        input::TESTS,
        interrupted::TESTS,
        registered::TESTS,
        secrets::TESTS,
        foreign::TESTS,
        formats::TESTS,
        output_file::TESTS,
        refused::TESTS,
        exported::TESTS,
        several::TESTS,
        shown::TESTS,
    ]
    .concat();
    // The longest come first.
    let with_eks = [
        probe::TESTS,
        probe::terminal::TESTS,
        access::TESTS,
        formats::WITH_EKS,
        several::WITH_EKS,
        shown::WITH_EKS,
    ]
    .concat();
    let with_eks = with_eks.into_iter().map(trial(!absent.is_empty()));
    let trials = with_eks.chain(plain.into_iter().map(trial(false)));
    let conclusion = libtest_mimic::run(&arguments, trials.collect());
    access::EKS.clear();
    probe::EKS.clear();
    conclusion.exit();
}
