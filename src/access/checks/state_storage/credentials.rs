//! State outside of AWS: the Job's pod has credentials for it. A pod on EKS has none for Google Cloud or Azure by default.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::access::cause::RunnerCause;
use crate::access::check_error::CheckError;
use crate::access::fix::Fix;
use crate::access::kubernetes::environment::{ContainerEnvironment, ObjectName, Variable, sources};
use crate::access::outcome::Outcome;
use crate::access::render::shell::{ShellCommand, Word};
use crate::access::run::Run;
use crate::runner::job_container::MAIN;

/// A backend and the ways in which it authenticates.
pub(super) struct Backend {
    /// The service, as its users call it.
    service: &'static str,
    /// The ways. One of them is enough.
    methods: &'static [Method],
    /// The variable that the fix sets.
    usual: &'static str,
    /// The end of the path of a file with credentials that the backend reads without a variable.
    file: Option<&'static str>,
}

/// The variables of one way to authenticate. It needs one of each list, and the messages name the first one.
type Method = &'static [&'static [BackendSetting]];

/// A variable, and what its value must be.
#[derive(Debug, Clone, Copy)]
enum BackendSetting {
    /// It has any value.
    Text(&'static str),
    /// It is the path of a file, which a volume of the container must hold: the runner's image has no credentials.
    File(&'static str),
    /// It is the path of such a file or the content of one, which is a JSON object.
    FileOrJson(&'static str),
    /// It is true in the sense of Go's `strconv.ParseBool`.
    Flag(&'static str),
}

use BackendSetting::{File, FileOrJson, Flag, Text};

/// The gcs backend. Source: `internal/backend/remote-state/gcs/backend.go` of OpenTofu 1.12, and
/// `google.FindDefaultCredentials` of golang.org/x/oauth2, which it calls without a variable of its own. That function also reads
/// `~/.config/gcloud/application_default_credentials.json`.
pub(super) const GCS: Backend = Backend {
    service: "Google Cloud Storage",
    methods: &[
        &[&[FileOrJson("GOOGLE_CREDENTIALS")]],
        &[&[FileOrJson("GOOGLE_BACKEND_CREDENTIALS")]],
        &[&[File("GOOGLE_APPLICATION_CREDENTIALS")]],
        &[&[Text("GOOGLE_OAUTH_ACCESS_TOKEN")]],
    ],
    usual: "GOOGLE_CREDENTIALS",
    file: Some("/.config/gcloud/application_default_credentials.json"),
};

/// The azurerm backend. Source: `internal/backend/remote-state/azure/backend.go` of OpenTofu 1.12 and `Validate` of each
/// method in its folder `auth`; Terraform 1.11 needs the same. The Azure CLI, which both try as well, is not in the runner's
/// image.
pub(super) const AZURERM: Backend = Backend {
    service: "Azure Storage",
    methods: &[
        &[&[Text("ARM_ACCESS_KEY")]],
        &[&[Text("ARM_SAS_TOKEN")]],
        &[
            &[Text("ARM_TENANT_ID")],
            CLIENT_ID,
            &[
                Text("ARM_CLIENT_SECRET"),
                File("ARM_CLIENT_SECRET_FILE_PATH"),
            ],
            ACCOUNT,
        ],
        &[
            &[Text("ARM_TENANT_ID")],
            CLIENT_ID,
            &[
                Text("ARM_CLIENT_CERTIFICATE"),
                File("ARM_CLIENT_CERTIFICATE_PATH"),
            ],
            ACCOUNT,
        ],
        &[
            &[Flag("ARM_USE_OIDC")],
            &[Text("ARM_TENANT_ID")],
            CLIENT_ID,
            &[
                Text("ARM_OIDC_TOKEN"),
                File("ARM_OIDC_TOKEN_FILE_PATH"),
                File("AZURE_FEDERATED_TOKEN_FILE"),
                // The URL beside it has as many names.
                Text("ARM_OIDC_REQUEST_TOKEN"),
                Text("ACTIONS_ID_TOKEN_REQUEST_TOKEN"),
                Text("SYSTEM_ACCESSTOKEN"),
            ],
            ACCOUNT,
        ],
        &[
            &[Flag("ARM_USE_MSI")],
            // Without them, azidentity calls the address at which a node of EKS has the metadata service of EC2.
            &[
                Text("MSI_ENDPOINT"),
                Text("ARM_MSI_ENDPOINT"),
                Text("IDENTITY_ENDPOINT"),
            ],
            ACCOUNT,
        ],
        &[
            &[Flag("ARM_USE_AKS_WORKLOAD_IDENTITY")],
            &[Text("AZURE_TENANT_ID")],
            &[Text("AZURE_CLIENT_ID")],
            &[File("AZURE_FEDERATED_TOKEN_FILE")],
            ACCOUNT,
        ],
    ],
    usual: "ARM_ACCESS_KEY",
    file: None,
};

/// A method of Microsoft Entra ID reads the state itself, or the account's key first (`configure` in `backend.go`).
const ACCOUNT: &[BackendSetting] = &[Flag("ARM_USE_AZUREAD"), Text("ARM_SUBSCRIPTION_ID")];

const CLIENT_ID: &[BackendSetting] = &[Text("ARM_CLIENT_ID"), File("ARM_CLIENT_ID_FILE_PATH")];

/// Returns the outcome that follows from the runner alone: no variable of the container comes from an object whose content
/// decides.
pub(super) fn without_calls(run: &Run<'_>, backend: &Backend) -> Option<Outcome> {
    let job = run.job().ok()?;
    let main = main_container(&job)?;
    if !sources(main).is_empty() {
        return None;
    }
    let environment = ContainerEnvironment::new(main.clone(), BTreeMap::new());
    Some(judge(run, backend, &environment))
}

/// Checks the variables of the Job's pod.
pub(super) async fn check(run: &Run<'_>, backend: &Backend) -> Result<Outcome, CheckError> {
    let environment = run.main_environment().await?;
    Ok(judge(run, backend, &environment))
}

fn judge(run: &Run<'_>, backend: &Backend, environment: &ContainerEnvironment) -> Outcome {
    let Backend {
        service, methods, ..
    } = backend;
    let container = Container { environment };
    let mut unread = None;
    for method in *methods {
        match container.variables_of(method) {
            Ok(Some(names)) => {
                return Outcome::passed(format!(
                    "The Job's pod has credentials for {service}: pod_template sets {}. What they are allowed to do is not \
                     checked.",
                    names.join(", ")
                ));
            }
            Ok(None) => {}
            Err(object) => unread = Some(object),
        }
    }
    if let Some((kind, name)) = unread {
        return Outcome::incomplete(
            format!("no permission to get {}", kind.plural()),
            format!(
                "Not checked: {} {name:?}, which might hold the credentials for {service}, cannot be read.",
                kind.name()
            ),
        );
    }
    if let Some(path) = backend.file.and_then(|file| environment.mount_of(file)) {
        return Outcome::passed(format!(
            "The Job's pod mounts a volume at {path}, which might hold the credentials for {service}. What they are \
             allowed to do is not checked."
        ));
    }
    let ways: Vec<String> = methods.iter().map(|method| in_words(method)).collect();
    Outcome::warned(format!(
        "The Job's pod has no credentials for {service}: pod_template sets none of these: {}. A variable that contains a \
         file path works only if a volume is mounted at that path.",
        ways.join("; ")
    ))
    .compare(
        format!("one of these in container {MAIN:?}: {}", ways.join("; ")),
        "none",
    )
    .fix(
        run.runner_cause(RunnerCause::StateCredentials),
        missing(run, backend.usual),
    )
}

/// Returns the variables of a method in words.
fn in_words(method: Method) -> String {
    let first = |choice: &&[BackendSetting]| choice.first().map_or("", |setting| setting.name());
    let names: Vec<&str> = method.iter().map(first).collect();
    names.join(" with ")
}

impl BackendSetting {
    /// Returns the variable's name.
    fn name(self) -> &'static str {
        match self {
            Self::Text(name) | Self::File(name) | Self::FileOrJson(name) | Self::Flag(name) => name,
        }
    }
}

/// The container `main` of a Job.
struct Container<'a> {
    environment: &'a ContainerEnvironment,
}

impl Container<'_> {
    /// Returns the variables of a method that the container has. `None` if it lacks one of them.
    ///
    /// # Errors
    /// If that depends on an object that could not be read.
    fn variables_of(&self, method: Method) -> Result<Option<Vec<&'static str>>, ObjectName> {
        let (mut names, mut unread) = (Vec::new(), None);
        for choice in method {
            let found = choice.iter().find(|setting| self.has(**setting));
            let unknown = || choice.iter().find_map(|setting| self.unread(*setting));
            match (found, unknown()) {
                (Some(setting), _) => names.push(setting.name()),
                (None, Some(object)) => unread = Some(object),
                (None, None) => return Ok(None),
            }
        }
        unread.map_or(Ok(Some(names)), Err)
    }

