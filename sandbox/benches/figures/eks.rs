//! What the EKS access checks cost, on the small EKS.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use std::{fs, thread};

use sandbox::eks::{Eks, EksOptions, Faults, GROUP, ISSUER, ROLE_NAME, RunnerSetup};
use sandbox::orchestrator::{Orchestrator, OrchestratorOptions};
use serde_json::json;

use crate::{Bench, ORG, ROUNDS, Result, Stopped, alternate, memory, row, runners};

/// Milliseconds added to each call of AWS and of the cluster.
const DELAY_MS: u64 = 50;
const RUNNERS: usize = 100;
const ALL_RUNNERS: usize = 300;
const STATE_BUCKET: &str = "my-state-bucket";

/// Prints the rows of the checks, made by `eks_runner` and by the plans of each build.
pub(crate) fn rows(builds: &[Bench], eks_runner: &Path) -> Result<()> {
    let eks = Eks::start(EksOptions::default())?;
    let runner = eks.set_up_as_documented(ORG, "my-runner")?;
    eks.set_up_state_bucket(&runner, STATE_BUCKET)?;
    checks_of_one(&eks, &runner, eks_runner)?;
    admit_all(&eks, &runner)?;
    plans(builds, &eks)?;
    drop(eks);
    let caching = EksOptions {
        caches_access: true,
        ..EksOptions::default()
    };
    checks_of_all(&Eks::start(caching)?, eks_runner)
}

fn checks_of_one(eks: &Eks, runner: &RunnerSetup, eks_runner: &Path) -> Result<()> {
    eks.set_faults(&Faults {
        delay_ms: DELAY_MS,
        kubernetes_delay_ms: DELAY_MS,
        ..Faults::default()
    })?;
    let (mut times, mut peaks) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        let (time, peak) = check(eks, runner, eks_runner)?;
        times.push(time.as_secs_f64() * 1e3);
        peaks.push(peak);
    }
    eks.set_faults(&Faults::default())?;
    let figure = "`eks-runner check`, state in S3, start to end, 50 ms added to each call";
    row(figure, &[times], "ms", 500.0, "");
    row("its peak memory", &[peaks], "MiB", 30.0, "");
    Ok(())
}

/// One run of `eks-runner check` for a healthy runner: how long it takes, and its peak memory in MiB.
fn check(eks: &Eks, runner: &RunnerSetup, eks_runner: &Path) -> Result<(Duration, f64)> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("runner-config.yaml");
    // JSON is YAML.
    let configuration = json!({
        "runner_configuration": runner.values(eks.options()).configuration(),
        "state_storage_configuration": {"type": "s3", "bucket": STATE_BUCKET},
    });
    fs::write(&file, configuration.to_string())?;
    let begin = Instant::now();
    let mut process = Stopped(
        Command::new(eks_runner)
            .arg("check")
            .arg(&file)
            .args(["--org", ORG, "--id", "my-runner"])
            .envs(eks.env())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?,
    );
    let mut peak = 0.0_f64;
    loop {
        peak = memory(process.0.id(), "VmHWM:").unwrap_or(peak);
        if let Some(status) = process.0.try_wait()? {
            let time = begin.elapsed();
            return if status.success() {
                Ok((time, peak))
            } else {
                Err(format!("eks-runner check ended with {status}").into())
            };
        }
        thread::sleep(Duration::from_millis(1));
    }
}

