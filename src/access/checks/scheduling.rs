//! The check `scheduling`: whether a node can take the Job's pod now, or something adds one that can.

mod fargate;
mod fix;
mod growth;
mod node_pool;
mod nodes;
mod not_compared;
mod volumes;

use serde_json::Value;

use self::growth::Growth;
use self::nodes::{Nodes, WINDOWS_NODES_PATH};
use self::not_compared::passed;
use self::volumes::Volumes;
use super::{Check, api_server, not_read, pod_template_refs, read_ahead};
use crate::access::cause::{Cause, ClusterCause, RunnerCause};
use crate::access::check::{Category, CheckInfo};
use crate::access::check_error::CheckError;
use crate::access::fix::Fix;
use crate::access::kubernetes::NODES_PATH;
use crate::access::kubernetes::placement::Pod;
use crate::access::outcome::{Outcome, Status};
use crate::access::run::{Fargate, Run};
use crate::access::settings::CheckSetting;

pub(super) static CHECK: Check = Check::new(
    CheckInfo {
        id: "scheduling",
        title: "A node can take the Job's pod",
        category: Category::Job,
        attribute: &["runner_configuration", "job", "pod_template"],
        caller_needs: &[api_server::CHECK.id()],
        runner_needs: &[api_server::CHECK.id()],
    },
    |run| Box::pin(check(run)),
)
.only_warns_for(|_| true)
.calls(CheckSetting::CLUSTER)
// Admission, which can depend on the image, changes the pod.
.uses(&[CheckSetting::RunnerImage])
.without_calls(not_scheduled)
.look_ahead(|run| Box::pin(look_ahead(run)));

async fn look_ahead(run: &Run<'_>) {
    let fargate = async {
        let Ok(job) = run.job() else { return };
        let _ = run.fargate(&Pod::read(&job["spec"]["template"])).await;
    };
    tokio::join!(
        read_ahead(run, Ok(NODES_PATH.to_owned())),
        read_ahead(run, Ok(WINDOWS_NODES_PATH.to_owned())),
        fargate
    );
}

/// Returns the outcome for a pod that the cluster's default scheduler does not schedule. No cluster is needed for it.
fn not_scheduled(run: &Run<'_>) -> Option<Outcome> {
    let job = run.job().ok()?;
    let template = &job["spec"]["template"];
    if let Some(gates) = gates_of(template) {
        return Some(gated(run, &gates, "job.pod_template"));
    }
    let pod = Pod::read(template);
    let name = pod.own_scheduler()?;
    Some(Outcome::not_applicable(format!(
        "pod_template sets the scheduler {name:?}, whose rules this check does not know."
    )))
}

/// Returns the names of the gates without whose removal a pod is not scheduled. `None` if there are none.
fn gates_of(template: &Value) -> Option<String> {
    let gates = template["spec"]["schedulingGates"].as_array()?;
    let names = gates.iter().filter_map(|gate| gate["name"].as_str());
    let names: Vec<&str> = names.collect();
    (!names.is_empty()).then(|| names.join(", "))
}

/// Returns the outcome for an admitted pod with a scheduler that a webhook of the cluster has set. EKS sets the one of Fargate
/// for a pod that a profile selects.
fn scheduled_by_another(pod: &Pod<'_>) -> Option<Outcome> {
    let name = pod.own_scheduler().filter(|name| *name != "fargate-scheduler")?;
    Some(Outcome::not_applicable(format!(
        "Admission sets the scheduler {name:?}, whose rules this check does not know."
    )))
}

/// Returns the outcome for a pod that waits until something removes its gates ("Pod Scheduling Readiness" in the Kubernetes
/// documentation). Controllers that do so exist, and cannot be found.
fn gated(run: &Run<'_>, gates: &str, place: &str) -> Outcome {
    Outcome::warned(format!(
        "The pod is scheduled only after something in the cluster removes the schedulingGates of {place}: {gates}. \
         Until then it stays Pending, and the Orchestrator reports the deployment as stuck."
    ))
    .compare("no schedulingGates", gates)
    .fix(
        run.runner_cause(RunnerCause::SchedulingGates {
            gates: gates.to_owned(),
        }),
        Fix::note(format!(
            "Remove spec.schedulingGates from {place}, unless a controller of the cluster removes them."
        )),
    )
}

