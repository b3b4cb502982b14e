//! Where the settings come from.

use std::path::Path;

use secrecy::{ExposeSecret as _, SecretString};

use crate::frontend::Frontend;
use crate::orchestrator::{
    ApiSettings, Environment, ExplicitSettings, LookupError, ProviderAttribute, SettingSource, lookup,
};
use crate::product::HUMANITEC;

/// A home directory with a default file of `hctl` in it.
struct Home(tempfile::TempDir);

impl Home {
    fn new(default_file: Option<&str>) -> Self {
        let home = Self(tempfile::tempdir().unwrap());
        if let Some(text) = default_file {
            std::fs::create_dir_all(home.path().join(".config/hctl")).unwrap();
            std::fs::write(home.path().join(".config/hctl/config.yaml"), text).unwrap();
        }
        home
    }

    fn path(&self) -> &Path {
        self.0.path()
    }

    fn file(&self) -> String {
        self.path().join(".config/hctl/config.yaml").display().to_string()
    }

    fn environment(&self, variables: &[(&str, &str)]) -> Environment {
        let home = ("HOME", self.path().to_str().unwrap());
        Environment::from_variables(variables.iter().copied().chain([home]))
    }
}

const FILE: &str = "api_url: https://file.example\ndefault_org_id: file-org\ntoken: file-token\n";
const VARIABLES: [(&str, &str); 3] = [
    ("HUMANITEC_API_URL", "https://env.example"),
    ("HUMANITEC_ORG_ID", "env-org"),
    ("HUMANITEC_AUTH_TOKEN", "env-token"),
];

fn block() -> ExplicitSettings {
    ExplicitSettings {
        api_url: Some("https://block.example".to_owned()),
        org_id: Some("block-org".to_owned()),
        auth_token: Some(SecretString::from("block-token")),
        ..ExplicitSettings::default()
    }
}

fn shown(settings: &ApiSettings) -> (String, String, Option<String>) {
    (
        settings.api_url.to_string(),
        settings.org_id.clone(),
        settings
            .token
            .as_ref()
            .map(|token| token.secret.expose_secret().to_owned()),
    )
}

fn all_from(place: &str) -> (String, String, Option<String>) {
    (
        format!("https://{place}.example/"),
        format!("{place}-org"),
        Some(format!("{place}-token")),
    )
}

fn one_error(explicit: &ExplicitSettings, environment: &Environment) -> LookupError {
    let mut errors = lookup(explicit, environment).unwrap_err();
    assert_eq!(errors.len(), 1, "{errors:?}");
    errors.remove(0)
}

#[test]
fn the_places_are_searched_in_order() {
    let home = Home::new(Some(FILE));
    let named = home.path().join("named.yaml");
    std::fs::write(&named, FILE.replace("file", "named")).unwrap();
    let named_only = ExplicitSettings {
        config_files: vec![(&HUMANITEC, named.display().to_string())],
        ..ExplicitSettings::default()
    };
    let all = home.environment(&VARIABLES);
    let everything = ExplicitSettings {
        config_files: named_only.config_files.clone(),
        ..block()
    };

    let from_block = lookup(&everything, &all).unwrap();
    assert_eq!(shown(&from_block), all_from("block"));
    assert_eq!(
        from_block.token.unwrap().source,
        SettingSource::Explicit(Frontend::Terraform, ProviderAttribute::AuthToken)
    );

    let from_named = lookup(&named_only, &all).unwrap();
    assert_eq!(shown(&from_named), all_from("named"));
    let source = from_named.token.unwrap().source;
    assert_eq!(source.to_string(), format!("`token` in the file {}", named.display()));

    let from_environment = lookup(&ExplicitSettings::default(), &all).unwrap();
    assert_eq!(shown(&from_environment), all_from("env"));
    let source = from_environment.token.unwrap().source;
    assert_eq!(source.to_string(), "the environment variable HUMANITEC_AUTH_TOKEN");

    let from_default = lookup(&ExplicitSettings::default(), &home.environment(&[])).unwrap();
    assert_eq!(shown(&from_default), all_from("file"));
}

#[test]
fn each_value_is_searched_on_its_own() {
    let home = Home::new(Some("token: file-token\ndefault_org_id: ''\n"));
    let explicit = ExplicitSettings {
        org_id: Some("block-org".to_owned()),
        ..ExplicitSettings::default()
    };
    let settings = lookup(&explicit, &home.environment(&[("HUMANITEC_API_URL", " ")])).unwrap();
    assert_eq!(
        shown(&settings),
        (
            "https://api.humanitec.dev/".to_owned(),
            "block-org".to_owned(),
            Some("file-token".to_owned())
        )
    );
}

