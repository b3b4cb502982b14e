//! What `terraform query` costs, with many runners.

use std::path::Path;
use std::time::Instant;
use std::{env, fs};

use sandbox::RunnerValues;
use sandbox::orchestrator::{Orchestrator, OrchestratorOptions};
use serde_json::json;

use crate::{Bench, ORG, PROVIDER_BLOCK, ROUNDS, Result, TOKEN, alternate, mirror, row};

const RUNNERS: usize = 5000;

/// Prints the rows of a query, run by Terraform 1.14, which alone has it. Only the first build is measured: another commit
/// might not have the list resource.
pub(crate) fn rows(builds: &[Bench], repository: &Path) -> Result<()> {
    let (Some(build), Some(terraform)) = (builds.first(), env::var_os("TERRAFORM_1_14")) else {
        println!("\nThe query was not measured: TERRAFORM_1_14 names no program.\n");
        return Ok(());
    };
    let orchestrator = Orchestrator::start(OrchestratorOptions {
        org: ORG.to_owned(),
        token: Some(TOKEN.to_owned()),
        ..OrchestratorOptions::default()
    })?;
    for number in 0..RUNNERS {
        let configuration = RunnerValues::default().configuration();
        let storage = json!({"type": "kubernetes", "namespace": "humanitec-runner"});
        orchestrator.put_runner(&format!("runner-{number:04}"), None, configuration, storage);
    }
    let bench = Bench {
        provider: build.provider.clone(),
        cli: terraform.into(),
        mirror: mirror(repository, &build.provider)?,
        address: orchestrator.url().to_owned(),
    };
    let samples = alternate(&[bench], ROUNDS, query)?;
    let figure = |of: fn(&(f64, f64)) -> f64| -> Vec<Vec<f64>> {
        let build = |samples: &Vec<_>| samples.iter().map(of).collect();
        samples.iter().map(build).collect()
    };
    row("query of 5000 runners", &figure(|(time, _)| *time), "s", 3.0, "");
    let peaks = figure(|(_, peak)| *peak);
    row("the provider's peak memory in it", &peaks, "MiB", 40.0, "");
    Ok(())
}

/// A query of all runners: its seconds, and the provider's peak memory in MiB.
fn query(bench: &Bench) -> Result<(f64, f64)> {
    let folder = bench.folder(PROVIDER_BLOCK)?;
    let list = format!(
        "list \"platform-orchestrator_kubernetes_eks_runner\" \"all\" {{\n  provider = platform-orchestrator\n  limit    = {}\n}}\n",
        2 * RUNNERS
    );
    fs::write(folder.path().join("all.tfquery.hcl"), list)?;
    let begin = Instant::now();
    let (found, peak) = bench.peak_of(|| {
        let text = bench.run_in(folder.path(), &["query", "-no-color"], &[]);
        text.map(|text| (text, begin.elapsed()))
    })?;
    let (text, time) = found?;
    let count = text.matches("id=runner-").count();
    if count == RUNNERS {
        Ok((time.as_secs_f64(), peak))
    } else {
        Err(format!("the query found {count} runners:\n{text}").into())
    }
}
