//! The preflight without calls.

use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::*;
use crate::access::outcome::Status;
use crate::access::settings::Identity;
use crate::runner::{KubernetesStorage, RoleArn, StateStorage};

fn id(text: &str) -> CheckId {
    text.parse().unwrap()
}

fn sendable<T: Send>(future: T) -> T {
    future
}

#[tokio::test]
async fn unknown_values_need_no_call() {
    // The issuer is a setting, and known.
    let preflight = Preflight::new(Settings {
        skip: [id("oidc-issuer")].into(),
        ..Settings::default()
    });
    let limit = TimeLimit::new(Duration::from_secs(60), CancellationToken::new());
    let subject = Subject::unknown();
    let report = sendable(preflight.check(&subject, &limit, &())).await;
    assert!(report.is_ok() && report.is_complete() && !report.is_retryable());
    assert_eq!(report.checks.len(), CheckId::ALL.len());
    let passed: Vec<_> = report.with_status(Status::Passed).map(|result| result.id).collect();
    assert_eq!(passed, [id("session-name")]);
    assert_eq!(
        report.outcome(id("aws-credentials")).unwrap().message,
        "The cluster's region is unknown until apply."
    );
    assert_eq!(report.session_name.as_deref(), Some("my-org-my-runner"));
    assert_eq!(report.oidc_subject.as_deref(), Some("my-org+my-runner"));
    assert_eq!(report.kubernetes_user, None);
    assert!(preflight.connections.aws().is_untouched());
    let waited = sendable(preflight.wait(&subject, &limit, &())).await;
    assert_eq!(waited, report);
}

#[tokio::test]
async fn a_check_that_is_skipped_by_name_does_not_block_others() {
    let skip = [
        id("session-name"),
        id("oidc-issuer"),
        id("cluster-active"),
        id("api-server"),
    ];
    let settings = Settings {
        skip: skip.into(),
        ..Settings::default()
    };
    let preflight = Preflight::new(settings);
    // The checks that it needs itself replace it.
    assert_eq!(preflight.settings().needs(id("namespace")), [id("aws-credentials")]);
    let limit = TimeLimit::new(Duration::from_secs(60), CancellationToken::new());
    let report = preflight.check(&Subject::unknown(), &limit, &()).await;
    for check in skip {
        let outcome = report.outcome(check).unwrap();
        assert_eq!(outcome.skip, Some(Skip::Requested), "{check}");
        assert_eq!(outcome.message, "Skipped by name (skip_checks).");
    }
    assert!(report.is_complete());
}

/// Returns a runner of which everything is known, with its state in the cluster and this pod template.
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

#[tokio::test]
async fn a_user_whose_lookup_is_canceled_is_not_guessed() {
    let subject = Subject {
        role: "arn:aws:iam::123456789012:role/runner"
            .parse::<RoleArn>()
            .unwrap()
            .into(),
        ..Subject::unknown()
    };
    let preflight = Preflight::new(Settings::default());
    let run = Run::new(&preflight.connections, &subject);
    let cancelled = CancellationToken::new();
    let limit = TimeLimit::new(Duration::from_secs(60), cancelled.clone());
    // The cluster is unknown until apply, so the name is that of a new access entry.
    assert_eq!(kubernetes_user(&run, &limit).await, subject.kubernetes_user());
    assert!(subject.kubernetes_user().is_some());
    cancelled.cancel();
    assert_eq!(kubernetes_user(&run, &limit).await, None);
}

#[test]
fn a_pod_template_without_a_token_fails_without_any_call() {
    let without = json!({"spec": {"automountServiceAccountToken": false}});
    for identity in [Identity::Caller, Identity::Runner] {
        let preflight = Preflight::new(Settings {
            identity,
            ..Settings::default()
        });
        let state = |runner: &str, template: &Value| {
            let subject = known_runner(runner, template.clone());
            checks::without_calls(&Run::new(&preflight.connections, &subject), id("state-storage"))
        };
        let one = state("one", &without).unwrap();
        assert_eq!(one.status, Status::Failed);
        let sentence = "pod_template sets automountServiceAccountToken to false";
        assert!(one.message.contains(sentence), "{}", one.message);
        // Each runner has its own pod template to correct.
        let again = state("one", &without).unwrap();
        let other = state("other", &without).unwrap();
        assert_eq!(one.cause(), again.cause());
        assert_ne!(one.cause(), other.cause());
        assert_eq!(state("one", &json!({})), None);
        assert!(preflight.connections.aws().is_untouched());
    }
}
