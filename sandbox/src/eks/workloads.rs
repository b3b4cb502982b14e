//! What makes Jobs run: the controllers of Jobs, quotas, and deletions, the scheduler, and KWOK in place of the nodes'
//! kubelets.
//!
//! KWOK plays the life of a pod that the scheduler has bound to a node: `stages.yaml`, beside this file, says what
//! happens to it. No container runs. KWOK sees nothing but the pod, so a pod fails by the names in it: an image
//! `registry.invalid/runner:1` cannot be pulled, the container of `registry.example/fails:1` ends with an error, and a volume of
//! the Secret `missing-credentials` cannot be mounted. The log of each container is the file `container.log`.

use std::fs;
use std::path::Path;

use serde_json::json;

use super::error::{Error, io};
use super::processes::Processes;
use super::tools::{self, Tools};

/// The controllers that Jobs need. A namespace that is deleted still has to be finalized by the sandbox.
const CONTROLLERS: &str = "job-controller,ttl-after-finished-controller,resourcequota-controller,\
                           garbage-collector-controller,pod-garbage-collector-controller";

/// Starts everything, as the cluster's administrator. KWOK listens on `kubelet_port`.
pub(super) fn start(
    processes: &mut Processes,
    tools: &Tools,
    kubeconfig: &Path,
    kubelet_port: u16,
) -> Result<(), Error> {
    let directory = processes.directory().to_owned();
    let kubeconfig = format!("--kubeconfig={}", kubeconfig.display());
    processes.start("kube-controller-manager", &tools.kube_controller_manager, |command| {
        command
            .arg(&kubeconfig)
            .arg(format!("--controllers={CONTROLLERS}"))
            // As on EKS, each controller is a service account of `kube-system`.
            .arg("--use-service-account-credentials=true")
            .args(["--leader-elect=false", "--secure-port=0"]);
    })?;
    processes.start("kube-scheduler", &tools.kube_scheduler, |command| {
        command
            .arg(&kubeconfig)
            .args(["--leader-elect=false", "--secure-port=0"]);
    })?;
    let sources = tools::workspace().join("sandbox/src/eks");
    let logs = directory.join("logs.json");
    let log = json!({
        "apiVersion": "kwok.x-k8s.io/v1alpha1",
        "kind": "ClusterLogs",
        "metadata": {"name": "all"},
        "spec": {"logs": [{"logsFile": sources.join("container.log")}]},
    });
    fs::write(&logs, log.to_string()).map_err(io(format!("writing {}", logs.display())))?;
    processes.start("kwok", &tools.kwok, |command| {
        command
            .arg(&kubeconfig)
            .arg(format!("--config={}", sources.join("stages.yaml").display()))
            .arg(format!("--config={}", logs.display()))
            .arg(format!("--server-address=127.0.0.1:{kubelet_port}"))
            .arg("--manage-all-nodes=true")
            .env("KWOK_WORKDIR", directory.join("kwok"));
    })
}
