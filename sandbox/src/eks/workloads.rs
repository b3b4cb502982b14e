//! What makes Jobs run: the controllers of Jobs, quotas, and deletions, the scheduler, and KWOK in place of the nodes'
//! kubelets.
//!
//! KWOK plays the life of a pod that the scheduler has bound to a node: `stages.yaml`, beside this file, says what
//! happens to it. No container runs. KWOK sees nothing but the pod, so a pod fails by the names in it: an image
//! `registry.invalid/runner:1` cannot be pulled, and a volume of the Secret `missing-credentials` cannot be mounted.

use std::path::Path;

use super::error::Error;
use super::processes::Processes;
use super::tools::{self, Tools};

/// The controllers that Jobs need. A namespace that is deleted still has to be finalized by the sandbox.
const CONTROLLERS: &str = "job-controller,ttl-after-finished-controller,resourcequota-controller,\
                           garbage-collector-controller,pod-garbage-collector-controller";

/// Starts everything, as the cluster's administrator.
pub(super) fn start(
    processes: &mut Processes,
    tools: &Tools,
    kubeconfig: &Path,
) -> Result<(), Error> {
    let directory = processes.directory().to_owned();
    let kubeconfig = format!("--kubeconfig={}", kubeconfig.display());
    processes.start(
        "kube-controller-manager",
        &tools.kube_controller_manager,
        |command| {
            command
                .arg(&kubeconfig)
                .arg(format!("--controllers={CONTROLLERS}"))
                // As on EKS, each controller is a service account of `kube-system`.
                .arg("--use-service-account-credentials=true")
                .args(["--leader-elect=false", "--secure-port=0"]);
        },
    )?;
    processes.start("kube-scheduler", &tools.kube_scheduler, |command| {
        command
            .arg(&kubeconfig)
            .args(["--leader-elect=false", "--secure-port=0"]);
    })?;
    processes.start("kwok", &tools.kwok, |command| {
        let stages = tools::workspace().join("sandbox/src/eks/stages.yaml");
        command
            .arg(&kubeconfig)
            .arg(format!("--config={}", stages.display()))
            .arg("--manage-all-nodes=true")
            .env("KWOK_WORKDIR", directory.join("kwok"));
    })
}
