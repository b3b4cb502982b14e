//! The provider block: wrong values, unknown values, and the sources of the settings.

use super::runner_with;
use crate::cli::{Cli, Workspace};
use crate::configuration::{Runner, provider_with};
use crate::stand_in::StandIn;

/// Each wrong value of `eks_access`, on the last of its lines, and what the error says.
const EKS_ACCESS: &[(&str, &str)] = &[
    (
        "plan = \"sometimes\"",
        "\"sometimes\" is not a valid value. Use one of: \"off\", \"warn\", \"error\"",
    ),
    (
        "apply = \"yes\"",
        "\"yes\" is not a valid value. Use one of: \"off\", \"warn\", \"error\"",
    ),
    (
        "incomplete = \"off\"",
        "\"off\" is not a valid value. Use one of: \"ignore\", \"warn\", \"error\"",
    ),
    ("skip_checks = [\"role-trusts\"]", "role-trusts"),
    (
        "as = \"admin\"",
        "\"admin\" is not a valid value. Use one of: \"caller\", \"runner\"",
    ),
    ("timeout = \"2 minutes\"", "2 minutes"),
    ("timeout = \"400000000000y\"", "400000000000y"),
    ("profile = \"\"", "The profile is empty"),
    ("assume_role = { role_arn = \"my-role\" }", "is not an ARN"),
    (
        "assume_role = { role_arn = \"arn:aws:iam::123456789012:role/r\", session_name = \"a b\" }",
        "is not the name of a session",
    ),
    (
        "assume_role = { role_arn = \"arn:aws:iam::123456789012:role/r\", external_id = \"a\" }",
        "is not an external ID",
    ),
    ("as = \"runner\"\nweb_identity_token_file = \"\"", "The path is empty"),
    ("kubeconfig = { path = \"k\", context = \"\" }", "The context is empty"),
    (
        "web_identity_token_file = \"token\"",
        "The file is used only to assume the runner's role",
    ),
    ("oidc_issuer = \"oidc.example\"", "is not an OIDC issuer"),
    ("runner_image = \"my image\"", "is not the name of an image"),
    ("orchestrator_cidrs = [\"here\"]", "is not a valid CIDR block"),
    ("kubeconfig = { path = \"\" }", "The path is empty"),
    (
        "as = \"runner\"\nkubeconfig = { path = \"k\" }",
        "Remove it, or set as = \"caller\"",
    ),
];

/// Each wrong value is reported at validate with its line.
pub(super) fn wrong_eks_access(cli: &Cli) {
    let workspace = Workspace::new(cli, &provider_with(""));
    workspace.init();
    for (lines, text) in EKS_ACCESS {
        let block = provider_with(&format!("eks_access = {{\n{lines}\n}}\n"));
        workspace.write("main.tf", &(block + &Runner::basic().block()));
        let output = workspace.validate().fails();
        output.has("Error: Invalid eks_access").has(text);
        output.has(lines.lines().last().unwrap_or_default());
        let errors = output.text.matches("Error: ").count();
        assert_eq!(errors, 1, "one error for {lines}:\n{}", output.text);
    }
}

pub(super) fn wrong_provider_block(cli: &Cli) {
    let workspace = Workspace::new(cli, &(provider_with("") + &Runner::basic().block()));
    workspace.init();
    // `validate` needs no token; a plan does.
    workspace.validate().ok();
    let validate = |lines: &str| {
        workspace.write("main.tf", &(provider_with(lines) + &Runner::basic().block()));
        workspace.validate().fails()
    };
    workspace
        .plan(&[])
        .fails()
        .has("org_id is not set")
        .has("HUMANITEC_ORG_ID")
        .has("auth_token is not set")
        .has("HUMANITEC_AUTH_TOKEN")
        .has("hctl/config.yaml");
    // An empty text counts as not set.
    workspace.write(
        "main.tf",
        &(provider_with("org_id = \"\"\nhctl_config_file = \"\"\n") + &Runner::basic().block()),
    );
    workspace.validate().ok();
    workspace.plan(&[]).fails().has("`org_id` in the provider block: empty");
    validate("api_url = \"api.example.com\"\n").has("api_url = \"api.example.com\"");
    validate("api_url = \"ftp://example.com\"\n")
        .has("api_url = \"ftp://example.com\"")
        .has("http");
    validate("hctl_config_file = \"./missing.yaml\"\n")
        .has("missing.yaml")
        .has("does not exist");
    workspace.write("broken.yaml", "token: [\n");
    validate("hctl_config_file = \"./broken.yaml\"\n")
        .has("broken.yaml")
        .has("line");
    // Terraform shows the line of an attribute: a token must not be on it.
    let token = validate("auth_token = \"t0k en\"\n");
    token.has("auth_token cannot be used").has_not("t0k");
    // Nothing listens there: the apply reports it, and what to check.
    workspace.write(
        "main.tf",
        &(provider_with("org_id = \"o\"\nauth_token = \"t\"\napi_url = \"http://127.0.0.1:9\"\n")
            + &runner_with(|runner| runner.tail = "timeouts = {\ncreate = \"1s\"\n}".into())),
    );
    workspace
        .apply(&[])
        .fails()
        .has("http://127.0.0.1:9")
        .has("api_url")
        .has("connection was refused");
}

