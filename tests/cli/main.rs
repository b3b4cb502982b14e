//! The `eks-runner` command as users run it: the real binary, its output, and its exit codes.
//!
//! The checks are run against the small EKS, which all such tests share, one after the other. Where a
//! part of it is not built (`tools/build`), those tests are counted as ignored, and a line says so.

mod access;
mod command;
mod echo;
mod foreign;
mod input;
mod probe;
mod registered;
mod secrets;
mod text;

use libtest_mimic::{Arguments, Trial};

/// A test: its name and its function, which panics if the test fails.
type Test = (&'static str, fn());

#[expect(
    clippy::print_stderr,
    reason = "who runs the tests has to know what is not tried"
)]
fn main() {
    let arguments = Arguments::from_args();
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
        registered::TESTS,
        secrets::TESTS,
        foreign::TESTS,
    ]
    .concat();
    let mut trials: Vec<Trial> = plain.into_iter().map(trial(false)).collect();
    let with_eks = [access::TESTS, probe::TESTS, probe::terminal::TESTS].concat();
    trials.extend(with_eks.into_iter().map(trial(!absent.is_empty())));
    libtest_mimic::run(&arguments, trials).exit();
}
