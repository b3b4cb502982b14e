//! Tests with many runners at once. Terraform plans a fixed number of them at a time.

use std::collections::BTreeSet;
use std::sync::Arc;

use tokio::sync::Semaphore;

use super::*;
use crate::access::{Cause, ClusterCause, ClusterKey, Frontend, Known, RoleTrust, RunnerCause, RunnerKey, Skip};
use crate::runner::RoleArn;

fn subject(runner: &str) -> Subject {
    Subject {
        runner_id: runner.to_owned().into(),
        ..Subject::unknown()
    }
}

fn id(text: &str) -> CheckId {
    text.parse().unwrap()
}

fn role() -> RoleArn {
    "arn:aws:iam::123456789012:role/r".parse().unwrap()
}

/// Returns a cause that only one runner has.
fn own_cause(runner: &str) -> Cause {
    Cause::Runner(RunnerKey(runner.to_owned()), RunnerCause::RoleArn)
}

fn report(outcomes: Vec<(CheckId, Outcome)>) -> Report {
    let checks = outcomes.into_iter();
    Report {
        checks: checks.map(|(id, outcome)| CheckResult::fixture(id, outcome)).collect(),
        session_name: None,
        oidc_subject: None,
        kubernetes_user: None,
    }
}

/// Returns the outcome for a role that does not trust the runner. One policy fixes it for all runners.
fn not_trusted(runner: &str) -> Outcome {
    let trust = RoleTrust::fixture(&format!("my-org+{runner}"), Frontend::Terraform);
    Outcome::failed(format!("{runner} is not trusted.")).fix(Cause::MissingRole(role()), Fix::trust(trust))
}

const WARN: Severities = Severities {
    errors: false,
    each: false,
    may_come: false,
    incomplete: Incomplete::Warn,
    on_demand: false,
};
const PLAN: Severities = Severities { errors: true, ..WARN };
const APPLY: Severities = Severities { each: true, ..PLAN };

/// Returns the diagnostics of twenty runners that are checked `parallel` at a time.
async fn twenty(
    parallel: usize,
    severities: Severities,
    outcomes: fn(&str) -> Vec<(CheckId, Outcome)>,
) -> Vec<Diagnostic> {
    let reported = Arc::new(ReportedDiagnostics::default());
    let turns = Arc::new(Semaphore::new(parallel));
    let runners = (0..20).map(|n| {
        let (reported, turns) = (Arc::clone(&reported), Arc::clone(&turns));
        tokio::spawn(async move {
            let _turn = turns.acquire().await.unwrap();
            let runner = format!("runner-{n}");
            let checking = reported.begin(&subject(&runner));
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
            let report = report(outcomes(&runner));
            let stop = CancellationToken::new();
            reported.diagnostics(&report, severities, checking, &stop).await
        })
    });
    let mut all = Vec::new();
    for runner in runners.collect::<Vec<_>>() {
        all.extend(runner.await.unwrap());
    }
    all
}

fn errors(diagnostics: &[Diagnostic]) -> usize {
    let errors = diagnostics.iter().filter(|one| one.is_error());
    errors.count()
}

fn names_all(text: &str) -> bool {
    (0..20).all(|n| text.contains(&format!("runner-{n}")))
}

#[tokio::test]
async fn one_fix_has_all_runners_that_a_role_does_not_trust() {
    let outcomes = |runner: &str| vec![(id("role-trust"), not_trusted(runner))];
    for severities in [PLAN, APPLY] {
        let found = twenty(10, severities, outcomes).await;
        assert_eq!((found.len(), errors(&found)), (20, 20));
        let fixes: Vec<_> = found.iter().filter(|one| one.detail.contains("To fix it")).collect();
        let [fix] = fixes.as_slice() else { panic!("{fixes:#?}") };
        let command = fix.detail.split("To fix it:").nth(1).unwrap();
        assert!(names_all(command), "{command}");
        assert!(fix.detail.contains("This fix is for 20 runners."));
    }
    let found = twenty(10, WARN, outcomes).await;
    let [warning] = found.as_slice() else {
        panic!("{found:#?}")
    };
    assert!(names_all(&warning.detail), "{}", warning.detail);
    assert!(
        warning.summary.contains("and 19 more in \"my-org\")"),
        "{}",
        warning.summary
    );
}