/// Checks whether Fargate takes the pod, compares it with the nodes, and only if none of them can take it, with what adds
/// nodes.
async fn check(run: &Run<'_>) -> Result<Outcome, CheckError> {
    let template = match run.expected_template().await {
        // That check says why, and this one never fails.
        Err(CheckError::Decided(failed)) if failed.status == Status::Failed => {
            let outcome = run.blocked_by(pod_template_refs::CHECK.id(), failed);
            return Ok(outcome.only_warning());
        }
        template => template?,
    };
    let (pod, spec) = (Pod::read(&template), &template["spec"]);
    if let Some(gates) = gates_of(&template) {
        return Ok(gated(run, &gates, "the admitted pod"));
    }
    if let Some(outcome) = scheduled_by_another(&pod) {
        return Ok(outcome);
    }
    let volumes = Volumes::find(run, spec).await;
    let pod = pod.with_volumes(volumes.bound.clone());
    let outcome = compare(run, spec, &pod, &volumes).await?;
    Ok(match outcome.status {
        // A node that has room might not be one that can attach the volume.
        Status::Passed => match volumes.unread {
            Some(unread) => unread,
            None if pod.own_node().is_some() => outcome,
            None => passed(outcome.message, spec, &volumes),
        },
        _ => outcome,
    })
}

/// Compares the pod with the node that it names, or else with Fargate and the nodes.
async fn compare(run: &Run<'_>, spec: &Value, pod: &Pod<'_>, volumes: &Volumes) -> Result<Outcome, CheckError> {
    if let Some(node) = pod.own_node() {
        return on_own_node(run, pod, node).await;
    }
    let (fargate, nodes) = tokio::join!(run.fargate(pod), Nodes::find(run, pod));
    if let Ok(Fargate {
        profile: Some(profile), ..
    }) = &fargate
    {
        return on_fargate(run, spec, pod, volumes, profile);
    }
    let nodes = match nodes {
        Ok(nodes) => nodes,
        Err(error) => return Ok(not_read(run, "nodes", error)),
    };
    if let Some(name) = &nodes.fitting {
        let unsupported = fargate::unsupported(spec, pod, volumes);
        if let Err(error) = fargate
            && !unsupported.is_empty()
        {
            let unread = Outcome::from(error);
            let message = format!(
                "Fargate cannot run the Job's pod ({}). Could not check whether a Fargate profile selects it: {}",
                unsupported.join(", "),
                unread.message
            );
            return Ok(Outcome { message, ..unread });
        }
        let passed = Outcome::passed(format!(
            "Node {name:?} can take the Job's pod, if other pods leave room for it."
        ));
        return Ok(nodes.windows.map_or(passed, |name| on_windows(run, &name)));
    }
    let outcome = without_node(run, pod, &nodes, fargate).await?;
    Ok(match &nodes.windows {
        Some(name) if outcome.status == Status::Passed => on_windows(run, name),
        _ => outcome,
    })
}

/// Returns the outcome for a pod that the scheduler can start on Windows ("Deploy Windows nodes on EKS clusters" in the EKS user
/// guide: "specify node selectors" for the pods of both systems).
fn on_windows(run: &Run<'_>, node: &str) -> Outcome {
    Outcome::warned(format!(
        "The scheduler can choose node {node:?} for the Job's pod, because pod_template does not select Linux. The node \
         runs Windows, but the Orchestrator's image is for Linux, so the pod would not start there."
    ))
    .compare("the label kubernetes.io/os=linux in spec.nodeSelector", "no selector for Linux")
    .fix(
        run.runner_cause(RunnerCause::AdmitsWindows),
        Fix::note("Set spec.nodeSelector in job.pod_template: {\"kubernetes.io/os\":\"linux\"}"),
    )
}

/// Returns the outcome for a pod that no node can take now.
async fn without_node(
    run: &Run<'_>,
    pod: &Pod<'_>,
    nodes: &Nodes,
    fargate: Result<Fargate, CheckError>,
) -> Result<Outcome, CheckError> {
    let none = nodes.none();
    let mut growth = Growth::find(run, pod, nodes).await?;
    match fargate {
        Ok(fargate) => growth.findings.extend(fargate.findings),
        Err(error) => growth.unknown = Some(error.into()),
    }
    if let Some(source) = &growth.source {
        return Ok(Outcome::passed(format!("{none}, but {source}.")));
    }
    let findings: Vec<String> = nodes.findings().chain(growth.findings.clone()).collect();
    if let Some(unknown) = growth.unknown {
        let message = format!(
            "{none}{}. It is unknown whether something adds one: {}",
            clause(&findings),
            unknown.message
        );
        return Ok(Outcome { message, ..unknown });
    }
    let found = match findings.as_slice() {
        [] => "no node, node group, NodePool, or Fargate profile".to_owned(),
        findings => findings.join("; "),
    };
    let message = format!(
        "{none}, and no managed node group, NodePool (karpenter.sh/v1), or Fargate profile adds one that can{}. Unless \
         something else adds one, such as an Auto Scaling group of your own, the pod stays Pending, and the Orchestrator \
         reports the deployment as stuck.",
        clause(&findings)
    );
    let fix = fix::fix(run, nodes, &growth).await?;
    Ok(Outcome::warned(message)
        .compare(pod.requirements(), found)
        .fix(no_node(run, findings)?, fix))
}

