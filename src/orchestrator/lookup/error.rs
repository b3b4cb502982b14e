//! Why a lookup fails.

use std::path::PathBuf;

use crate::orchestrator::settings::{ProviderAttribute, SettingSource};

/// Why a lookup failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LookupError {
    /// No place has a value.
    #[error(
        "{0} is not set. Searched in this order:{1}\nSet {0} in the provider block, export {variable}, or {otherwise}.",
        attribute.name(),
        list(places)
    )]
    Missing {
        /// The attribute that sets it.
        attribute: ProviderAttribute,
        /// The environment variable that sets it.
        variable: &'static str,
        /// Every place that was searched, each with what was found there.
        places: Vec<String>,
        /// How to set it in the file that was searched, as an imperative.
        otherwise: String,
    },
    /// An attribute is set to an empty string.
    #[error(
        "{} is an empty string in the provider block. Set it to a value, or remove it so that it is looked up \
         in the environment and in hctl's configuration file.",
        attribute.name()
    )]
    Empty {
        /// The attribute.
        attribute: ProviderAttribute,
    },
    /// A value was found and cannot be used.
    #[error("{} cannot be used{}: {problem}", attribute.name(), from(found_in))]
    Unusable {
        /// The attribute that sets this value.
        attribute: ProviderAttribute,
        /// Where the value was found.
        found_in: SettingSource,
        /// What is wrong with it.
        problem: String,
    },
    /// A configuration file of `hctl` cannot be used.
    #[error("hctl's configuration file {} cannot be used: {problem}", path.display())]
    File {
        /// `hctl_config_file` if that named the file, else the attribute that was looked up.
        attribute: ProviderAttribute,
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
}

impl LookupError {
    /// Returns the attribute of the provider block that the error is about.
    #[must_use]
    pub fn attribute(&self) -> ProviderAttribute {
        match self {
            Self::Missing { attribute, .. }
            | Self::Empty { attribute }
            | Self::Unusable { attribute, .. }
            | Self::File { attribute, .. } => *attribute,
        }
    }
}

/// Returns where a value came from. Nothing for the provider block: Terraform shows the error at its attribute.
fn from(found_in: &SettingSource) -> String {
    match found_in {
        SettingSource::ProviderBlock(_) => String::new(),
        elsewhere => format!(" (from {elsewhere})"),
    }
}

fn list(places: &[String]) -> String {
    places
        .iter()
        .map(|place| format!("\n  - {place}"))
        .collect()
}
