//! Why a lookup fails.

use std::path::PathBuf;

use crate::orchestrator::settings::{ProviderAttribute, SettingSource};
use crate::product::{PRODUCTS, Product, names};

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
        /// The environment variables that set it, joined by "or".
        variable: String,
        /// Every place that was searched, each with what was found there.
        places: Vec<String>,
        /// How to set it in the file that was searched, as an imperative.
        otherwise: String,
    },
    /// An attribute is set to an empty string.
    #[error(
        "{} is an empty string in the provider block. Set it to a value, or remove it so that it is looked up \
         in the environment and in the configuration file of {}.",
        attribute.name(),
        names(|product| product.cli)
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
    /// A configuration file cannot be used.
    #[error("{}'s configuration file {} cannot be used: {problem}", product.cli, path.display())]
    File {
        /// The attribute that named the file, or else the attribute that was looked up.
        attribute: ProviderAttribute,
        /// The product whose command line writes the file.
        product: &'static Product,
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// The provider block names a configuration file of each product.
    #[error(
        "{} are both set, and the settings of two products are not mixed. Remove one of them.",
        attributes("and")
    )]
    TwoNamedFiles {
        /// The product of the first one.
        product: &'static Product,
    },
    /// Each product has a default configuration file, and nothing selects one.
    #[error(
        "{} both have settings, and nothing selects one of them:{}\nSet {} to the path of one of the files, or set all \
         of api_url, org_id, and auth_token in the provider block.",
        PRODUCTS.map(|product| product.cli).join(" and "),
        list(paths.iter().map(|path| path.display())),
        attributes("or")
    )]
    TwoDefaultFiles {
        /// The files.
        paths: Vec<PathBuf>,
    },
    /// The token belongs to another product than the URL.
    #[error(
        "The token was not sent: it comes from {token_from}, which has the settings of {}, and {url_from} sets the URL of \
         the API that {} uses. Set api_url to the URL of the installation that the token is for, or auth_token to a token \
         for this API.",
        token_product.cli,
        url_product.cli,
    )]
    OtherProduct {
        /// Where the token was found.
        token_from: SettingSource,
        /// The product of the token.
        token_product: &'static Product,
        /// Where the URL was found.
        url_from: SettingSource,
        /// The product of the URL.
        url_product: &'static Product,
    },
}

impl LookupError {
    /// Returns the attribute of the provider block that the error is about. `None` if it is about no single one.
    #[must_use]
    pub fn attribute(&self) -> Option<ProviderAttribute> {
        match self {
            Self::Missing { attribute, .. }
            | Self::Empty { attribute }
            | Self::Unusable { attribute, .. }
            | Self::File { attribute, .. } => Some(*attribute),
            Self::TwoNamedFiles { product } => Some(ProviderAttribute::ConfigFile(product)),
            Self::OtherProduct { .. } => Some(ProviderAttribute::ApiUrl),
            Self::TwoDefaultFiles { .. } => None,
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

/// Returns the attributes that name configuration files.
fn attributes(conjunction: &str) -> String {
    PRODUCTS
        .map(|product| product.config_file_attribute)
        .join(&format!(" {conjunction} "))
}

fn list(items: impl IntoIterator<Item = impl std::fmt::Display>) -> String {
    let items = items.into_iter();
    items.map(|item| format!("\n  - {item}")).collect()
}
