//! State outside of AWS: the Job's pod has credentials for it. A pod on EKS has none for Google Cloud or Azure by default.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::access::cause::RunnerCause;
use crate::access::check_error::CheckError;
use crate::access::fix::Fix;
use crate::access::kubernetes::environment::{ContainerEnvironment, Variable, sources};
use crate::access::outcome::Outcome;
use crate::access::render::shell::{ShellCommand, Word};
use crate::access::run::Run;
use crate::runner::job_container::MAIN;

/// A backend and the variables with which it authenticates.
pub(super) struct Backend {
    /// The service, as its users call it.
    service: &'static str,
    /// The variables. One of them is enough.
    variables: &'static [&'static str],
    /// The variable that the fix sets.
    usual: &'static str,
    /// Whether the backend finds credentials in a file at a well-known path.
    reads_files: bool,
}

/// The gcs backend. Source: `internal/backend/remote-state/gcs/backend.go` of OpenTofu 1.12, and
/// `google.FindDefaultCredentials` of golang.org/x/oauth2, which it calls without a variable of its own. That function also reads
/// `~/.config/gcloud/application_default_credentials.json`.
pub(super) const GCS: Backend = Backend {
    service: "Google Cloud Storage",
    variables: &[
        "GOOGLE_OAUTH_ACCESS_TOKEN",
        "GOOGLE_BACKEND_CREDENTIALS",
        "GOOGLE_CREDENTIALS",
        "GOOGLE_APPLICATION_CREDENTIALS",
    ],
    usual: "GOOGLE_CREDENTIALS",
    reads_files: true,
};

/// The azurerm backend. Source: `internal/backend/remote-state/azure/backend.go` of OpenTofu 1.12 (with the methods in
/// its folder `auth`) and Terraform 1.11. The Azure CLI, which both try as well, is not in the runner's image.
pub(super) const AZURERM: Backend = Backend {
    service: "Azure Storage",
    variables: &[
        "ARM_ACCESS_KEY",
        "ARM_SAS_TOKEN",
        "ARM_CLIENT_SECRET",
        "ARM_CLIENT_SECRET_FILE_PATH",
        "ARM_CLIENT_CERTIFICATE",
        "ARM_CLIENT_CERTIFICATE_PATH",
        "ARM_OIDC_TOKEN",
        "ARM_OIDC_TOKEN_FILE_PATH",
        "ARM_OIDC_REQUEST_TOKEN",
        "AZURE_FEDERATED_TOKEN_FILE",
        "ARM_USE_OIDC",
        "ARM_USE_MSI",
        "ARM_USE_AKS_WORKLOAD_IDENTITY",
    ],
    usual: "ARM_ACCESS_KEY",
    reads_files: false,
};

/// Returns the outcome that follows from the runner alone: no variable of the container comes from an object whose content
/// decides.
pub(super) fn without_calls(run: &Run<'_>, backend: &Backend) -> Option<Outcome> {
    let job = run.job().ok()?;
    let main = main_container(&job)?;
    if !sources(main).is_empty() {
        return None;
    }
    let environment = ContainerEnvironment::new(main.clone(), BTreeMap::new());
    Some(judge(run, backend, &job, &environment))
}

/// Checks the variables of the Job's pod.
pub(super) async fn check(run: &Run<'_>, backend: &Backend) -> Result<Outcome, CheckError> {
    let environment = run.main_environment().await?;
    Ok(judge(run, backend, &run.job()?, &environment))
}

fn judge(
    run: &Run<'_>,
    backend: &Backend,
    job: &Value,
    environment: &ContainerEnvironment,
) -> Outcome {
    let Backend {
        service, variables, ..
    } = backend;
    let found = variables.iter().map(|name| (*name, environment.get(name)));
    let found: Vec<(&str, Variable)> = found.collect();
    if let Some((name, _)) = found.iter().find(|(_, variable)| variable.is_set()) {
        return Outcome::passed(format!(
            "The Job's pod has credentials for {service}: pod_template sets {name}. What they are allowed to do is not \
             checked."
        ));
    }
    for (_, variable) in &found {
        if let Variable::Unread((kind, name)) = variable {
            return Outcome::incomplete(
                format!("no permission to get {}", kind.plural()),
                format!(
                    "Not checked: {} {name:?}, which might hold the credentials for {service}, cannot be read.",
                    kind.name()
                ),
            );
        }
    }
    let volume = backend.reads_files.then(|| mounted_secret(job)).flatten();
    if let Some(volume) = volume {
        return Outcome::passed(format!(
            "The Job's pod mounts the Secret volume {volume:?}, which might hold the credentials for {service}. What they \
             are allowed to do is not checked."
        ));
    }
    Outcome::warned(format!(
        "The Job's pod has no credentials for {service}: pod_template sets none of {}.",
        variables.join(", ")
    ))
    .compare(
        format!("one of {} in container {MAIN:?}", variables.join(", ")),
        "none",
    )
    .fix(
        run.runner_cause(RunnerCause::StateCredentials),
        missing(run, backend.usual),
    )
}

/// Returns what gives the pod the credentials: a Secret, and a variable with its value.
fn missing(run: &Run<'_>, variable: &str) -> Fix {
    const SECRET: &str = "state-credentials";
    let create = ShellCommand::new("kubectl create secret generic")
        .option("-n", run.namespace().unwrap_or_default())
        .word(SECRET)
        .word(Word::code(format!("--from-literal={variable}=...")));
    let reference = json!({"secretKeyRef": {"name": SECRET, "key": variable}});
    Fix::run(create).then_note(format!(
        "In job.pod_template, add this to env of container {MAIN:?}:\n{}",
        json!({"name": variable, "valueFrom": reference})
    ))
}

fn main_container(job: &Value) -> Option<&Value> {
    let containers = job["spec"]["template"]["spec"]["containers"].as_array()?;
    containers
        .iter()
        .find(|container| container["name"] == MAIN)
}

/// Returns a volume with the content of a Secret that the container mounts.
fn mounted_secret(job: &Value) -> Option<String> {
    let volumes = job["spec"]["template"]["spec"]["volumes"].as_array()?;
    let mounts = main_container(job)?["volumeMounts"].as_array()?;
    let has_secret = |volume: &Value| {
        let sources = volume["projected"]["sources"].as_array();
        let mut sources = sources.into_iter().flatten();
        volume["secret"].is_object()
            || volume["csi"].is_object()
            || sources.any(|source| source["secret"].is_object())
    };
    let mounted = |name: &Value| mounts.iter().any(|mount| mount["name"] == *name);
    let found = volumes
        .iter()
        .find(|volume| has_secret(volume) && mounted(&volume["name"]));
    Some(found?["name"].as_str()?.to_owned())
}
