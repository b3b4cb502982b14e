//! The check `scheduling`: whether a node can take the Job's pod now, or something adds one that can.

mod fix;
mod growth;
mod nodes;

use self::growth::Growth;
use self::nodes::Nodes;
use super::{Check, api_server, not_read, pod_template_refs, read_ahead};
use crate::access::cause::ClusterCause;
use crate::access::check::{Category, CheckInfo};
use crate::access::check_error::CheckError;
use crate::access::kubernetes::NODES_PATH;
use crate::access::kubernetes::placement::Pod;
use crate::access::outcome::{Outcome, Skip, Status};
use crate::access::run::Run;

pub(super) static CHECK: Check = Check::new(
    CheckInfo {
        id: "scheduling",
        title: "A node can take the Job's pod",
        category: Category::Job,
        attribute: &["runner_configuration", "job", "pod_template"],
        caller_needs: &[api_server::CHECK.id()],
        runner_needs: &[api_server::CHECK.id()],
        only_warns: true,
    },
    |run| Box::pin(check(run)),
)
.without_calls(own_scheduler)
.look_ahead(|run| Box::pin(read_ahead(run, Ok(NODES_PATH.to_owned()))));

/// Returns the outcome for a pod that the cluster's default scheduler does not see. No cluster is needed for it.
fn own_scheduler(run: &Run<'_>) -> Option<Outcome> {
    let job = run.job().ok()?;
    let pod = Pod::read(&job["spec"]["template"]);
    let name = pod.own_scheduler()?;
    Some(Outcome::not_applicable(format!(
        "The scheduler {name:?} of pod_template decides which node takes the pod, by rules of its own."
    )))
}

/// Compares the pod with the nodes, and only if none of them can take it, with what adds nodes.
async fn check(run: &Run<'_>) -> Result<Outcome, CheckError> {
    let job = match run.job() {
        // That check says why, and this one never fails.
        Err(CheckError::Decided(failed)) if failed.status == Status::Failed => {
            let message = format!("Needs {}, which failed.", pod_template_refs::CHECK.id());
            return Ok(Outcome::skipped(Skip::Blocked, message));
        }
        job => job?,
    };
    let pod = Pod::read(&job["spec"]["template"]);
    let nodes = match Nodes::find(run, &pod).await {
        Ok(nodes) => nodes,
        Err(error) => return Ok(not_read(run, "nodes", error)),
    };
    if let Some(name) = &nodes.fitting {
        return Ok(Outcome::passed(format!(
            "Node {name:?} can take the Job's pod, if other pods leave room for it."
        )));
    }
    let none = match nodes.count {
        0 => "The cluster has no node now".to_owned(),
        1 => "The cluster's node cannot take the Job's pod".to_owned(),
        count => format!("None of the cluster's {count} nodes can take the Job's pod"),
    };
    let growth = Growth::find(run, &pod, &nodes).await?;
    if let Some(source) = &growth.source {
        return Ok(Outcome::passed(format!("{none}, but {source}.")));
    }
    let findings: Vec<String> = nodes.findings().chain(growth.findings.clone()).collect();
    if let Some(unknown) = growth.unknown {
        let message = format!(
            "{none}{}. Whether something adds one is unknown: {}",
            clause(&findings),
            unknown.message
        );
        return Ok(Outcome { message, ..unknown });
    }
    let found = match findings.as_slice() {
        [] => "no node, node group, NodePool, or Fargate profile".to_owned(),
        findings => findings.join("; "),
    };
    let cause = run.cluster_cause(ClusterCause::NoNode {
        namespace: run.namespace()?.to_owned(),
        findings: findings.clone(),
    });
    Ok(Outcome::warned(format!(
        "{none}, and nothing adds one that can{}. The pod stays Pending, and the Orchestrator reports the deployment as \
         stuck.",
        clause(&findings)
    ))
    .compare(pod.wishes(), found)
    .fix(cause, fix::fix(run, &nodes, &growth)?))
}

/// Returns the findings as the end of a sentence.
fn clause(findings: &[String]) -> String {
    match findings {
        [] => String::new(),
        findings => format!(": {}", findings.join("; ")),
    }
}
