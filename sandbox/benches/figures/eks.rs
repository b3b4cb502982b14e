//! What the EKS access checks cost, on the small EKS.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use std::{fs, thread};

use sandbox::eks::{Eks, Faults, ISSUER, Options, ROLE_NAME, Runner};
use serde_json::json;

use crate::{Bench, ORG, ROUNDS, Result, Stopped, alternate, memory, row, runners};

/// Milliseconds added to each call of AWS and of the cluster.
const DELAY_MS: u64 = 50;
const RUNNERS: usize = 100;
const STATE_BUCKET: &str = "my-state-bucket";

/// Prints the rows of the checks, made by `eks_runner` and by the plans of each build.
pub(crate) fn rows(builds: &[Bench], eks_runner: &Path) -> Result<()> {
    let eks = Eks::start(Options::default())?;
    let runner = eks.set_up_as_documented(ORG, "my-runner")?;
    eks.set_up_state_bucket(&runner, STATE_BUCKET)?;
    checks_of_one(&eks, &runner, eks_runner)?;
    admit_all(&eks, &runner)?;
    plans(builds, &eks)
}

fn checks_of_one(eks: &Eks, runner: &Runner, eks_runner: &Path) -> Result<()> {
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
fn check(eks: &Eks, runner: &Runner, eks_runner: &Path) -> Result<(Duration, f64)> {
    let folder = tempfile::tempdir()?;
    let file = folder.path().join("runner-config.yaml");
    // JSON is YAML.
    let configuration = json!({
        "runner_configuration": {
            "type": "kubernetes-eks",
            "cluster": {
                "name": eks.options().cluster_name,
                "region": eks.options().region,
                "auth": {"role_arn": runner.role_arn},
            },
            "job": {"namespace": runner.namespace, "service_account": runner.service_account},
        },
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

/// Lets every runner of the bench in: the role trusts them all, and the cluster knows them by their group.
fn admit_all(eks: &Eks, runner: &Runner) -> Result<()> {
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
            "kubernetesGroups": ["runners"],
        }),
    )?;
    let create = |what: &[&str]| {
        eks.kubectl(&[&["create", "--namespace", &runner.namespace], what].concat())
    };
    create(&[
        "rolebinding",
        "runners",
        "--role=humanitec-runner-orchestrator-access",
        "--group=runners",
    ])?;
    create(&[
        "role",
        "state",
        "--verb=get,list,create,update,delete",
        "--resource=secrets,leases.coordination.k8s.io",
    ])?;
    let account = format!(
        "--serviceaccount={}:{}",
        runner.namespace, runner.service_account
    );
    create(&["rolebinding", "state", "--role=state", &account])?;
    Ok(())
}

fn plans(builds: &[Bench], eks: &Eks) -> Result<()> {
    let (off, warn) = (
        runners(RUNNERS, "off", ROLE_NAME),
        runners(RUNNERS, "warn", ROLE_NAME),
    );
    let mut calls = Vec::new();
    let samples = alternate(builds, ROUNDS, |build| {
        let (without, _) = plan(build, eks, &off)?;
        eks.reset_calls()?;
        let (with, peak) = plan(build, eks, &warn)?;
        calls.push(eks.calls()?);
        Ok((without.as_secs_f64(), with.as_secs_f64(), peak))
    })?;
    let figure = |of: fn(&(f64, f64, f64)) -> f64| -> Vec<Vec<f64>> {
        let build = |samples: &Vec<_>| samples.iter().map(of).collect();
        samples.iter().map(build).collect()
    };
    let unchecked = figure(|(without, ..)| *without);
    row(
        "plan of 100 new runners, checks off",
        &unchecked,
        "s",
        1.5,
        "",
    );
    let added = figure(|(without, with, _)| with - without);
    row("what the checks add to it", &added, "s", 1.5, "");
    let peaks = figure(|(.., peak)| *peak);
    row("the provider's peak memory in it", &peaks, "MiB", 30.0, "");
    let calls: Vec<String> = calls[0]
        .iter()
        .map(|(action, count)| format!("{count} {action}"))
        .collect();
    println!("\nAWS calls of a checked plan: {}.", calls.join(", "));
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
