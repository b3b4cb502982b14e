//! One run of the preflight, with its input as JSON on stdin and its result as JSON on stdout.

use std::io::{Read, Write, stdin, stdout};
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use serde_json::{Value, json};
use terraform_provider_platform_orchestrator::access::{
    AssumeRole, Identity, Kubeconfig, Preflight, Report, Settings, Subject, TimeLimit,
};
use terraform_provider_platform_orchestrator::orchestrator::Installation;
use terraform_provider_platform_orchestrator::runner::Runner;
use tokio_util::sync::CancellationToken;

/// The variable with which the test binary runs the preflight instead of the tests.
pub(crate) const MARK: &str = "ACCESS_PREFLIGHT_RUN";

#[tokio::main(flavor = "current_thread")]
pub(crate) async fn main() {
    let mut text = String::new();
    stdin().read_to_string(&mut text).unwrap();
    let request: Value = serde_json::from_str(&text).unwrap();
    let string = |name: &str| request[name].as_str().map(str::to_owned);
    let cidrs = request["orchestrator_cidrs"].as_array().into_iter().flatten();
    let settings = Settings {
        identity: match request["as"].as_str() {
            Some("runner") => Identity::Runner,
            _ => Identity::Caller,
        },
        web_identity_token_file: string("web_identity_token_file").map(Into::into),
        assume_role: string("assume_role").map(|role_arn| AssumeRole {
            role_arn,
            session_name: None,
            external_id: None,
        }),
        kubeconfig: string("kubeconfig").map(|path| Kubeconfig {
            path: path.into(),
            context: None,
        }),
        orchestrator_cidrs: cidrs.map(|cidr| cidr.as_str().unwrap().parse().unwrap()).collect(),
        oidc_issuer: Installation::SAAS.oidc_issuer.map(str::to_owned),
        published_cidrs: Installation::SAAS.source_cidrs(),
        skip: request["skip"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|id| id.as_str().unwrap().parse().unwrap())
            .collect(),
        ..Settings::default()
    };
    let seconds = request["budget_s"].as_u64().unwrap_or(60);
    let wait = request["wait"] == true;
    // Terraform plans a few runners at a time.
    let pause = Duration::from_millis(request["pause_ms"].as_u64().unwrap_or_default());

    let start = Instant::now();
    let preflight = Preflight::new(settings);
    let limit = TimeLimit::new(Duration::from_secs(seconds), CancellationToken::new());
    let runners: Vec<Runner> = serde_json::from_value(request["runners"].clone()).unwrap();
    let subjects: Vec<Subject> = runners
        .iter()
        .map(|runner| Subject::new("my-org", runner).unwrap())
        .collect();
    let turns = subjects.iter().zip(0..);
    let reports = join_all(turns.map(async |(subject, turn): (_, u32)| {
        tokio::time::sleep(pause * turn).await;
        if wait {
            preflight.wait(subject, &limit, &()).await
        } else {
            preflight.check(subject, &limit, &()).await
        }
    }))
    .await;
    let took = start.elapsed().as_millis();
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status
        .lines()
        .find_map(|line| line.strip_prefix("VmHWM:"))
        .and_then(|line| line.trim().strip_suffix(" kB"))
        .and_then(|kib| kib.parse::<u64>().ok());
    let response = json!({
        "took_ms": took as u64,
        "peak_kib": peak,
        "reports": reports.iter().map(to_json).collect::<Vec<_>>(),
    });
    stdout().write_all(response.to_string().as_bytes()).unwrap();
}

fn to_json(report: &Report) -> Value {
    let checks = report.checks.iter().map(|result| {
        let outcome = &result.outcome;
        json!({
            "id": result.id.as_str(),
            "status": outcome.status.as_str(),
            "message": outcome.message,
            "expected": outcome.expected(),
            "found": outcome.found(),
            "fix": outcome.fix_text(),
            "not_yet": outcome.not_yet,
            "skip": outcome.skip.as_ref().map(|skip| format!("{skip:?}")),
        })
    });
    json!({"checks": checks.collect::<Vec<_>>(), "kubernetes_user": report.kubernetes_user})
}
