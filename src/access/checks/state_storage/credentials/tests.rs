use std::collections::BTreeMap;

use super::*;

/// What a container with these variables and volumes has for a backend, in short.
fn found(backend: &Backend, variables: &[(&str, &str)], mounts: &[&str]) -> String {
    found_in(backend, variables, mounts, false)
}

/// The same with or without a resource group.
fn found_in(backend: &Backend, variables: &[(&str, &str)], mounts: &[&str], has_group: bool) -> String {
    let env: Vec<Value> = variables
        .iter()
        .map(|(name, value)| json!({"name": name, "value": value}))
        .collect();
    let mounts: Vec<Value> = mounts.iter().map(|path| json!({"mountPath": path})).collect();
    let main = json!({"name": MAIN, "env": env, "volumeMounts": mounts});
    let environment = ContainerEnvironment::new(main, BTreeMap::new());
    let container = Container {
        environment: &environment,
        has_group,
    };
    match container.find(backend) {
        Found::Credentials(names) => names.join(" "),
        Found::Later(names) => format!("later: {}", names.join(" ")),
        Found::Incomplete { method, lacking } => format!("{method} needs {lacking}"),
        Found::Unread(_) => "unread".to_owned(),
        Found::Nothing => "nothing".to_owned(),
    }
}

const ACCOUNT: &str =
    "ARM_USE_AZUREAD set to true (or ARM_SUBSCRIPTION_ID and resource_group_name of the state storage)";
const TENANT: (&str, &str) = ("ARM_TENANT_ID", "t");
const CLIENT: (&str, &str) = ("ARM_CLIENT_ID", "c");
const SUBSCRIPTION: (&str, &str) = ("ARM_SUBSCRIPTION_ID", "s");
const AZUREAD: (&str, &str) = ("ARM_USE_AZUREAD", "1");
const SECRET: (&str, &str) = ("ARM_CLIENT_SECRET", "s");
const OIDC: (&str, &str) = ("ARM_USE_OIDC", "True");
const TOKEN: (&str, &str) = ("ARM_OIDC_TOKEN", "o");

/// Tried with OpenTofu 1.10.0 and 1.12.6.
#[test]
fn a_service_principal_reads_the_state_itself_or_by_the_key_of_a_resource_group() {
    let all = "ARM_CLIENT_SECRET ARM_TENANT_ID ARM_CLIENT_ID ARM_SUBSCRIPTION_ID";
    let principal = [TENANT, CLIENT, SECRET];
    for (others, has_group, expected) in [
        (&[SUBSCRIPTION][..], false, format!("ARM_CLIENT_SECRET needs {ACCOUNT}")),
        (&[SUBSCRIPTION], true, all.to_owned()),
        (&[SUBSCRIPTION, AZUREAD], false, format!("{all} ARM_USE_AZUREAD")),
        // 1.10 demands a subscription that it does not use.
        (
            &[AZUREAD],
            false,
            "later: ARM_CLIENT_SECRET ARM_TENANT_ID ARM_CLIENT_ID ARM_USE_AZUREAD".to_owned(),
        ),
        (
            &[],
            true,
            format!("ARM_CLIENT_SECRET needs ARM_SUBSCRIPTION_ID and {ACCOUNT}"),
        ),
    ] {
        let variables = [&principal[..], others].concat();
        let found = found_in(&AZURERM, &variables, &[], has_group);
        assert_eq!(found, expected, "{others:?} {has_group}");
    }
}