/// The provider block depends on a resource of the same apply: planning waits, the apply works.
pub(super) fn unknown_provider_block(cli: &Cli) {
    let orchestrator = StandIn::start();
    let block = format!(
        "resource \"terraform_data\" \"token\" {{\n  input = {:?}\n}}\n",
        orchestrator.token()
    );
    let lines = format!(
        "api_url = {:?}\norg_id = {:?}\nauth_token = terraform_data.token.output\n",
        orchestrator.url(),
        orchestrator.org()
    );
    let workspace = Workspace::new(cli, &(provider_with(&lines) + &block + &Runner::basic().block()));
    workspace.init();
    workspace.plan(&[]).ok();
    workspace.apply(&[]).ok();
    assert!(orchestrator.runner("my-runner").is_some());
    workspace.plans_nothing();
}

/// The settings of octl, and a token of one product beside the URL of the other.
pub(super) fn both_products(cli: &Cli) {
    let orchestrator = StandIn::start();
    let mut workspace = Workspace::new(cli, &(provider_with("") + &Runner::basic().block()));
    workspace.init();
    let file = format!(
        "api_url: {}\ndefault_org_id: {}\ntoken: {}\n",
        orchestrator.url(),
        orchestrator.org(),
        orchestrator.token()
    );
    workspace.write("home/.config/octl/config.yaml", &file);
    workspace.apply(&[]).ok();
    // Two logins.
    workspace.write("home/.config/hctl/config.yaml", "token: t0ken-of-hctl\n");
    let write = |lines: &str| {
        workspace.write("main.tf", &(provider_with(lines) + &Runner::basic().block()));
    };
    workspace
        .plan(&[])
        .fails()
        .has("The configuration files of octl and hctl both contain settings, but only one can be used")
        .has("octl/config.yaml")
        .has("hctl/config.yaml");
    write("octl_config_file = \"~/.config/octl/config.yaml\"\n");
    workspace.plans_nothing();
    write("octl_config_file = \"~/.config/octl/config.yaml\"\nhctl_config_file = \"~/.config/hctl/config.yaml\"\n");
    workspace
        .validate()
        .fails()
        .has("octl_config_file and hctl_config_file are both set");
    // The token of octl is not sent to Humanitec's API.
    write("api_url = \"https://api.humanitec.dev\"\noctl_config_file = \"~/.config/octl/config.yaml\"\n");
    workspace
        .plan(&[])
        .fails()
        .has("The token was not sent: it comes from `token` in the file")
        .has("`api_url` in the provider block sets the URL of hctl's API");
    write("");
    // The variables of one product are used with its own file only.
    workspace.set_env("PO_API_URL", orchestrator.url());
    workspace.plans_nothing();
    workspace.set_env("PO_AUTH_TOKEN", "wrong");
    workspace.plan(&[]).fails().has("401").has("PO_AUTH_TOKEN");
}

/// Each source of the settings, from the lowest precedence to the highest.
pub(super) fn settings(cli: &Cli) {
    let orchestrator = StandIn::start();
    let mut workspace = Workspace::new(cli, &(provider_with("") + &Runner::basic().block()));
    workspace.init();
    // The file of hctl.
    let file = |token: &str| {
        format!(
            "api_url: {}\ndefault_org_id: {}\ntoken: {token}\n",
            orchestrator.url(),
            orchestrator.org()
        )
    };
    workspace.write("home/.config/hctl/config.yaml", &file(orchestrator.token()));
    workspace.apply(&[]).ok();
    // The environment takes precedence over it.
    workspace.set_env("HUMANITEC_AUTH_TOKEN", "wrong");
    workspace.plan(&[]).fails().has("401").has("HUMANITEC_AUTH_TOKEN");
    // An empty attribute does not.
    workspace.set_env("HUMANITEC_AUTH_TOKEN", orchestrator.token());
    workspace.write(
        "main.tf",
        &(provider_with(
            "api_url = \"\"\norg_id = \"\"\nauth_token = \"\"\nhctl_config_file = \"\"\noctl_config_file = \"\"\n",
        ) + &Runner::basic().block()),
    );
    workspace.plans_nothing();
    workspace.set_env("HUMANITEC_AUTH_TOKEN", "wrong");
    // A file that the block names takes precedence over the environment.
    workspace.write("named.yaml", &file(orchestrator.token()));
    workspace.write(
        "main.tf",
        &(provider_with("hctl_config_file = \"./named.yaml\"\n") + &Runner::basic().block()),
    );
    workspace.plans_nothing();
    // The block takes precedence over all.
    workspace.write(
        "main.tf",
        &(provider_with("hctl_config_file = \"./named.yaml\"\nauth_token = \"wrong\"\n") + &Runner::basic().block()),
    );
    workspace.plan(&[]).fails().has("401").has("auth_token");
}
