//! State outside of AWS: the Job's pod has credentials for it. A pod on EKS has none for Google Cloud or Azure by default.

mod methods;

use serde_json::{Map, Value, json};

use BackendSetting::{Account, File, FileOrJson, Flag, Text};
pub(super) use methods::{AZURERM, Backend, GCS};
use methods::{BackendSetting, Choice, Method, SUBSCRIPTION_ID, USE_AZUREAD};

use crate::access::cause::RunnerCause;
use crate::access::check_error::CheckError;
use crate::access::fix::Fix;
use crate::access::kubernetes::environment::{ContainerEnvironment, ObjectName, Variable};
use crate::access::outcome::Outcome;
use crate::access::render::shell::{ShellCommand, Word};
use crate::access::run::Run;
use crate::runner::job_container::MAIN;

/// Returns the outcome that follows from the runner alone: no variable of the container comes from an object whose content
/// decides.
pub(super) fn without_calls(run: &Run<'_>, backend: &Backend, has_group: bool) -> Option<Outcome> {
    Some(judge(run, backend, &run.own_environment()?, has_group))
}

/// Checks the variables of the Job's pod. `has_group` says whether the state storage has a `resource_group_name`.
pub(super) async fn check(run: &Run<'_>, backend: &Backend, has_group: bool) -> Result<Outcome, CheckError> {
    let environment = run.main_environment().await?;
    Ok(judge(run, backend, &environment, has_group))
}

fn judge(run: &Run<'_>, backend: &Backend, environment: &ContainerEnvironment, has_group: bool) -> Outcome {
    let service = backend.service;
    let container = Container { environment, has_group };
    let (problem, found) = match container.find(backend) {
        Found::Credentials(names) => {
            return Outcome::passed(format!(
                "The Job's pod has credentials for {service}: pod_template sets {}. What they are allowed to do is not \
                 checked.",
                names.join(", ")
            ));
        }
        Found::Unread((kind, name)) => {
            return Outcome::incomplete(
                format!("no permission to get {}", kind.plural()),
                format!(
                    "Not checked: {} {name:?}, which might hold the credentials for {service}, cannot be read.",
                    kind.name()
                ),
            );
        }
        Found::Later(names) => {
            let names = names.join(", ");
            let problem = format!(
                "has credentials for {service} that OpenTofu 1.10 does not accept, and the runner's image might have that \
                 version: pod_template sets {names}. Later versions accept them."
            );
            (problem, names)
        }
        Found::Incomplete { method, lacking } => {
            let problem = format!(
                "has no usable credentials for {service}: OpenTofu uses {method} from pod_template, which needs {lacking}."
            );
            (problem, format!("{method} alone"))
        }
        Found::Nothing => match backend.file.and_then(|file| environment.mount_of(file)) {
            Some(path) => {
                return Outcome::passed(format!(
                    "The Job's pod mounts a volume at {path}, which might hold the credentials for {service}. What they are \
                     allowed to do is not checked."
                ));
            }
            None => {
                let problem = format!(
                    "has no credentials for {service}: pod_template sets none of these: {}. A variable that contains a \
                     file path works only if a volume is mounted at that path.",
                    ways(backend)
                );
                (problem, "none".to_owned())
            }
        },
    };
    Outcome::warned(format!("The Job's pod {problem}"))
        .compare(format!("one of these in container {MAIN:?}: {}", ways(backend)), found)
        .fix(
            run.runner_cause(RunnerCause::StateCredentials),
            missing(run, container.variable_of_fix(backend)),
        )
}

/// Returns the ways to authenticate in words.
fn ways(backend: &Backend) -> String {
    let ways: Vec<String> = backend.methods.iter().map(Method::in_words).collect();
    ways.join("; ")
}

/// The credentials that a container has for a backend.
#[derive(Debug, PartialEq, Eq)]
enum Found {
    /// These variables.
    Credentials(Vec<&'static str>),
    /// These variables, which only later versions of OpenTofu than 1.10 read in this way.
    Later(Vec<&'static str>),
    /// The variables of a method that the backend selects, and what it needs for that.
    Incomplete { method: String, lacking: String },
    /// It depends on an object that could not be read.
    Unread(ObjectName),
    /// None.
    Nothing,
}

/// The container `main` of a Job.
struct Container<'a> {
    environment: &'a ContainerEnvironment,
    /// Whether the state storage has a `resource_group_name`.
    has_group: bool,
}

impl Container<'_> {
    /// Returns the credentials for a backend.
    fn find(&self, backend: &Backend) -> Found {
        let (mut first, mut unread) = (Found::Nothing, None);
        for method in backend.methods {
            match self.find_method(method) {
                Found::Nothing => {}
                Found::Unread(object) => unread = unread.or(Some(object)),
                // An object that could not be read might select another method before this one.
                Found::Incomplete { .. } if unread.is_some() => {}
                found => {
                    first = found;
                    break;
                }
            }
        }
        if matches!(first, Found::Credentials(_)) {
            return first;
        }
        let later = backend.later.iter().map(|method| self.find_method(method));
        for found in later {
            match found {
                Found::Credentials(names) => return Found::Later(names),
                Found::Unread(object) if first == Found::Nothing => unread = unread.or(Some(object)),
                _ => {}
            }
        }
        unread.map_or(first, Found::Unread)
    }

