//! Why a lookup fails.

use std::fmt;
use std::path::PathBuf;

use crate::frontend::Frontend;
use crate::orchestrator::settings::{ProviderAttribute, SettingSource};
use crate::product::{PRODUCTS, Product};

/// Why a lookup failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LookupError {
    /// No place has a value.
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
    /// An option of the command is set to an empty text.
    Empty {
        /// The attribute that the option stands for.
        attribute: ProviderAttribute,
    },
    /// A value was found and cannot be used.
    Unusable {
        /// The attribute that sets this value.
        attribute: ProviderAttribute,
        /// Where the value was found.
        found_in: SettingSource,
        /// What is wrong with it.
        problem: String,
    },
    /// A configuration file cannot be used.
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
    TwoNamedFiles {
        /// The product of the first one.
        product: &'static Product,
    },
    /// Each product has a default configuration file, and nothing selects one.
    TwoDefaultFiles {
        /// The files.
        paths: Vec<PathBuf>,
    },
    /// The token is for another API than that of the URL.
    OtherApi {
        /// Where the token was found.
        token_from: SettingSource,
        /// What the token is for.
        token_for: TokenOwner,
        /// Where the URL was found.
        url_from: SettingSource,
    },
}

/// What a token is for, if it is not for the API that is called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TokenOwner {
    /// It is from the settings of one product, and the URL is that of the other one's own API.
    OtherProduct {
        /// The product of the token.
        token_product: &'static Product,
        /// The product of the URL.
        url_product: &'static Product,
    },
    /// It is from a file that has this URL, on another host.
    OtherHost(String),
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
            Self::OtherApi { .. } => Some(ProviderAttribute::ApiUrl),
            Self::TwoDefaultFiles { .. } => None,
        }
    }

    /// Returns the error in the terms of a program.
    #[must_use]
    pub fn text(&self, frontend: Frontend) -> String {
        let config_files = |conjunction: &str| {
            let settings =
                PRODUCTS.map(|product| ProviderAttribute::ConfigFile(product).setting_or_description(frontend));
            settings.join(&format!(" {conjunction} "))
        };
        match self {
            Self::Missing {
                attribute,
                variable,
                places,
                otherwise,
            } => missing(*attribute, variable, places, otherwise, frontend),
            Self::Empty { attribute } => format!(
                "{} is empty. Set it to a value, or remove it.",
                attribute.setting_or_description(frontend)
            ),
            Self::Unusable {
                attribute,
                found_in,
                problem,
            } => match found_in {
                SettingSource::Explicit(..) => {
                    let setting = attribute.setting_or_description(frontend);
                    format!("{setting} cannot be used: {problem}")
                }
                elsewhere => format!(
                    "The {} from {elsewhere} cannot be used: {problem}",
                    attribute.description()
                ),
            },
            Self::File {
                product, path, problem, ..
            } => format!(
                "{}'s configuration file {} cannot be used: {problem}",
                product.cli,
                path.display()
            ),
            Self::TwoNamedFiles { .. } => format!(
                "{} are both set, but only one product's settings can be used. Remove one of them.",
                config_files("and")
            ),
            Self::TwoDefaultFiles { paths } => format!(
                "The configuration files of {} both contain settings, but only one can be used:{}\nSet {} to the path of \
                 one of the files{}.",
                PRODUCTS.map(|product| product.cli).join(" and "),
                list(paths.iter().map(|path| path.display())),
                config_files("or"),
                frontend.words(
                    ", or set all of api_url, org_id, and auth_token in the provider block",
                    ""
                )
            ),
            Self::OtherApi {
                token_from,
                token_for,
                url_from,
            } => {
                let mismatch = match token_for {
                    TokenOwner::OtherProduct {
                        token_product,
                        url_product,
                    } => format!(
                        "which is for {}'s API, but {url_from} sets the URL of {}'s API",
                        token_product.cli, url_product.cli
                    ),
                    TokenOwner::OtherHost(url) => {
                        format!("which is for {url}, but {url_from} sets the URL of another API")
                    }
                };
                format!(
                    "The token was not sent: it comes from {token_from}, {mismatch}. Set {} to the URL of the installation \
                     that the token is for, or use a token for this API.",
                    ProviderAttribute::ApiUrl.setting_or_description(frontend)
                )
            }
        }
    }
}

impl fmt::Display for LookupError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text(Frontend::Terraform))
    }
}

impl std::error::Error for LookupError {}

/// Returns the text about a setting that no place has.
fn missing(
    attribute: ProviderAttribute,
    variable: &str,
    places: &[String],
    otherwise: &str,
    frontend: Frontend,
) -> String {
    let searched = list(places);
    match frontend {
        Frontend::Terraform => {
            let name = attribute.name();
            format!(
                "{name} is not set. Searched in this order:{searched}\nSet {name} in the provider block, export {variable}, \
                 or {otherwise}."
            )
        }
        Frontend::Command => {
            let option = attribute.setting(frontend);
            let option = option.map(|option| format!("use {option}, "));
            format!(
                "The {} is not set. Searched in this order:{searched}\nTo set it, {}export {variable}, or {otherwise}.",
                attribute.description(),
                option.unwrap_or_default()
            )
        }
    }
}

fn list(items: impl IntoIterator<Item = impl std::fmt::Display>) -> String {
    let items = items.into_iter();
    items.map(|item| format!("\n  - {item}")).collect()
}
