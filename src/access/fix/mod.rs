//! The fix of a cause: a value that is rendered where it is shown.

mod role_trust;

use std::fmt;

use serde_json::Value;

pub(crate) use role_trust::{RoleTrust, TrustMembers};

use super::objects::{AwsObject, KubernetesObject};
use super::render::shell::ShellCommand;
use super::render::{aws_cli, hcl, shell, yaml};
use crate::frontend::Frontend;
use crate::secrets::redacted;

/// A fix: steps that a person takes in this order.
///
/// It is displayed ready to be pasted, without the credentials that a foreign text might have brought into it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Fix(Vec<FixStep>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum FixStep {
    /// A comment.
    Note(String),
    /// A command to run.
    Run(ShellCommand),
    /// Manifests to apply with kubectl.
    Apply(Vec<Value>),
    /// A resource to add to the Terraform configuration.
    Resource(AwsObject),
    /// A line to add to the configuration, or an option to add to the command line, with placeholders.
    Add(&'static str),
    /// An attribute of the runner's `auth` to set.
    SetAuth {
        frontend: Frontend,
        name: &'static str,
        value: String,
    },
    /// The trust policy of a role.
    Trust(Box<RoleTrust>),
}

impl Fix {
    /// Returns a fix that begins with a comment. Each line of the text becomes a line of the comment.
    pub(crate) fn note(text: impl Into<String>) -> Self {
        Self::default().then_note(text)
    }

    /// Returns a fix that begins with a command.
    pub(crate) fn run(command: ShellCommand) -> Self {
        Self::default().then_run(command)
    }

    /// Returns a fix that begins with manifests to apply.
    pub(crate) fn apply(manifests: Vec<Value>) -> Self {
        Self::default().then_apply(manifests)
    }

    /// Returns a fix that creates objects in the cluster.
    pub(crate) fn create_in_cluster(objects: &[KubernetesObject]) -> Self {
        Self::apply(objects.iter().map(KubernetesObject::manifest).collect())
    }

    /// Returns a fix that creates an object in AWS: as a resource, or by a command.
    pub(crate) fn create(frontend: Frontend, object: AwsObject) -> Self {
        match frontend {
            Frontend::Terraform => Self(vec![FixStep::Resource(object)]),
            Frontend::Command => Self::run(aws_cli::create(&object)),
        }
    }

    /// Returns a fix that adds a line to the configuration or an option to the command line.
    pub(crate) fn add(line: &'static str) -> Self {
        Self(vec![FixStep::Add(line)])
    }

    /// Returns a fix that sets an attribute of the runner's `auth`.
    pub(crate) fn set_auth(frontend: Frontend, name: &'static str, value: impl Into<String>) -> Self {
        Self(vec![FixStep::SetAuth {
            frontend,
            name,
            value: value.into(),
        }])
    }

    /// Returns a fix that changes the trust policy of a role. Several runners can share it.
    pub(crate) fn trust(trust: RoleTrust) -> Self {
        Self(vec![FixStep::Trust(Box::new(trust))])
    }

    /// Returns the fix with a comment after it.
    pub(crate) fn then_note(self, text: impl Into<String>) -> Self {
        self.then_step(FixStep::Note(text.into()))
    }

    /// Returns the fix with a command after it.
    pub(crate) fn then_run(self, command: ShellCommand) -> Self {
        self.then_step(FixStep::Run(command))
    }

    /// Returns the fix with manifests to apply after it.
    pub(crate) fn then_apply(self, manifests: Vec<Value>) -> Self {
        self.then_step(FixStep::Apply(manifests))
    }

    /// Returns the fix with another one after it.
    pub(crate) fn then(mut self, other: Self) -> Self {
        self.0.extend(other.0);
        self
    }

    fn then_step(mut self, step: FixStep) -> Self {
        self.0.push(step);
        self
    }

    /// Returns the changes of trust policies in the fix, which other runners can share.
    pub(crate) fn trusts(&self) -> impl Iterator<Item = &RoleTrust> {
        self.0.iter().filter_map(|step| match step {
            FixStep::Trust(trust) => Some(&**trust),
            _ => None,
        })
    }

    /// Returns the fix for all members of the roles whose trust policies it changes.
    #[must_use]
    pub(crate) fn for_members(&self, members: &TrustMembers) -> Self {
        let steps = self.0.iter().flat_map(|step| match step {
            FixStep::Trust(trust) => trust.for_members(members).0,
            other => vec![other.clone()],
        });
        Self(steps.collect())
    }
}

impl From<ShellCommand> for Fix {
    fn from(command: ShellCommand) -> Self {
        Self::run(command)
    }
}

impl FromIterator<Fix> for Fix {
    fn from_iter<T: IntoIterator<Item = Fix>>(fixes: T) -> Self {
        fixes.into_iter().fold(Self::default(), Self::then)
    }
}

impl fmt::Display for Fix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text: String = self.0.iter().map(FixStep::text).collect();
        f.write_str(&redacted(text))
    }
}

impl FixStep {
    fn text(&self) -> String {
        match self {
            Self::Note(text) => text.lines().map(|line| format!("# {line}\n")).collect(),
            Self::Run(command) => command.to_string(),
            Self::Apply(manifests) => shell::kubectl_apply(manifests).to_string(),
            Self::Resource(object) => hcl::aws(std::slice::from_ref(object)),
            Self::Add(line) => format!("{line}\n"),
            Self::SetAuth {
                frontend: Frontend::Terraform,
                name,
                value,
            } => format!("{name} = {}\n", hcl::string(value)),
            Self::SetAuth {
                frontend: Frontend::Command,
                name,
                value,
            } => format!(
                "# runner_configuration.cluster.auth:\n{name}: {}\n",
                yaml::string(value)
            ),
            Self::Trust(trust) => {
                let alone = trust.for_members(&TrustMembers::default());
                alone.0.iter().map(Self::text).collect()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_attribute_is_set_in_the_language_of_the_frontend() {
        let fix = |frontend| Fix::set_auth(frontend, "session_name", "a\"${b}").to_string();
        assert_eq!(fix(Frontend::Terraform), "session_name = \"a\\\"$${b}\"\n");
        assert_eq!(
            fix(Frontend::Command),
            "# runner_configuration.cluster.auth:\nsession_name: \"a\\\"${b}\"\n"
        );
    }

    #[test]
    fn a_credential_is_not_displayed() {
        let fix = Fix::note("eyJhbGciOiJSUzI1NiJ9.e30.c2ln\nand more");
        assert!(!fix.to_string().contains("eyJ"), "{fix}");
        assert!(fix.to_string().ends_with("\n# and more\n"), "{fix}");
    }
}