    /// Returns what the container has for one method.
    fn find_method(&self, method: &Method) -> Found {
        let (mut selectors, mut unread) = (Vec::new(), None);
        for choice in method.selected_by {
            match choice.iter().find(|setting| self.selects(**setting)) {
                Some(setting) => selectors.push(setting.name()),
                None => match self.unread(choice) {
                    Some(object) => unread = Some(object),
                    None => return Found::Nothing,
                },
            }
        }
        let (mut names, mut lacking) = (Vec::new(), Vec::new());
        for choice in method.choices() {
            match choice.iter().find(|setting| self.has(**setting)) {
                Some(setting) => names.push(self.name(*setting)),
                None => match self.unread(choice) {
                    Some(object) => unread = Some(object),
                    None => lacking.push(self.lacking(choice)),
                },
            }
        }
        names.dedup();
        selectors.dedup();
        match unread {
            Some(object) => Found::Unread(object),
            None if lacking.is_empty() => Found::Credentials(names),
            None => Found::Incomplete {
                method: selectors.join(" with "),
                lacking: lacking.join(" and "),
            },
        }
    }

    /// Returns whether a setting selects its method.
    fn selects(&self, setting: BackendSetting) -> bool {
        match setting {
            Flag(_) | Account => self.has(setting),
            Text(name) | File(name) | FileOrJson(name) => self.environment.get(name).is_set(),
        }
    }

    /// Returns whether a setting has a value that its method can use, as far as it is known.
    fn has(&self, setting: BackendSetting) -> bool {
        if setting == Account {
            return self.has(Flag(USE_AZUREAD)) || self.has_group && self.has(Text(SUBSCRIPTION_ID));
        }
        let variable = self.environment.get(setting.name());
        let Some(value) = variable.value() else {
            return variable.is_set();
        };
        match setting {
            Text(_) | Account => true,
            File(_) => self.environment.is_mounted(value),
            FileOrJson(_) => {
                serde_json::from_str::<Map<String, Value>>(value).is_ok() || self.environment.is_mounted(value)
            }
            Flag(_) => variable.is_true(),
        }
    }

    /// Returns the variable by which the container has a setting.
    fn name(&self, setting: BackendSetting) -> &'static str {
        match setting {
            Account if !self.has(Flag(USE_AZUREAD)) => SUBSCRIPTION_ID,
            _ => setting.name(),
        }
    }

    /// Returns what the container needs for a choice, as a part of a sentence.
    fn lacking(&self, choice: Choice) -> String {
        let set = choice.iter().find_map(|setting| match setting {
            File(name) => {
                let path = self.environment.get(name).value()?.to_owned();
                Some(format!("a volume with the file {path}"))
            }
            FileOrJson(name) => {
                self.environment.get(name).value()?;
                Some("a JSON object or the path of a file in a volume as its value".to_owned())
            }
            Text(_) | Flag(_) | Account => None,
        });
        set.unwrap_or_else(|| {
            let words: Vec<String> = choice.iter().map(|setting| setting.in_words()).collect();
            words.join(" or ")
        })
    }

    /// Returns the object that could not be read and might set one of these.
    fn unread(&self, choice: Choice) -> Option<ObjectName> {
        let names = choice.iter().flat_map(|setting| match setting {
            Account if self.has_group => vec![USE_AZUREAD, SUBSCRIPTION_ID],
            setting => vec![setting.name()],
        });
        let mut variables = names.map(|name| self.environment.get(name));
        variables.find_map(|variable| match variable {
            Variable::Unread(object) => Some(object),
            _ => None,
        })
    }

    /// Returns the variable that the fix sets: the first one whose value is wrong, because the backend would select no other one,
    /// or the usual one.
    fn variable_of_fix(&self, backend: &Backend) -> &'static str {
        let selectors = backend.methods.iter().flat_map(|method| method.selected_by);
        let mut settings = selectors.flat_map(|choice| choice.iter());
        let wrong = settings
            .find(|setting| matches!(setting, FileOrJson(_)) && self.selects(**setting) && !self.has(**setting));
        wrong.map_or(backend.usual, |setting| setting.name())
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
        "In job.pod_template, set this in env of container {MAIN:?}:\n{}",
        json!({"name": variable, "valueFrom": reference})
    ))
}

#[cfg(test)]
mod tests;