#[test]
fn the_default_file_is_not_read_when_another_is_named() {
    let home = Home::new(Some(FILE));
    std::fs::write(home.path().join("named.yaml"), "default_org_id: o\n").unwrap();
    let explicit = ExplicitSettings {
        config_files: vec![(&HUMANITEC, "~/named.yaml".to_owned())],
        ..ExplicitSettings::default()
    };
    let error = one_error(&explicit, &home.environment(&[]));
    assert_eq!(
        error.to_string(),
        format!(
            "auth_token is not set. Searched in this order:\n  - `auth_token` in the provider block: not set\n  \
             - the file {0}: has no `token`\n  - the environment variable HUMANITEC_AUTH_TOKEN: not set\n  \
             - hctl's default file: not read, because hctl_config_file is set\n\
             Set auth_token in the provider block, export HUMANITEC_AUTH_TOKEN, or add `token` to the file {0}.",
            home.path().join("named.yaml").display()
        )
    );
}

#[test]
fn a_missing_value_is_reported_with_every_place() {
    let home = Home::new(None);
    let environment = home.environment(&[("HUMANITEC_ORG_ID", "")]);
    let errors = lookup(&ExplicitSettings::default(), &environment).unwrap_err();
    let attributes: Vec<_> = errors.iter().filter_map(LookupError::attribute).collect();
    assert_eq!(attributes, [ProviderAttribute::OrgId, ProviderAttribute::AuthToken]);
    assert_eq!(
        errors[0].to_string(),
        format!(
            "org_id is not set. Searched in this order:\n  - `org_id` in the provider block: not set\n  \
             - the environment variable PO_ORG_ID: not set\n  \
             - the environment variable HUMANITEC_ORG_ID: empty\n  - the file {}: does not exist\n  \
             - the file {}: does not exist\n\
             Set org_id in the provider block, export PO_ORG_ID or HUMANITEC_ORG_ID, or log in with octl or hctl.",
            home.file().replace("hctl", "octl"),
            home.file()
        )
    );

    let empty = ExplicitSettings {
        empty: vec![ProviderAttribute::OrgId],
        ..ExplicitSettings::default()
    };
    let errors = lookup(&empty, &environment).unwrap_err();
    let line = "\n  - `org_id` in the provider block: empty\n";
    assert!(errors[0].to_string().contains(line), "{}", errors[0]);

    let home = Home::new(Some("api_url: https://a.example\ntoken: \"\"\ndefault_org_id: o\n"));
    let error = one_error(&ExplicitSettings::default(), &home.environment(&[]));
    let line = format!("the file {}: its `token` is empty", home.file());
    assert!(error.to_string().contains(&line), "{error}");

    let errors = lookup(&ExplicitSettings::default(), &Environment::from_variables([])).unwrap_err();
    assert!(
        errors[0].to_string().contains("the home directory is not known"),
        "{}",
        errors[0]
    );
}

#[test]
fn a_named_file_must_exist_and_be_valid_even_if_no_value_is_taken_from_it() {
    let home = Home::new(None);
    for (name, content, expected) in [
        ("missing.yaml", None, "it does not exist"),
        (".", None, "it is not a file"),
        ("syntax.yaml", Some("api_url: a\n  token: s3cret\n"), "line 2, column "),
        ("type.yaml", Some("token: [s3cret]\n"), "line 1, column 8: "),
        ("binary.yaml", Some("\0\u{1}"), "not the YAML that octl or hctl writes"),
    ] {
        let path = home.path().join(name);
        if let Some(content) = content {
            std::fs::write(&path, content).unwrap();
        }
        let explicit = ExplicitSettings {
            config_files: vec![(&HUMANITEC, path.display().to_string())],
            ..block()
        };
        let error = one_error(&explicit, &home.environment(&[]));
        assert_eq!(error.attribute(), Some(ProviderAttribute::ConfigFile(&HUMANITEC)));
        let text = error.to_string();
        assert!(
            text.contains(expected) && text.contains(&path.display().to_string()),
            "{text}"
        );
        assert!(!text.contains("s3cret"), "{text}");
    }
}

#[test]
fn a_broken_default_file_matters_only_if_a_value_is_searched_in_it() {
    let home = Home::new(Some("api_url: [\n"));
    lookup(&block(), &home.environment(&[])).unwrap();
    lookup(&ExplicitSettings::default(), &home.environment(&VARIABLES)).unwrap();

    let error = one_error(&ExplicitSettings::default(), &home.environment(&[]));
    assert_eq!(error.attribute(), Some(ProviderAttribute::ApiUrl));
    assert!(error.to_string().contains(&home.file()), "{error}");
    let error = one_error(&ExplicitSettings::default(), &home.environment(&VARIABLES[..2]));
    assert_eq!(error.attribute(), Some(ProviderAttribute::AuthToken));
}

#[test]
fn an_empty_option_is_an_error_of_its_own() {
    let home = Home::new(Some(FILE));
    let block = || ExplicitSettings {
        frontend: Frontend::Command,
        ..block()
    };
    let empty = || Some(String::new());
    for (attribute, explicit) in [
        (
            ProviderAttribute::ApiUrl,
            ExplicitSettings {
                api_url: empty(),
                ..block()
            },
        ),
        (
            ProviderAttribute::OrgId,
            ExplicitSettings {
                org_id: empty(),
                ..block()
            },
        ),
        (
            ProviderAttribute::OrgId,
            ExplicitSettings {
                org_id: Some("  ".to_owned()),
                ..block()
            },
        ),
        (
            ProviderAttribute::AuthToken,
            ExplicitSettings {
                auth_token: Some(SecretString::from("\n")),
                ..block()
            },
        ),
        (
            ProviderAttribute::ConfigFile(&HUMANITEC),
            ExplicitSettings {
                config_files: vec![(&HUMANITEC, String::new())],
                ..block()
            },
        ),
    ] {
        let error = one_error(&explicit, &home.environment(&VARIABLES));
        assert_eq!(error, LookupError::Empty { attribute });
        let text = error.text(Frontend::Command);
        assert!(text.ends_with("is empty. Set it to a value, or remove it."), "{text}");
    }
}

