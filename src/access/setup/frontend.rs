//! What a fix contains for the provider and for the command.

use super::{hcl, yaml};
use crate::access::frontend::Frontend;

impl Frontend {
    /// Returns what creates something that is missing: a resource for Terraform, or a command.
    pub(crate) fn makes(self, resource: String, command: String) -> String {
        match self {
            Self::Terraform => resource,
            Self::Command => command,
        }
    }

    /// Returns a setting of the runner's `auth`, as a person writes it.
    pub(crate) fn auth(self, name: &str, value: &str) -> String {
        match self {
            Self::Terraform => format!("{name} = {}\n", hcl(value)),
            Self::Command => {
                format!(
                    "# runner_configuration.cluster.auth:\n{name}: {}\n",
                    yaml(value)
                )
            }
        }
    }
}