/// Returns the outcome for a pod that names its node: neither a scheduler nor anything that adds nodes sees it.
async fn on_own_node(run: &Run<'_>, pod: &Pod<'_>, node: &str) -> Result<Outcome, CheckError> {
    let nodes = match Nodes::find(run, pod).await {
        Ok(nodes) => nodes,
        Err(error) => return Ok(not_read(run, "nodes", error)),
    };
    if nodes.fitting.is_some() {
        return Ok(Outcome::passed(format!(
            "Node {node:?}, which pod_template names, can take the Job's pod, if other pods leave room for it."
        )));
    }
    let findings: Vec<String> = nodes.findings().collect();
    let message = format!(
        "{}{}. The pod does not start: spec.nodeName bypasses the scheduler, so no autoscaler adds a node for it.",
        nodes.none(),
        clause(&findings)
    );
    let found = match findings.as_slice() {
        [] => "no node".to_owned(),
        findings => findings.join("; "),
    };
    Ok(Outcome::warned(message)
        .compare(format!("node {node}, {}", pod.requirements()), found)
        .fix(
            no_node(run, findings)?,
            Fix::note("Remove spec.nodeName from job.pod_template."),
        ))
}

/// Returns the outcome for a pod that an active Fargate profile selects.
fn on_fargate(
    run: &Run<'_>,
    spec: &Value,
    pod: &Pod<'_>,
    volumes: &Volumes,
    profile: &str,
) -> Result<Outcome, CheckError> {
    let what = format!("Fargate profile {profile:?}");
    let fit = fargate::fit(pod);
    let lacks = fit.lacks.iter().map(ToString::to_string);
    let obstacles: Vec<String> = fargate::unsupported(spec, pod, volumes)
        .into_iter()
        .chain(lacks)
        .collect();
    if !obstacles.is_empty() {
        let obstacles = obstacles.join(", ");
        let finding = format!("{what}: {obstacles}");
        return Ok(Outcome::warned(format!(
            "{what} selects the Job's pod, but Fargate cannot run it: {obstacles}. The pod stays Pending, and the \
             Orchestrator reports the deployment as stuck."
        ))
        .compare("a pod that Fargate can run", obstacles)
        .fix(
            no_node(run, vec![finding])?,
            Fix::note(
                "Change job.pod_template so that Fargate can run the pod, or so that the profile does not match its labels.",
            ),
        ));
    }
    if !fit.unknown.is_empty() {
        let unknown: Vec<String> = fit.unknown.into_iter().collect();
        return Ok(Outcome::incomplete(
            "what a new node has is unknown",
            format!(
                "{what} selects the Job's pod. It is unknown whether Fargate has a node for it: the node might lack {}.",
                unknown.join(", ")
            ),
        ));
    }
    Ok(Outcome::passed(format!("{what} runs the pod.")))
}

fn no_node(run: &Run<'_>, findings: Vec<String>) -> Result<Cause, CheckError> {
    Ok(run.cluster_cause(ClusterCause::NoNode {
        namespace: run.namespace()?.to_owned(),
        findings,
    }))
}

/// Returns the findings as the end of a sentence.
fn clause(findings: &[String]) -> String {
    match findings {
        [] => String::new(),
        findings => format!(": {}", findings.join("; ")),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_gates_of_a_pod_are_named() {
        let with = |gates: Value| gates_of(&json!({"spec": {"schedulingGates": gates}}));
        for none in [json!(null), json!([])] {
            assert_eq!(with(none), None);
        }
        let gates = json!([{"name": "a.example/x"}, {"name": "b.example/y"}]);
        assert_eq!(with(gates).unwrap(), "a.example/x, b.example/y");
    }

    #[test]
    fn a_scheduler_that_a_webhook_sets_decides() {
        let by = |name: &str| {
            let template = json!({"spec": {"schedulerName": name}});
            scheduled_by_another(&Pod::read(&template)).map(|outcome| outcome.message)
        };
        for name in ["default-scheduler", "fargate-scheduler", ""] {
            assert_eq!(by(name), None, "{name}");
        }
        assert!(
            by("yunikorn")
                .unwrap()
                .starts_with("Admission sets the scheduler \"yunikorn\"")
        );
    }
}
