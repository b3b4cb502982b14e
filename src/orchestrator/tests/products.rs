//! Which of the two products' settings are used.

use secrecy::{ExposeSecret as _, SecretString};

use crate::orchestrator::{ApiSettings, Environment, ExplicitSettings, LookupError, lookup};
use crate::product::{HUMANITEC, PRODUCTS, Product, STELLWERK};

/// A home directory.
struct Home(tempfile::TempDir);

impl Home {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    /// Writes the default file of a product, and returns its path.
    fn log_in(&self, product: &Product) -> String {
        let folder = self.0.path().join(".config").join(product.cli);
        std::fs::create_dir_all(&folder).unwrap();
        let file = folder.join("config.yaml");
        std::fs::write(&file, config(product)).unwrap();
        file.display().to_string()
    }

    fn environment(&self, variables: &[(&str, &str)]) -> Environment {
        let home = ("HOME", self.0.path().to_str().unwrap());
        Environment::from_variables(variables.iter().copied().chain([home]))
    }
}

fn config(product: &Product) -> String {
    let cli = product.cli;
    format!("api_url: https://{cli}.example\ndefault_org_id: {cli}-org\ntoken: {cli}-token\n")
}

fn with_url(url: &str) -> ExplicitSettings {
    ExplicitSettings {
        api_url: Some(url.to_owned()),
        ..ExplicitSettings::default()
    }
}

fn nothing() -> ExplicitSettings {
    ExplicitSettings::default()
}

/// Returns the URL, the organization, and the token.
fn shown(settings: &ApiSettings) -> [&str; 3] {
    let token = settings.token.as_ref();
    [
        settings.api_url.as_str(),
        &settings.org_id,
        token.map_or("", |token| token.secret.expose_secret()),
    ]
}

/// Returns the text of all errors.
fn errors(explicit: &ExplicitSettings, environment: &Environment) -> String {
    let errors = lookup(explicit, environment).unwrap_err();
    let texts: Vec<_> = errors.iter().map(ToString::to_string).collect();
    texts.join("\n")
}

#[test]
fn each_product_has_its_own_variables_and_files() {
    for product in PRODUCTS {
        let cli = product.cli;
        let [url, org, token] = product.variables();
        let home = Home::new();
        let variables = [(url, "https://env.example"), (org, "o"), (token, "t")];
        let settings = lookup(&nothing(), &home.environment(&variables)).unwrap();
        assert_eq!(shown(&settings), ["https://env.example/", "o", "t"]);
        assert_eq!(settings.product, Some(product));

        let path = home.log_in(product);
        let [url, org, token] = [
            format!("https://{cli}.example/"),
            format!("{cli}-org"),
            format!("{cli}-token"),
        ];
        let from_default = lookup(&nothing(), &home.environment(&[])).unwrap();
        assert_eq!(shown(&from_default), [&url, &org, &token]);
        let named = ExplicitSettings {
            config_files: vec![(product, path)],
            ..nothing()
        };
        let other = Home::new();
        let from_named = lookup(&named, &other.environment(&variables)).unwrap();
        assert_eq!(shown(&from_named), [&url, &org, &token]);
        assert_eq!(from_named.product, Some(product));
    }
}

#[test]
fn the_first_setting_selects_the_product_of_all_others() {
    let home = Home::new();
    let hctl = home.log_in(&HUMANITEC);
    home.log_in(&STELLWERK);
    for (variables, expected) in [
        // A variable selects the file of its product.
        (
            &[("HUMANITEC_ORG_ID", "o")][..],
            ["https://hctl.example/", "o", "hctl-token"],
        ),
        (&[("PO_AUTH_TOKEN", "t")], ["https://octl.example/", "octl-org", "t"]),
        // PO_ variables take precedence, and an empty one is not set.
        (
            &[("PO_ORG_ID", "o"), ("HUMANITEC_AUTH_TOKEN", "t")],
            ["https://octl.example/", "o", "octl-token"],
        ),
        (
            &[("PO_ORG_ID", " "), ("HUMANITEC_AUTH_TOKEN", "t")],
            ["https://hctl.example/", "hctl-org", "t"],
        ),
    ] {
        let settings = lookup(&nothing(), &home.environment(variables)).unwrap();
        assert_eq!(shown(&settings), expected);
    }
    // Humanitec's URL in the block selects Humanitec's settings.
    let of_saas = config(&HUMANITEC).replace("hctl.example", "api.humanitec.dev");
    std::fs::write(hctl, of_saas).unwrap();
    let saas = with_url("https://api.humanitec.dev");
    let settings = lookup(&saas, &home.environment(&[("PO_AUTH_TOKEN", "t")])).unwrap();
    assert_eq!(
        shown(&settings),
        ["https://api.humanitec.dev/", "hctl-org", "hctl-token"]
    );
}