/// Beside the cause that all share, each runner has one of its own.
#[tokio::test]
async fn causes_of_their_own_do_not_keep_runners_from_sharing_a_fix() {
    let outcomes = |runner: &str| {
        let own = Outcome::failed("Not bound.").fix(own_cause(runner), Fix::note("Bind."));
        vec![(id("role-trust"), not_trusted(runner)), (id("rbac-create-jobs"), own)]
    };
    let found = twenty(10, PLAN, outcomes).await;
    assert_eq!((found.len(), errors(&found)), (40, 40));
    let trust = found.iter().filter(|one| one.detail.contains("This fix is for"));
    let trust: Vec<_> = trust.collect();
    assert_eq!(trust.len(), 1, "{trust:#?}");
    assert!(names_all(&trust[0].detail), "{trust:#?}");
    let own = found
        .iter()
        .filter(|one| one.detail.contains("To fix it:\n\n  # Bind."));
    assert_eq!(own.count(), 20);
}

#[tokio::test]
async fn one_at_a_time_the_last_fix_has_all() {
    let outcomes = |runner: &str| vec![(id("role-trust"), not_trusted(runner))];
    let found = twenty(1, PLAN, outcomes).await;
    assert_eq!((found.len(), errors(&found)), (20, 20));
    let all: Vec<_> = found
        .iter()
        .filter(|one| one.detail.contains("This fix is for 20 runners. It includes"))
        .collect();
    assert_eq!(all.len(), 1, "{found:#?}");
    assert!(names_all(&all[0].detail));
}

#[tokio::test]
async fn twenty_causes_are_twenty_warnings_of_their_own() {
    let outcomes = |runner: &str| {
        let cause = own_cause(runner);
        let outcome = Outcome::failed("No role.").fix(cause, Fix::note("Create."));
        vec![(id("role-exists"), outcome)]
    };
    for (severities, expected) in [(WARN, 0), (PLAN, 20)] {
        let found = twenty(10, severities, outcomes).await;
        assert_eq!((found.len(), errors(&found)), (20, expected));
        let summaries: BTreeSet<_> = found.iter().map(|one| one.summary.as_str()).collect();
        assert_eq!(summaries.len(), 20, "{summaries:?}");
        assert!(found.iter().all(|one| one.detail.contains("To fix it")));
    }
}

#[tokio::test]
async fn a_reason_for_which_checks_could_not_be_made_is_one_diagnostic() {
    let outcomes = |_: &str| {
        let denied = |message| Outcome::incomplete("no permission for iam:GetRole", message);
        vec![
            (id("role-exists"), denied("Denied.")),
            (id("role-trust"), denied("Needs role-exists.")),
            (id("rbac-list-pods"), denied("Denied.")),
            (id("job-dry-run"), Outcome::skipped(Skip::Unknown, "Later.")),
        ]
    };
    let with = |severities, incomplete| Severities {
        incomplete,
        ..severities
    };
    for (severities, incomplete, all, failed) in [
        (WARN, Incomplete::Warn, 1, 0),
        (PLAN, Incomplete::Warn, 1, 0),
        (APPLY, Incomplete::Warn, 1, 0),
        (WARN, Incomplete::Error, 1, 0),
        (PLAN, Incomplete::Error, 1, 1),
        (APPLY, Incomplete::Error, 20, 20),
        (APPLY, Incomplete::Ignore, 0, 0),
    ] {
        let found = twenty(10, with(severities, incomplete), outcomes).await;
        let what = format!("{severities:?} {incomplete:?}: {found:#?}");
        assert_eq!((found.len(), errors(&found)), (all, failed), "{what}");
        let whole = found.iter().filter(|one| names_all(&one.detail));
        assert_eq!(whole.count(), all.min(1), "{what}");
        for one in &found {
            let start = "EKS access checks are incomplete: no permission for iam:GetRole";
            assert!(one.summary.starts_with(start), "{}", one.summary);
        }
        if let [one] = found.as_slice() {
            let start = "2 of 4 checks of runner ";
            assert!(one.detail.starts_with(start), "{}", one.detail);
            assert!(one.detail.contains("skip_checks = [\"role-exists\", \"role-trust\"]"));
        }
    }
}

/// Returns the report of a runner whose caller has no access to a cluster. Its fix is for that cluster only.
fn no_access(cluster: &str) -> Report {
    let key = ClusterKey {
        account: "123456789012".to_owned(),
        region: "eu-central-1".to_owned(),
        name: cluster.to_owned(),
    };
    let outcome = Outcome::incomplete("the caller has no access to the cluster", "401.").fix(
        Cause::Cluster(key, ClusterCause::ApiServer),
        Fix::note(format!("Create the access entry in {cluster}.")),
    );
    report(vec![(id("api-server"), outcome)])
}