#[test]
fn azurerm_needs_all_variables_of_a_method() {
    let principal = [TENANT, CLIENT, SUBSCRIPTION, AZUREAD];
    let with = |others: &[(&'static str, &'static str)]| [&principal[..], others].concat();
    let file = ("ARM_CLIENT_CERTIFICATE_PATH", "/s/x");
    let later_file = ("ARM_CLIENT_SECRET_FILE_PATH", "/s/x");
    let request_token = ("ARM_OIDC_REQUEST_TOKEN", "r");
    let request_url = ("ACTIONS_ID_TOKEN_REQUEST_URL", "https://u");
    let msi = ("ARM_USE_MSI", "true");
    for (variables, mounts, expected) in [
        (vec![("ARM_ACCESS_KEY", "k")], &[][..], "ARM_ACCESS_KEY"),
        (vec![("ARM_SAS_TOKEN", "s")], &[], "ARM_SAS_TOKEN"),
        (with(&[file]), &["/s"], "ARM_CLIENT_CERTIFICATE_PATH "),
        (
            with(&[file]),
            &["/s/y"],
            "ARM_CLIENT_CERTIFICATE_PATH needs a volume with the file /s/x",
        ),
        // The first method that the container selects counts.
        (
            vec![file, SECRET, OIDC, TOKEN, TENANT, CLIENT, AZUREAD],
            &["/s"],
            "later: ARM_CLIENT_CERTIFICATE_PATH ",
        ),
        (with(&[later_file]), &["/s"], "later: ARM_CLIENT_SECRET_FILE_PATH "),
        (with(&[later_file]), &["/s/y"], "nothing"),
        (with(&[TOKEN]), &[], "nothing"),
        (with(&[TOKEN, OIDC]), &[], "ARM_USE_OIDC ARM_OIDC_TOKEN "),
        (with(&[TOKEN, ("ARM_USE_OIDC", "false")]), &[], "nothing"),
        (with(&[OIDC]), &[], "nothing"),
        (with(&[OIDC, request_token]), &[], "nothing"),
        (
            with(&[OIDC, request_token, request_url]),
            &[],
            "ARM_USE_OIDC ARM_OIDC_REQUEST_TOKEN ACTIONS_ID_TOKEN_REQUEST_URL ",
        ),
        (
            vec![OIDC, TOKEN, TENANT, CLIENT, AZUREAD],
            &[],
            "ARM_USE_OIDC ARM_OIDC_TOKEN ",
        ),
        (
            with(&[OIDC, ("AZURE_FEDERATED_TOKEN_FILE", "/s/t")]),
            &["/s"],
            "later: ARM_USE_OIDC AZURE_FEDERATED_TOKEN_FILE ",
        ),
        (with(&[msi]), &[], "ARM_USE_MSI needs ARM_MSI_ENDPOINT"),
        (
            with(&[msi, ("MSI_ENDPOINT", "x")]),
            &[],
            "later: ARM_USE_MSI MSI_ENDPOINT ",
        ),
        (
            with(&[msi, ("ARM_MSI_ENDPOINT", "x")]),
            &[],
            "ARM_USE_MSI ARM_MSI_ENDPOINT ",
        ),
        (
            with(&[("ARM_USE_MSI", "false"), ("ARM_MSI_ENDPOINT", "x")]),
            &[],
            "nothing",
        ),
    ] {
        let found = found(&AZURERM, &variables, mounts);
        assert!(found.starts_with(expected), "{variables:?} {mounts:?} {found}");
    }
}

#[test]
fn the_first_variable_of_gcs_decides() {
    const JSON: &str = "{\"type\": \"x\"}";
    let (usual, backend) = ("GOOGLE_CREDENTIALS", "GOOGLE_BACKEND_CREDENTIALS");
    let (file, token) = ("GOOGLE_APPLICATION_CREDENTIALS", "GOOGLE_OAUTH_ACCESS_TOKEN");
    let wrong = |name: &str| format!("{name} needs a JSON object or the path of a file in a volume as its value");
    for (variables, expected) in [
        (&[(usual, "neither"), (file, "/g/key.json")][..], wrong(usual)),
        (&[(backend, "{"), (usual, JSON)], wrong(backend)),
        (&[(usual, "neither"), (backend, JSON)], backend.to_owned()),
        (&[(token, "t"), (usual, "neither")], token.to_owned()),
        (&[(usual, ""), (file, "/g/key.json")], file.to_owned()),
        (&[], "nothing".to_owned()),
    ] {
        assert_eq!(found(&GCS, variables, &["/g"]), expected, "{variables:?}");
    }
}

#[test]
fn a_file_of_gcs_is_in_a_volume() {
    let path = "/secrets/key.json";
    let no_volume = "GOOGLE_APPLICATION_CREDENTIALS needs a volume with the file /secrets/key.json";
    for (name, mounts, expected) in [
        ("GOOGLE_APPLICATION_CREDENTIALS", &[][..], no_volume),
        (
            "GOOGLE_APPLICATION_CREDENTIALS",
            &["/secrets/"],
            "GOOGLE_APPLICATION_CREDENTIALS",
        ),
        (
            "GOOGLE_APPLICATION_CREDENTIALS",
            &[path],
            "GOOGLE_APPLICATION_CREDENTIALS",
        ),
        ("GOOGLE_APPLICATION_CREDENTIALS", &["/secret"], no_volume),
        ("GOOGLE_CREDENTIALS", &["/secrets"], "GOOGLE_CREDENTIALS"),
    ] {
        assert_eq!(found(&GCS, &[(name, path)], mounts), expected, "{name} {mounts:?}");
    }
}