/// A user with the variables of both products sees which are used.
#[test]
fn variables_that_are_not_used_are_named() {
    let home = Home::new();
    let both = [
        ("PO_API_URL", "https://po.example.com"),
        ("PO_AUTH_TOKEN", "t"),
        ("PO_ORG_ID", "o"),
        ("HUMANITEC_ORG_ID", "h"),
        ("HUMANITEC_AUTH_TOKEN", "t"),
    ];
    let settings = lookup(&nothing(), &home.environment(&both)).unwrap();
    assert_eq!(
        settings.ignored().unwrap(),
        "The environment has variables of both products, and those of octl take precedence. Not used: HUMANITEC_ORG_ID, \
         HUMANITEC_AUTH_TOKEN. Unset the variables of one product."
    );
    let one = lookup(&nothing(), &home.environment(&both[..3])).unwrap();
    assert_eq!(one.ignored(), None);
    // The block selects a product.
    let saas = with_url("https://api.humanitec.dev");
    let selected = lookup(&saas, &home.environment(&both)).unwrap();
    assert_eq!(selected.ignored(), None);
}

#[test]
fn two_logins_are_an_error_unless_a_setting_selects_one() {
    let home = Home::new();
    let paths = [home.log_in(&STELLWERK), home.log_in(&HUMANITEC)];
    let text = errors(&nothing(), &home.environment(&[]));
    assert_eq!(
        text,
        format!(
            "The configuration files of octl and hctl both contain settings, but only one can be used:\n  - {}\n  - {}\nSet \
             octl_config_file or hctl_config_file to the path of one of the files, or set all of api_url, org_id, and \
             auth_token in the provider block.",
            paths[0], paths[1]
        )
    );
    let complete = ExplicitSettings {
        org_id: Some("o".to_owned()),
        auth_token: Some(SecretString::from("t")),
        ..with_url("https://po.example.com")
    };
    let settings = lookup(&complete, &home.environment(&[])).unwrap();
    assert_eq!(shown(&settings), ["https://po.example.com/", "o", "t"]);
    assert_eq!(settings.product, None);
    // After a logout, the file of the other product has no values.
    std::fs::write(&paths[1], "other: value\n").unwrap();
    let settings = lookup(&nothing(), &home.environment(&[])).unwrap();
    assert_eq!(shown(&settings)[1], "octl-org");
}

#[test]
fn a_token_is_not_sent_to_the_other_product() {
    let home = Home::new();
    let hctl = home.log_in(&HUMANITEC);
    // A URL of one product, and the token of the other.
    let text = errors(
        &nothing(),
        &home.environment(&[("PO_API_URL", "https://po.example.com"), ("PO_ORG_ID", "o")]),
    );
    let line = format!(
        "  - `token` in the file {hctl}: not used, because the environment variable PO_API_URL selects the settings of \
         octl\n"
    );
    assert!(
        text.starts_with("auth_token is not set") && text.contains(&line),
        "{text}"
    );

    // A token of the product that has no default URL.
    let text = errors(
        &nothing(),
        &Home::new().environment(&[("PO_AUTH_TOKEN", "t"), ("PO_ORG_ID", "o")]),
    );
    assert!(text.starts_with("api_url is not set"), "{text}");

    // Humanitec's URL, and a token of an installation.
    let saas = with_url("https://api.humanitec.dev/");
    let text = errors(&saas, &Home::new().environment(&[("PO_AUTH_TOKEN", "t")]));
    let line = "  - the environment variable PO_AUTH_TOKEN: not used, because `api_url` in the provider block selects \
                the settings of hctl\n";
    assert!(text.contains(line), "{text}");
    let file = Home::new();
    let named = ExplicitSettings {
        config_files: vec![(&STELLWERK, file.log_in(&STELLWERK))],
        ..saas
    };
    let found = lookup(&named, &file.environment(&[])).unwrap_err();
    assert!(matches!(found[..], [LookupError::OtherApi { .. }]), "{found:?}");
    let text = found[0].to_string();
    let expected = format!(
        "The token was not sent: it comes from `token` in the file {}, which is for octl's API, but `api_url` in the \
         provider block sets the URL of hctl's API. Set api_url to the URL of the installation that the token is for, or \
         use a token for this API.",
        named.config_files[0].1
    );
    assert_eq!(text, expected);
}

