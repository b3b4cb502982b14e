use serde_json::json;
use tokio_util::sync::CancellationToken;

use super::*;
use crate::access::{Budget, Status};
use crate::runner::{KubernetesStorage, StateStorage};

fn sendable<T: Send>(future: T) -> T {
    future
}

/// A runner of which nothing is known but its ids.
fn unknown_runner() -> Subject {
    Subject {
        org: "my-org".to_owned().into(),
        runner_id: "my-runner".to_owned().into(),
        role: Known::Unknown,
        session_name: None.into(),
        sts_region: Known::Unknown,
        cluster: Known::Unknown,
        region: Known::Unknown,
        namespace: Known::Unknown,
        service_account: Known::Unknown,
        pod_template: Known::Unknown,
        storage: Known::Unknown,
    }
}

#[tokio::test]
async fn what_is_not_known_yet_asks_nobody() {
    let preflight = Preflight::new(Settings::default());
    let budget = Budget::new(Duration::from_secs(60), CancellationToken::new());
    let subject = unknown_runner();
    let report = sendable(preflight.check(&subject, &budget, &())).await;
    assert!(report.is_ok() && report.is_complete() && !report.is_retryable());
    assert_eq!(report.checks.len(), CheckId::ALL.len());
    let passed: Vec<_> = report
        .with_status(Status::Passed)
        .map(|result| result.id)
        .collect();
    assert_eq!(passed, [CheckId::SessionName]);
    assert_eq!(
        report.outcome(CheckId::AwsCredentials).unwrap().message,
        "The cluster's region is unknown until apply."
    );
    assert_eq!(report.session_name.as_deref(), Some("my-org-my-runner"));
    assert_eq!(report.oidc_subject.as_deref(), Some("my-org+my-runner"));
    assert_eq!(report.kubernetes_user, None);
    assert!(preflight.aws.is_untouched());
    let waited = sendable(preflight.wait(&subject, &budget, &())).await;
    assert_eq!(waited, report);
}

#[tokio::test]
async fn a_check_that_is_skipped_by_name_does_not_keep_others_from_being_made() {
    let skip = [
        CheckId::SessionName,
        CheckId::ClusterActive,
        CheckId::ApiServer,
    ];
    let settings = Settings {
        skip: skip.into(),
        ..Settings::default()
    };
    let preflight = Preflight::new(settings);
    // In its place stand the checks that it needs itself.
    assert_eq!(
        preflight.needs(CheckId::Namespace),
        [CheckId::AwsCredentials]
    );
    let budget = Budget::new(Duration::from_secs(60), CancellationToken::new());
    let report = preflight.check(&unknown_runner(), &budget, &()).await;
    for id in skip {
        let outcome = report.outcome(id).unwrap();
        assert_eq!(outcome.skip, Some(Skip::Requested), "{id}");
        assert_eq!(outcome.message, "Skipped by name (skip_checks).");
    }
    assert!(report.is_complete());
}

fn run_of<'a>(preflight: &'a Preflight, subject: &'a Subject) -> Run<'a> {
    Run {
        preflight,
        subject,
        user: OnceCell::new(),
    }
}

/// A runner of which everything is known, with its state in the cluster and this pod template.
fn known_runner(id: &str, template: Value) -> Subject {
    let arn = "arn:aws:iam::123456789012:role/runner";
    let storage = KubernetesStorage {
        namespace: "state".to_owned(),
    };
    Subject {
        org: "my-org".to_owned().into(),
        runner_id: id.to_owned().into(),
        role: arn.parse::<RoleArn>().unwrap().into(),
        session_name: None.into(),
        sts_region: None.into(),
        cluster: "my-cluster".to_owned().into(),
        region: "us-west-2".to_owned().into(),
        namespace: "jobs".to_owned().into(),
        service_account: "runner".to_owned().into(),
        pod_template: template.as_object().cloned().into(),
        storage: StateStorage::Kubernetes(storage).into(),
    }
}

#[test]
fn a_role_without_a_user_fails_where_access_entry_is_skipped_by_name() {
    let subject = unknown_runner();
    let preflight = Preflight::new(Settings::default());
    let blocked = run_of(&preflight, &subject).without_user();
    assert_eq!(blocked.skip, Some(Skip::Blocked));
    let settings = Settings {
        skip: [CheckId::AccessEntry].into(),
        ..Settings::default()
    };
    let preflight = Preflight::new(settings);
    let failed = run_of(&preflight, &subject).without_user();
    assert_eq!(failed.status, Status::Failed);
    assert!(failed.fix.is_some() && failed.not_yet);
}

#[tokio::test]
async fn a_user_that_is_asked_for_in_vain_is_not_guessed() {
    let subject = Subject {
        role: "arn:aws:iam::123456789012:role/runner"
            .parse::<RoleArn>()
            .unwrap()
            .into(),
        ..unknown_runner()
    };
    let preflight = Preflight::new(Settings::default());
    let run = run_of(&preflight, &subject);
    let cancelled = CancellationToken::new();
    let budget = Budget::new(Duration::from_secs(60), cancelled.clone());
    // The cluster is unknown until the apply: the name is that of a new access entry.
    assert_eq!(
        run.kubernetes_user(&budget).await,
        subject.kubernetes_user()
    );
    assert!(subject.kubernetes_user().is_some());
    cancelled.cancel();
    assert_eq!(run.kubernetes_user(&budget).await, None);
}

#[test]
fn a_pod_template_without_a_token_fails_without_any_call() {
    let without = json!({"spec": {"automountServiceAccountToken": false}});
    for identity in [Identity::Caller, Identity::Runner] {
        let preflight = Preflight::new(Settings {
            identity,
            ..Settings::default()
        });
        let state = |id: &str, template: &Value| {
            let subject = known_runner(id, template.clone());
            checks::without_calls(&run_of(&preflight, &subject), CheckId::StateStorage)
        };
        let one = state("one", &without).unwrap();
        assert_eq!(one.status, Status::Failed);
        let sentence = "pod_template sets automountServiceAccountToken to false";
        assert!(one.message.contains(sentence), "{}", one.message);
        // Each runner has its own pod template to correct.
        let again = state("one", &without).unwrap();
        let other = state("other", &without).unwrap();
        assert_eq!(one.cause, again.cause);
        assert_ne!(one.cause, other.cause);
        assert_eq!(state("one", &json!({})), None);
        assert!(preflight.aws.is_untouched());
    }
}
