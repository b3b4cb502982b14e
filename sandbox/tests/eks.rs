//! The small EKS behaves as EKS does, from the OIDC token to the dry run of a Job.
//!
//! Each test has a small EKS of its own while it runs, and begins with a clean account. Where a part is not built
//! (`tools/build`), the tests say so and are skipped.

#[path = "eks/access.rs"]
mod access;
#[path = "eks/admission.rs"]
mod admission;
#[path = "eks/faults.rs"]
mod faults;
#[path = "eks/iam.rs"]
mod iam;
#[path = "eks/jobs.rs"]
mod jobs;
#[path = "eks/process.rs"]
mod process;

use std::process::ExitCode;
use std::time::{Duration, Instant};

use libtest_mimic::{Arguments, Failed, Trial};
use sandbox::eks::{Eks, EksOptions, Error, RunnerSetup};
use sandbox::{Pool, Taken};

type Test = fn() -> Result<(), Failed>;

#[expect(clippy::print_stderr, reason = "who runs the tests has to know why they are skipped")]
fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    // Each thread has a small EKS of its own, which takes some memory.
    arguments.test_threads.get_or_insert(2);
    let absent = Eks::absent();
    if !absent.is_empty() {
        eprintln!(
            "the tests of the small EKS are skipped: not built here: {}",
            absent.join(", ")
        );
    }
    let tests = [
        access::TESTS,
        admission::TESTS,
        iam::TESTS,
        faults::TESTS,
        jobs::TESTS,
        process::TESTS,
    ]
    .concat();
    let trials = tests
        .into_iter()
        .map(|(name, test)| Trial::test(name, test).with_ignored_flag(!absent.is_empty()))
        .collect();
    let conclusion = libtest_mimic::run(&arguments, trials);
    EKS.clear();
    jobs::EKS.clear();
    conclusion.exit_code()
}

/// The small EKS's that tests take turns with.
static EKS: Pool<Eks> = Pool::new();

/// Takes an EKS, as it was after its start.
fn clean() -> Result<Taken<Eks>, Failed> {
    let eks = EKS.take(|| Eks::start(EksOptions::default()).expect("the small EKS starts"));
    eks.reset()?;
    Ok(eks)
}

/// Takes an EKS, with a runner `my-org+my-runner` set up as documented.
fn documented() -> Result<(Taken<Eks>, RunnerSetup), Failed> {
    let eks = clean()?;
    let runner = eks.set_up_as_documented("my-org", "my-runner")?;
    Ok((eks, runner))
}

/// The name under which the cluster knows the session of a runner, or the reason why it does not let it in.
fn user_of(eks: &Eks, runner: &RunnerSetup, session_name: &str) -> Result<String, Error> {
    let session = eks.assume_role(&runner.role_arn, session_name, &eks.oidc_token("my-org", "my-runner")?)?;
    let token = eks.cluster_token(&session)?;
    let user = eks.kubectl_as(
        &token,
        &["auth", "whoami", "--output=jsonpath={.status.userInfo.username}"],
        "",
    )?;
    Ok(user)
}

/// Whether the cluster refuses the runner with a 401, within the seconds that the authenticator takes to see a change.
fn becomes_unauthorized(eks: &Eks, runner: &RunnerSetup) -> bool {
    eventually(|| {
        user_of(eks, runner, &runner.session_name)
            .err()
            .is_some_and(|error| error.to_string().contains("Unauthorized"))
    })
}

/// Whether the cluster lets the runner in as `user`, within the same seconds.
fn becomes_user(eks: &Eks, runner: &RunnerSetup, user: &str) -> bool {
    eventually(|| user_of(eks, runner, &runner.session_name).is_ok_and(|found| found == user))
}

fn eventually(mut condition: impl FnMut() -> bool) -> bool {
    let deadline = Instant::now() + Duration::from_secs(10);
    loop {
        if condition() {
            return true;
        }
        if Instant::now() > deadline {
            return false;
        }
        std::thread::sleep(Duration::from_millis(100));
    }
}

/// Fails the test with the AWS error code that was expected.
fn expect_code<T>(result: Result<T, Error>, code: &str) -> Result<(), Failed> {
    match result {
        Ok(_) => Err(format!("expected {code}, and it was allowed").into()),
        Err(error) if error.aws_code() == Some(code) => Ok(()),
        Err(error) => Err(format!("expected {code}, got {error}").into()),
    }
}