/// `eks-runner check --all`: 300 runners on ten clusters with ten roles.
fn checks_of_all(eks: &Eks, eks_runner: &Path) -> Result<()> {
    let orchestrator = Orchestrator::start(OrchestratorOptions::default())?;
    eks.set_up_as_documented(orchestrator.org(), "any")?;
    let fleet = eks.set_up_fleet(orchestrator.org())?;
    for number in 0..ALL_RUNNERS {
        let (configuration, storage) = fleet[number % fleet.len()].configuration(eks);
        orchestrator.put_runner(&format!("runner-{number}"), None, configuration, storage);
    }
    orchestrator.set_delay(Duration::from_millis(DELAY_MS));
    eks.set_faults(&Faults {
        delay_ms: DELAY_MS,
        kubernetes_delay_ms: DELAY_MS,
        ..Faults::default()
    })?;
    let mut times = Vec::new();
    for _ in 0..ROUNDS {
        eks.reset_calls()?;
        let begin = Instant::now();
        let checked = Command::new(eks_runner)
            .args(["check", "--all", "--oidc-issuer", ISSUER])
            .envs(eks.env())
            .env("HUMANITEC_API_URL", orchestrator.url())
            .env("HUMANITEC_ORG_ID", orchestrator.org())
            .env("HUMANITEC_AUTH_TOKEN", orchestrator.token())
            .stdin(Stdio::null())
            .output()?;
        times.push(begin.elapsed().as_secs_f64());
        let report = String::from_utf8_lossy(&checked.stdout);
        if !report.contains("300 runners: 300 passed") {
            let error = String::from_utf8_lossy(&checked.stderr);
            return Err(format!("the runners are not healthy:\n{report}{error}").into());
        }
    }
    let calls = call_list(eks)?;
    eks.set_faults(&Faults::default())?;
    let figure = "`eks-runner check --all`, 300 runners, 10 clusters, 10 roles, 50 ms added to each call";
    row(figure, &[times], "s", 12.0, "");
    println!("\nAWS calls of `check --all`: {calls}.");
    Ok(())
}

/// Returns the AWS calls since the last reset.
fn call_list(eks: &Eks) -> Result<String> {
    let calls = eks.calls()?;
    let calls: Vec<String> = calls
        .iter()
        .map(|(action, count)| format!("{count} {action}"))
        .collect();
    Ok(calls.join(", "))
}

/// Lets every runner of the bench in: the role trusts them all, and the cluster knows them by their group.
fn admit_all(eks: &Eks, runner: &RunnerSetup) -> Result<()> {
    let host = ISSUER.trim_start_matches("https://");
    let mut trust = eks.documented_trust_policy(ORG, "any");
    trust["Statement"][0]["Condition"] = json!({
        "StringEquals": {(format!("{host}:aud")): "sts.amazonaws.com"},
        "StringLike": {(format!("{host}:sub")): format!("{ORG}+runner-*")},
    });
    eks.set_trust_policy(&trust)?;
    eks.aws(
        "eks",
        "UpdateAccessEntry",
        &json!({
            "clusterName": eks.options().cluster_name,
            "principalArn": runner.role_arn,
            "kubernetesGroups": [GROUP],
        }),
    )?;
    Ok(eks.admit_group()?)
}

fn plans(builds: &[Bench], eks: &Eks) -> Result<()> {
    let (off, warn) = (runners(RUNNERS, "off", ROLE_NAME), runners(RUNNERS, "warn", ROLE_NAME));
    let mut calls = Vec::new();
    let samples = alternate(builds, ROUNDS, |build| {
        let (without, _) = plan(build, eks, &off)?;
        eks.reset_calls()?;
        let (with, peak) = plan(build, eks, &warn)?;
        calls.push(call_list(eks)?);
        Ok((without.as_secs_f64(), with.as_secs_f64(), peak))
    })?;
    let figure = |of: fn(&(f64, f64, f64)) -> f64| -> Vec<Vec<f64>> {
        let build = |samples: &Vec<_>| samples.iter().map(of).collect();
        samples.iter().map(build).collect()
    };
    let unchecked = figure(|(without, ..)| *without);
    row("plan of 100 new runners, checks off", &unchecked, "s", 1.5, "");
    let added = figure(|(without, with, _)| with - without);
    row("what the checks add to it", &added, "s", 1.5, "");
    let peaks = figure(|(.., peak)| *peak);
    row("the provider's peak memory in it", &peaks, "MiB", 30.0, "");
    println!("\nAWS calls of a checked plan: {}.", calls[0]);
    Ok(())
}

/// A plan of a configuration: how long it takes, and the provider's peak memory in MiB.
fn plan(bench: &Bench, eks: &Eks, configuration: &str) -> Result<(Duration, f64)> {
    let folder = bench.folder(configuration)?;
    let environment = eks.env();
    let begin = Instant::now();
    let (planned, peak) = bench.peak_of(|| {
        let text = bench.run_in(folder.path(), &["plan", "-no-color"], &environment);
        text.map(|text| (text, begin.elapsed()))
    })?;
    let (text, time) = planned?;
    if text.contains("EKS access") || !text.contains("100 to add") {
        return Err(format!("the plan is not that of healthy runners:\n{text}").into());
    }
    Ok((time, peak))
}