/// The host decides: another scheme, another port, or a dot at its end are the same API.
#[test]
fn a_token_is_not_sent_to_the_own_api_of_the_other_product() {
    let org = ("PO_ORG_ID", "o");
    for url in [
        "https://api.humanitec.dev",
        "http://api.humanitec.dev",
        "https://API.humanitec.dev.:8443/x",
    ] {
        let variables = [("PO_API_URL", url), ("PO_AUTH_TOKEN", "t0ken-of-octl"), org];
        let text = errors(&nothing(), &Home::new().environment(&variables));
        assert!(
            text.contains(
                "The token was not sent: it comes from the environment variable PO_AUTH_TOKEN, which is for \
                           octl's API, but the environment variable PO_API_URL sets the URL of hctl's API."
            ),
            "{text}"
        );
        // The block selects Humanitec, so nothing of octl is used.
        let text = errors(&with_url(url), &Home::new().environment(&variables[1..]));
        assert!(text.contains("PO_AUTH_TOKEN: not used"), "{text}");
    }
    let own = with_url("https://api.stellwerk.localhost");
    let variables = [("HUMANITEC_AUTH_TOKEN", "t"), ("HUMANITEC_ORG_ID", "o")];
    let text = errors(&own, &Home::new().environment(&variables));
    assert!(text.contains("HUMANITEC_AUTH_TOKEN: not used"), "{text}");
    // A token in the block is what the user wants.
    let explicit = ExplicitSettings {
        auth_token: Some(SecretString::from("t")),
        ..nothing()
    };
    let variables = [("PO_API_URL", "https://api.humanitec.dev"), org];
    assert!(lookup(&explicit, &Home::new().environment(&variables)).is_ok());
}

/// A file pairs the token with its own URL. Another host in the block does not get it.
#[test]
fn a_token_is_not_sent_to_another_host_than_that_of_its_file() {
    let home = Home::new();
    let path = home.log_in(&STELLWERK);
    let org = ("PO_ORG_ID", "o");
    let other = "https://other.example.com";
    let named = ExplicitSettings {
        config_files: vec![(&STELLWERK, path.clone())],
        ..with_url(other)
    };
    for (explicit, environment) in [
        (with_url(other), home.environment(&[org])),
        (named, home.environment(&[])),
    ] {
        let expected = format!(
            "The token was not sent: it comes from `token` in the file {path}, which is for https://octl.example/, but \
             `api_url` in the provider block sets the URL of another API. Set api_url to the URL of the installation that \
             the token is for, or use a token for this API."
        );
        assert_eq!(errors(&explicit, &environment), expected);
    }
    // The variable of the product's own URL replaces the URL of its file.
    let settings = lookup(&nothing(), &home.environment(&[("PO_API_URL", other)])).unwrap();
    assert_eq!(shown(&settings)[2], "octl-token");
    // The same host is the same installation.
    let same = with_url("https://OCTL.example:8443/api");
    assert!(lookup(&same, &home.environment(&[org])).is_ok());
    // A token in the block is what the user wants.
    let explicit = ExplicitSettings {
        auth_token: Some(SecretString::from("t")),
        ..with_url(other)
    };
    assert!(lookup(&explicit, &home.environment(&[org])).is_ok());
}

#[test]
fn a_block_cannot_name_the_files_of_both_products() {
    let home = Home::new();
    let config_files = PRODUCTS.map(|product| (product, home.log_in(product)));
    let explicit = ExplicitSettings {
        config_files: config_files.to_vec(),
        ..nothing()
    };
    assert_eq!(
        errors(&explicit, &home.environment(&[])),
        "octl_config_file and hctl_config_file are both set, but only one product's settings can be used. Remove one of \
         them."
    );
}