    /// Returns whether a variable has a value that its method can use, as far as it is known.
    fn has(&self, setting: BackendSetting) -> bool {
        let variable = self.environment.get(setting.name());
        let Some(value) = variable.value() else {
            return variable.is_set();
        };
        match setting {
            BackendSetting::Text(_) => true,
            BackendSetting::File(_) => self.environment.is_mounted(value),
            BackendSetting::FileOrJson(_) => {
                value.trim_start().starts_with('{') || self.environment.is_mounted(value)
            }
            BackendSetting::Flag(_) => ["1", "t", "T", "TRUE", "true", "True"].contains(&value),
        }
    }

    /// Returns the object that could not be read and might set a variable.
    fn unread(&self, setting: BackendSetting) -> Option<ObjectName> {
        match self.environment.get(setting.name()) {
            Variable::Unread(object) => Some(object),
            _ => None,
        }
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    /// The variables by which the container has credentials, if it has any.
    fn found(backend: &Backend, variables: &Value, mounts: &[&str]) -> Option<String> {
        let env = variables.as_object().into_iter().flatten();
        let env: Vec<Value> = env
            .map(|(name, value)| json!({"name": name, "value": value}))
            .collect();
        let mounts: Vec<Value> = mounts
            .iter()
            .map(|path| json!({"mountPath": path}))
            .collect();
        let main = json!({"name": MAIN, "env": env, "volumeMounts": mounts});
        let environment = ContainerEnvironment::new(main, BTreeMap::new());
        let container = Container {
            environment: &environment,
        };
        let methods = backend.methods.iter();
        let mut found = methods.filter_map(|method| container.variables_of(method).unwrap());
        found.next().map(|names| names.join(" "))
    }

    #[test]
    fn azurerm_needs_all_variables_of_a_method() {
        let principal = json!({"ARM_TENANT_ID": "t", "ARM_CLIENT_ID": "c", "ARM_USE_AZUREAD": "1"});
        let with = |others: Value| {
            let mut all = principal.clone();
            all.as_object_mut()
                .unwrap()
                .extend(others.as_object().unwrap().clone());
            all
        };
        for (variables, mounts, expected) in [
            (json!({"ARM_ACCESS_KEY": "k"}), &[][..], true),
            (json!({"ARM_SAS_TOKEN": "s"}), &[], true),
            (json!({"ARM_CLIENT_SECRET": "s"}), &[], false),
            (with(json!({"ARM_CLIENT_SECRET": "s"})), &[], true),
            (
                json!({"ARM_TENANT_ID": "t", "ARM_CLIENT_ID": "c", "ARM_CLIENT_SECRET": "s"}),
                &[],
                false,
            ),
            (
                with(json!({"ARM_CLIENT_SECRET_FILE_PATH": "/s/x"})),
                &["/s"],
                true,
            ),
            (
                with(json!({"ARM_CLIENT_SECRET_FILE_PATH": "/s/x"})),
                &["/s/y"],
                false,
            ),
            (with(json!({"ARM_OIDC_TOKEN": "o"})), &[], false),
            (
                with(json!({"ARM_OIDC_TOKEN": "o", "ARM_USE_OIDC": "True"})),
                &[],
                true,
            ),
            (
                with(json!({"ARM_OIDC_TOKEN": "o", "ARM_USE_OIDC": "false"})),
                &[],
                false,
            ),
            (with(json!({"ARM_USE_OIDC": "true"})), &[], false),
            (with(json!({"ARM_USE_MSI": "true"})), &[], false),
            (
                with(json!({"ARM_USE_MSI": "false", "MSI_ENDPOINT": "x"})),
                &[],
                false,
            ),
            (
                with(json!({"ARM_USE_MSI": "true", "MSI_ENDPOINT": "x"})),
                &[],
                true,
            ),
        ] {
            let found = found(&AZURERM, &variables, mounts);
            assert_eq!(
                found.is_some(),
                expected,
                "{variables} {mounts:?} {found:?}"
            );
        }
    }

    #[test]
    fn a_file_of_gcs_is_in_a_volume() {
        let path = "/secrets/key.json";
        for (variables, mounts, expected) in [
            (
                json!({"GOOGLE_APPLICATION_CREDENTIALS": path}),
                &[][..],
                false,
            ),
            (
                json!({"GOOGLE_APPLICATION_CREDENTIALS": path}),
                &["/secrets/"],
                true,
            ),
            (
                json!({"GOOGLE_APPLICATION_CREDENTIALS": path}),
                &[path],
                true,
            ),
            (
                json!({"GOOGLE_APPLICATION_CREDENTIALS": path}),
                &["/secret"],
                false,
            ),
            (json!({"GOOGLE_CREDENTIALS": path}), &[], false),
            (json!({"GOOGLE_CREDENTIALS": path}), &["/secrets"], true),
            (
                json!({"GOOGLE_CREDENTIALS": "{\"type\": \"x\"}"}),
                &[],
                true,
            ),
            (json!({"GOOGLE_OAUTH_ACCESS_TOKEN": "x"}), &[], true),
        ] {
            let found = found(&GCS, &variables, mounts);
            assert_eq!(found.is_some(), expected, "{variables} {mounts:?}");
        }
    }
}