/// One reason has a fix in each cluster.
#[tokio::test]
async fn a_reason_in_two_clusters_is_reported_for_each_with_its_own_fix() {
    let stop = CancellationToken::new();
    let error = Severities {
        incomplete: Incomplete::Error,
        ..APPLY
    };
    for (severities, each) in [(WARN, false), (error, true)] {
        let reported = ReportedDiagnostics::default();
        let (a, b) = (no_access("cluster-a"), no_access("cluster-b"));
        let check = |runner: &str, report| {
            let checking = reported.begin(&subject(runner));
            reported.diagnostics(report, severities, checking, &stop)
        };
        let (first, second, third) = tokio::join!(check("one", &a), check("two", &b), check("three", &a));
        let ([first], [second]) = (first.as_slice(), second.as_slice()) else {
            panic!("{first:#?} {second:#?}");
        };
        for (one, runner, cluster) in [(first, "one", "cluster-a"), (second, "two", "cluster-b")] {
            let fix = format!("To fix it:\n\n  # Create the access entry in {cluster}.");
            assert!(one.detail.contains(&fix), "{}", one.detail);
            assert!(one.summary.contains(&format!("(runner {runner:?}")), "{}", one.summary);
        }
        assert_ne!(first.summary, second.summary);
        assert!(first.detail.contains("The same reason applies to runner \"three\"."));
        assert_eq!(third.len(), usize::from(each));
        // A runner whose checks take longer.
        let late = check("late", &b).await;
        let [late] = late.as_slice() else {
            panic!("{late:#?}");
        };
        assert_eq!(late.is_error(), each);
        let text = format!("{} {}", late.summary, late.detail);
        assert!(
            each || text.contains("1 of 1 checks of runner \"late\" could not run"),
            "{text}"
        );
        assert!(text.contains("Runner \"two\" has the same reason: its diagnostic has the fix."));
        assert!(!text.contains("Create the access entry"), "{text}");
    }
}

/// Two provider blocks are two processes, whose warnings Terraform shows together.
#[tokio::test]
async fn warnings_of_two_organizations_have_different_summaries() {
    let stop = CancellationToken::new();
    let missing = report(vec![(id("role-exists"), Outcome::failed("No role."))]);
    for (report, severities, is_named) in [
        (&missing, WARN, true),
        (&no_access("cluster"), WARN, true),
        (&missing, PLAN, false),
    ] {
        for org in ["acme-dev", "acme-prod"] {
            let subject = Subject {
                org: Known::Known(org.to_owned()),
                ..subject("eks")
            };
            let reported = ReportedDiagnostics::default();
            let checking = reported.begin(&subject);
            let found = reported.diagnostics(report, severities, checking, &stop);
            let [one] = found.await.try_into().expect("one diagnostic");
            let runner = format!("(runner \"eks\" in {org:?})");
            assert_eq!(one.summary.contains(&runner), is_named, "{}", one.summary);
        }
    }
}

#[tokio::test]
async fn checks_without_credentials_are_turned_off_where_the_modes_apply() {
    for on_demand in [false, true] {
        let severities = Severities { on_demand, ..WARN };
        let found = twenty(10, severities, |_| {
            let reason = "no AWS credentials";
            vec![(id("aws-credentials"), Outcome::incomplete(reason, reason))]
        });
        let [one] = found.await.try_into().expect("one diagnostic");
        assert_eq!(one.detail.contains("Or turn the checks off"), !on_demand);
        assert!(one.detail.contains("To fix it, see the guide below"));
        assert!(one.detail.contains("\n\nMore: "), "{}", one.detail);
    }
}

#[tokio::test]
async fn a_run_that_was_stopped_does_not_report_what_it_left_out() {
    let reported = ReportedDiagnostics::default();
    let stop = CancellationToken::new();
    stop.cancel();
    let canceled = report(vec![(
        id("role-exists"),
        Outcome::incomplete("canceled", "Not checked: canceled."),
    )]);
    let checking = reported.begin(&subject("a"));
    let found = reported.diagnostics(&canceled, WARN, checking, &stop).await;
    assert_eq!(found, []);
}

