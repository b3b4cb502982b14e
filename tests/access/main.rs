//! The EKS access preflight against the sandbox's small EKS, broken in one way at a time.
//!
//! Most scenarios run the command, as a user does. Two features that the command lacks, many runners
//! at once and waiting for propagation, are tested through the library, in a process of its own: this binary
//! again, because credentials and proxies are read from the environment.

#![expect(clippy::unwrap_used, reason = "a test ends where it cannot go on")]

mod admission;
mod annotation;
mod aws_auth;
mod child;
mod cloud;
mod cluster;
mod cost;
mod denied;
mod excluded;
mod fix;
mod healthy;
mod iam;
mod identity;
mod inside;
mod issuer;
mod network;
mod node_groups;
mod oracle;
mod permissions;
mod pod;
mod route;
mod runner;
mod scheduling;
mod setup;
mod shared;
mod storage;
mod storage_cluster;
mod storage_container;
mod storage_elsewhere;
mod storage_key;
mod storage_policy;
mod storage_role;
mod target_role;
mod trust_policies;
mod volumes;

use cloud::Cloud;
use libtest_mimic::{Arguments, Trial};
use sandbox::Pool;
use sandbox::eks::Eks;

/// A scenario: its name and what it does.
type Scenario = (&'static str, fn(&Cloud));

/// Each scenario has one of these alone, and finds it as it was set up.
static CLOUDS: Pool<Cloud> = Pool::new();

#[expect(clippy::print_stderr, reason = "who runs the tests has to know why some are ignored")]
fn main() {
    if std::env::var_os(child::MARK).is_some() {
        return child::main();
    }
    let mut arguments = Arguments::from_args();
    // Each thread has a small EKS of its own, which takes some memory.
    arguments.test_threads.get_or_insert(4);
    let absent = Eks::absent();
    if !absent.is_empty() {
        eprintln!("not on this machine: {}; all is ignored", absent.join(", "));
    }
    let scenarios = [
        healthy::SCENARIOS,
        iam::SCENARIOS,
        cluster::SCENARIOS,
        aws_auth::SCENARIOS,
        inside::SCENARIOS,
        identity::SCENARIOS,
        target_role::SCENARIOS,
        annotation::SCENARIOS,
        issuer::SCENARIOS,
        admission::SCENARIOS,
        pod::SCENARIOS,
        volumes::SCENARIOS,
        scheduling::SCENARIOS,
        node_groups::SCENARIOS,
        runner::SCENARIOS,
        denied::SCENARIOS,
        excluded::SCENARIOS,
        permissions::SCENARIOS,
        network::SCENARIOS,
        route::SCENARIOS,
        setup::SCENARIOS,
        shared::SCENARIOS,
        storage::SCENARIOS,
        storage_cluster::SCENARIOS,
        storage_container::SCENARIOS,
        storage_key::SCENARIOS,
        storage_policy::SCENARIOS,
        storage_role::SCENARIOS,
        storage_elsewhere::SCENARIOS,
        cost::SCENARIOS,
    ]
    .concat();
    let trials = scenarios.into_iter().map(|(name, scenario)| {
        let trial = Trial::test(name, move || {
            let mut cloud = CLOUDS.take(Cloud::start);
            cloud.reset();
            scenario(&cloud);
            Ok(())
        });
        trial.with_ignored_flag(!absent.is_empty())
    });
    let conclusion = libtest_mimic::run(&arguments, trials.collect());
    CLOUDS.clear();
    conclusion.exit();
}