#[test]
fn usable_urls() {
    for (text, expected) in [
        ("https://api.humanitec.dev", "https://api.humanitec.dev/"),
        ("https://api.humanitec.dev/", "https://api.humanitec.dev/"),
        (
            " http://localhost:8080/base/path/ \n",
            "http://localhost:8080/base/path/",
        ),
        ("HTTPS://Example.COM", "https://example.com/"),
        ("http://[::1]:8080", "http://[::1]:8080/"),
    ] {
        let explicit = ExplicitSettings {
            api_url: Some(text.to_owned()),
            ..block()
        };
        let settings = lookup(&explicit, &Environment::from_variables([])).unwrap();
        assert_eq!(settings.api_url.as_str(), expected);
    }
}

#[test]
fn unusable_urls() {
    for (text, expected) in [
        (
            "api.humanitec.dev",
            "the value `api.humanitec.dev` is not a URL (relative URL without a base)",
        ),
        (
            "localhost:8080",
            "the URL `localhost:8080` does not begin with http:// or https://",
        ),
        ("ftp://a.example", "does not begin with http:// or https://"),
        ("https://", "is not a URL (empty host)"),
        ("https://a.example:99999", "is not a URL (invalid port number)"),
        ("https://a.example/?s3cret", "the URL contains a query or a fragment"),
        ("https://a.example/#s3cret", "the URL contains a query or a fragment"),
        (
            "https://ann:s3cret@a.example",
            "the URL contains a user name or password",
        ),
        ("https://s3cret@a.example", "the URL contains a user name or password"),
        ("https://ann:s3cret@a exa.mple", "the value is not a URL"),
    ] {
        let explicit = ExplicitSettings {
            api_url: Some(text.to_owned()),
            ..block()
        };
        let error = one_error(&explicit, &Environment::from_variables([]));
        assert_eq!(error.attribute(), Some(ProviderAttribute::ApiUrl));
        let text_shown = error.to_string();
        assert!(text_shown.starts_with("api_url cannot be used: "), "{text_shown}");
        assert!(text_shown.contains(expected), "{text}: {text_shown}");
        assert!(!text_shown.contains("s3cret"), "{text_shown}");
    }
}

#[test]
fn only_localhost_needs_no_token() {
    for (url, needs) in [
        ("http://localhost:8080", false),
        ("https://LOCALHOST/base", false),
        ("http://127.0.0.1:8080", true),
        ("http://[::1]", true),
        ("http://localhost.example", true),
        ("https://api.humanitec.dev", true),
    ] {
        let explicit = ExplicitSettings {
            api_url: Some(url.to_owned()),
            auth_token: None,
            ..block()
        };
        let result = lookup(&explicit, &Environment::from_variables([]));
        assert_eq!(result.is_err(), needs, "{url}");
        if let Ok(settings) = result {
            assert!(settings.token.is_none());
        }
        let with_token = Environment::from_variables([("HUMANITEC_AUTH_TOKEN", "t")]);
        assert!(lookup(&explicit, &with_token).unwrap().token.is_some(), "{url}");
    }
}

#[test]
fn a_token_is_trimmed_and_must_fit_into_a_header() {
    let explicit = |token: &str| ExplicitSettings {
        auth_token: Some(SecretString::from(token)),
        ..block()
    };
    let settings = lookup(&explicit("from-a-file\n"), &Environment::from_variables([])).unwrap();
    assert_eq!(shown(&settings).2.as_deref(), Some("from-a-file"));
    for bad in ["s3cret s3cret", "s3cret\r\nX: y", "s3crét", "s3cret\0"] {
        let error = one_error(&explicit(bad), &Environment::from_variables([]));
        assert_eq!(error.attribute(), Some(ProviderAttribute::AuthToken));
        assert!(!error.to_string().contains("s3cr"), "{error}");
    }
}

#[test]
fn an_organization_without_a_url_is_refused() {
    let explicit = ExplicitSettings {
        org_id: Some("..".to_owned()),
        ..block()
    };
    let error = one_error(&explicit, &Environment::from_variables([]));
    assert_eq!(
        error.to_string(),
        "org_id cannot be used: `..` is not the ID of an organization"
    );
}

#[test]
fn no_secret_is_in_a_debug_text() {
    let home = Home::new(Some(FILE));
    let environment = home.environment(&VARIABLES);
    let settings = lookup(&block(), &environment).unwrap();
    for text in [
        format!("{:?}", block()),
        format!("{settings:?}"),
        format!("{environment:?}"),
    ] {
        assert!(!text.contains("-token"), "{text}");
    }
}