/// The plan of a new runner: what the same apply can create is a warning, and nothing else.
#[test]
fn only_what_can_come_is_not_an_error_of_a_plan() {
    let severities = Severities {
        may_come: true,
        incomplete: Incomplete::Error,
        ..PLAN
    };
    let incomplete = || Outcome::incomplete("no usable response from the cluster's API", "500.");
    for (outcome, fails) in [(incomplete(), true), (incomplete().not_yet(), false)] {
        let report = report(vec![(id("rbac-create-jobs"), outcome)]);
        let unchecked = report.unchecked();
        assert_eq!(unchecked.len(), 1);
        assert_eq!(severities.incomplete_fails(&unchecked[0]), fails);
    }
}

/// An apply checks one runner twice at most, and reports the same warning once. An error is reported each time, and so is
/// everything that a user requests.
#[tokio::test]
async fn a_finding_about_one_runner_is_reported_once_unless_it_is_requested() {
    let denied = report(vec![(
        id("role-exists"),
        Outcome::incomplete("no permission for iam:GetRole", "Denied."),
    )]);
    let missing = report(vec![(
        id("role-exists"),
        Outcome::failed("No role.").fix(Cause::MissingRole(role()), Fix::note("Create.")),
    )]);
    let stop = CancellationToken::new();
    let on_demand = Severities {
        on_demand: true,
        ..WARN
    };
    let error = Severities {
        incomplete: Incomplete::Error,
        ..APPLY
    };
    for (severities, expected) in [
        ([WARN, WARN], [1, 0]),
        ([error, error], [1, 1]),
        ([WARN, on_demand], [1, 1]),
        ([on_demand, on_demand], [1, 1]),
    ] {
        for report in [&denied, &missing] {
            let reported = ReportedDiagnostics::default();
            for (severities, expected) in severities.into_iter().zip(expected) {
                let checking = reported.begin(&subject("a"));
                let found = reported.diagnostics(report, severities, checking, &stop);
                let found = found.await;
                assert_eq!(found.len(), expected, "{found:#?}");
            }
        }
    }
    // The runner was covered by the diagnostic of another one before.
    let reported = ReportedDiagnostics::default();
    for (runner, severities) in [("a", WARN), ("b", on_demand)] {
        let checking = reported.begin(&subject(runner));
        let found = reported.diagnostics(&denied, severities, checking, &stop);
        let [one] = found.await.try_into().expect("one diagnostic");
        let start = format!("1 of 1 checks of runner {runner:?} could");
        assert!(one.detail.starts_with(&start), "{}", one.detail);
    }
}

/// Two new runners, each with its own fault in the same attribute. Neither has an ID before the apply.
#[tokio::test]
async fn runners_without_an_id_are_not_the_same() {
    let unknown = Subject {
        runner_id: Known::Unknown,
        ..Subject::unknown()
    };
    let own = |message: &str| {
        let outcome = Outcome::failed(message).fix(own_cause(""), Fix::note("Correct it."));
        report(vec![(id("role-exists"), outcome)])
    };
    let denied = report(vec![(
        id("role-exists"),
        Outcome::incomplete("no permission for iam:GetRole", "Denied."),
    )]);
    let stop = CancellationToken::new();
    for severities in [WARN, PLAN] {
        for messages in [["Wrong path.", "Wrong partition."], ["Wrong path."; 2]] {
            let reported = ReportedDiagnostics::default();
            let reports = messages.map(own);
            let diagnostics = |report| {
                let checking = reported.begin(&unknown);
                reported.diagnostics(report, severities, checking, &stop)
            };
            let (first, second) = tokio::join!(diagnostics(&reports[0]), diagnostics(&reports[1]));
            let found = [first, second].concat();
            let what = format!("{severities:?}: {found:#?}");
            assert_eq!(found.len(), 2, "{what}");
            let fixes = found.iter().filter(|one| one.detail.contains("To fix it:"));
            assert_eq!(fixes.count(), 2, "{what}");
            assert_ne!(found[0].summary, found[1].summary);
            assert!(!what.contains("\\\"\\\""), "{what}");
            assert!(what.contains("runner #2 whose ID is unknown until apply"));
        }
        let reported = ReportedDiagnostics::default();
        let diagnostics = || {
            let checking = reported.begin(&unknown);
            reported.diagnostics(&denied, severities, checking, &stop)
        };
        let (first, second) = tokio::join!(diagnostics(), diagnostics());
        let [one] = [first, second].concat().try_into().expect("one");
        for part in [
            "1 of 1 checks of runner #1 whose ID is unknown until apply could not run",
            "The same reason applies to runner #2 whose ID is unknown until apply.",
        ] {
            assert!(one.detail.contains(part), "{}", one.detail);
        }
    }
}
