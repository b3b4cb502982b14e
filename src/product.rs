//! The two products that the Platform Orchestrator is offered as, and the names of their settings.
//!
//! Humanitec offers it as a service. stellwerk-labs publishes it as open source, with the same API. The names are those
//! of the two command lines and of the two Go providers, `humanitec/platform-orchestrator` and
//! `stellwerk-labs/platform-orchestrator`.

/// A product, and the names of its settings.
#[derive(Debug, PartialEq, Eq)]
pub struct Product {
    /// The name of its command line, and of the folder of that command line's configuration file.
    pub cli: &'static str,
    /// The attribute of the provider block that names a configuration file of the command line.
    pub config_file_attribute: &'static str,
    /// The environment variable for the URL of the API.
    pub api_url_variable: &'static str,
    /// The environment variable for the organization's ID.
    pub org_id_variable: &'static str,
    /// The environment variable for the token.
    pub auth_token_variable: &'static str,
    /// The URL of its API. `None` if each installation has its own.
    pub default_url: Option<&'static str>,
    /// The host name of the API that its own Go provider uses by default. No token of another product is sent to it.
    pub own_host: &'static str,
}

/// Humanitec's service.
pub static HUMANITEC: Product = Product {
    cli: "hctl",
    config_file_attribute: "hctl_config_file",
    api_url_variable: "HUMANITEC_API_URL",
    org_id_variable: "HUMANITEC_ORG_ID",
    auth_token_variable: "HUMANITEC_AUTH_TOKEN",
    default_url: Some("https://api.humanitec.dev"),
    own_host: "api.humanitec.dev",
};

/// The open-source product of stellwerk-labs. The default of its Go provider, `https://api.stellwerk.localhost`, is an
/// installation on the same machine, so it is not a default here.
pub static STELLWERK: Product = Product {
    cli: "octl",
    config_file_attribute: "octl_config_file",
    api_url_variable: "PO_API_URL",
    org_id_variable: "PO_ORG_ID",
    auth_token_variable: "PO_AUTH_TOKEN",
    default_url: None,
    own_host: "api.stellwerk.localhost",
};

/// All products. If the environment sets variables of several, the first one in this list is used.
pub static PRODUCTS: [&Product; 2] = [&STELLWERK, &HUMANITEC];

impl Product {
    /// Returns all of its environment variables.
    #[must_use]
    pub fn variables(&self) -> [&'static str; 3] {
        [self.api_url_variable, self.org_id_variable, self.auth_token_variable]
    }
}

/// Returns one name of each product, joined by "or".
pub(crate) fn names(name: fn(&Product) -> &'static str) -> String {
    PRODUCTS.map(name).join(" or ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_documentation_has_every_name() {
        let docs = include_str!("../templates/index.md.tmpl");
        let command = include_str!("../templates/guides/eks-runner-command.md");
        for product in PRODUCTS {
            for name in product.variables() {
                assert!(docs.contains(name) && command.contains(name), "{name}");
            }
            assert!(docs.contains(product.config_file_attribute));
            assert!(docs.contains(&format!("`{}/config.yaml`", product.cli)));
            assert!(command.contains(&format!("--{}-config-file", product.cli)));
        }
    }
}
