//! The API refuses the Job, or does not respond.

use std::time::Duration;

use serde_json::json;

use super::{documented, left, probe, probe_with};
use crate::command::Folder;

/// A quota for Jobs and a webhook that does not respond, both for the Job itself.
pub(super) fn refused_by_the_api() {
    let eks = &*documented();
    let webhook = json!({
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingWebhookConfiguration",
        "metadata": {"name": "down"},
        "webhooks": [{
            "name": "down.example.com",
            "clientConfig": {"url": "https://127.0.0.1:1/"},
            "rules": [{"apiGroups": ["batch"], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["jobs"]}],
            "failurePolicy": "Fail",
            "sideEffects": "None",
            "admissionReviewVersions": ["v1"],
            "timeoutSeconds": 2,
        }],
    });
    eks.apply(&webhook.to_string()).expect("a webhook");
    std::thread::sleep(Duration::from_secs(2));
    let (report, ran) = probe_with(eks, "{}", &[]);
    eks.kubectl(&["delete", "validatingwebhookconfiguration", "down"])
        .expect("no webhook");
    assert_eq!((&report["reason"], ran.code), (&json!("webhook"), 3), "{report:#}");
    assert!(
        report["message"]
            .as_str()
            .unwrap_or_default()
            .contains("down.example.com"),
        "{report:#}"
    );
    eks.kubectl(&[
        "create",
        "quota",
        "no-jobs",
        "--namespace=humanitec-runner",
        "--hard=count/jobs.batch=0",
    ])
    .expect("a quota");
    std::thread::sleep(Duration::from_secs(2));
    let (report, ran) = probe_with(eks, "{}", &[]);
    assert_eq!((&report["reason"], ran.code), (&json!("quota"), 3), "{report:#}");
    assert_eq!((&report["deletion"], left(eks).as_str()), (&json!("not-created"), ""));
}

/// The API does not respond in time to the request that creates the Job, because a webhook does not, and then refuses it.
pub(super) fn uncertain() {
    let eks = &*documented();
    let silent = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    let url = format!("https://{}/", silent.local_addr().expect("an address"));
    let webhook = json!({
        "apiVersion": "admissionregistration.k8s.io/v1",
        "kind": "ValidatingWebhookConfiguration",
        "metadata": {"name": "silent"},
        "webhooks": [{
            "name": "silent.example.com",
            "clientConfig": {"url": url},
            "rules": [{"apiGroups": ["batch"], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["jobs"]}],
            "failurePolicy": "Fail",
            "sideEffects": "None",
            "admissionReviewVersions": ["v1"],
            "timeoutSeconds": 20,
        }],
    });
    eks.apply(&webhook.to_string()).expect("a webhook");
    std::thread::sleep(Duration::from_secs(2));
    let (report, ran) = probe_with(eks, "{}", &[]);
    let folder = Folder::new();
    let kept = probe(eks, &folder, &["--yes", "--keep"]);
    eks.kubectl(&["delete", "validatingwebhookconfiguration", "silent"])
        .expect("no webhook");
    assert_eq!(
        (&report["result"], &report["deletion"], ran.code),
        (&json!("unknown"), &json!("not-found"), 4),
        "{report:#}"
    );
    let message = report["message"].as_str().unwrap_or_default();
    assert!(
        message.starts_with("It is unknown whether the Job was created: "),
        "{message}"
    );
    assert!(kept.out.contains("If the Job exists, it stays"), "{}", kept.all());
    assert_eq!(left(eks), "");
}
