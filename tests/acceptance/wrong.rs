//! Wrong values: each is reported at `validate`, at its attribute, with what to do.

use crate::stand_in::StandIn;

use crate::Scenario;
use crate::cli::{Cli, Output, Workspace};
use crate::configuration::{Runner, provider, provider_with};

pub(crate) const SCENARIOS: &[Scenario] = &[
    ("every wrong value is told at its attribute", wrong_values),
    ("values of every partition are taken", partitions),
    ("wrong pod templates", wrong_pod_templates),
    (
        "a state storage that does not match its type",
        storage_mismatch,
    ),
    ("several mistakes are told together", several_mistakes),
    ("a wrong provider block", wrong_provider_block),
    (
        "a provider block that is not known yet",
        unknown_provider_block,
    ),
    ("where the provider's settings come from", settings),
];

fn runner_with(change: impl Fn(&mut Runner)) -> String {
    let mut runner = Runner::extended();
    change(&mut runner);
    runner.block()
}

/// Each wrong value: the line that holds it, and what the error says.
fn wrong_values(cli: &Cli) {
    let workspace = Workspace::new(cli, &provider_with(""));
    workspace.init();
    let head = |line: &str| runner_with(|runner| runner.head = line.to_owned());
    let cluster = |line: &str| {
        runner_with(|runner| runner.cluster = format!("{line}\nregion = \"us-west-2\""))
    };
    let region =
        |line: &str| runner_with(|runner| runner.cluster = format!("name = \"c\"\n{line}"));
    let auth = |line: &str| runner_with(|runner| runner.auth = line.to_owned());
    let auth_more = |line: &str| {
        runner_with(|runner| {
            runner.auth = format!("role_arn = \"arn:aws:iam::123456789012:role/r\"\n{line}");
        })
    };
    let job =
        |line: &str| runner_with(|runner| runner.job = format!("{line}\nservice_account = \"sa\""));
    let account =
        |line: &str| runner_with(|runner| runner.job = format!("namespace = \"ns\"\n{line}"));
    let storage = |ty: &str, line: &str| {
        runner_with(|runner| {
            runner.storage = format!("type = \"{ty}\"\n{ty}_configuration = {{\n{line}\n}}");
        })
    };
    let timeouts =
        |line: &str| runner_with(|runner| runner.tail = format!("timeouts = {{\n{line}\n}}"));
    let cases: Vec<(String, &str, &str)> = vec![
        (
            auth_more("session_name = \"\""),
            "session_name = \"\"",
            "Remove session_name to use the default",
        ),
        (
            auth_more("sts_region = \"\""),
            "sts_region = \"\"",
            "Remove sts_region to use the cluster's region",
        ),
        (
            job("namespace = \"ns\"\npod_template = \"\""),
            "pod_template = \"\"",
            "It is empty. Give a JSON object",
        ),
        (
            timeouts("read = \"-1s\""),
            "read = \"-1s\"",
            "\"-1s\" cannot be used: it must be more than zero",
        ),
        (
            head("id = \"My-Runner\""),
            "id = \"My-Runner\"",
            "Invalid runner id",
        ),
        (head("id = \"my.runner\""), "id = \"my.runner\"", "'.'"),
        (head("id = \"a\""), "id = \"a\"", "only 1 character"),
        (
            head("id = \"1runner\""),
            "id = \"1runner\"",
            "does not start with a lower-case letter",
        ),
        (head("id = \"\""), "id = \"\"", "Invalid runner id"),
        (
            cluster("name = \"-c\""),
            "name = \"-c\"",
            "Invalid EKS cluster name",
        ),
        (
            cluster("name = \"a b\""),
            "name = \"a b\"",
            "Invalid EKS cluster name",
        ),
        (
            cluster("name = \"arn:aws:eks:us-west-2:123456789012:cluster/mine\""),
            "name = \"arn:aws:eks:us-west-2:123456789012:cluster/mine\"",
            "its name is \"mine\"",
        ),
        (
            region("region = \"nowhere\""),
            "region = \"nowhere\"",
            "Invalid AWS region",
        ),
        (
            region("region = \"us-west-2a\""),
            "region = \"us-west-2a\"",
            "availability zone",
        ),
        (
            auth("role_arn = \"my-role\""),
            "role_arn = \"my-role\"",
            "is not an ARN",
        ),
        (
            auth("role_arn = \"arn:aws:iam::12345:role/r\""),
            "role_arn = \"arn:aws:iam::12345:role/r\"",
            "twelve digits",
        ),
        (
            auth("role_arn = \"arn:aws:iam::123456789012:user/bob\""),
            "role_arn = \"arn:aws:iam::123456789012:user/bob\"",
            "IAM user",
        ),
        (
            auth("role_arn = \"arn:aws:sts::123456789012:assumed-role/r/s\""),
            "role_arn = \"arn:aws:sts::123456789012:assumed-role/r/s\"",
            "The role's own ARN is \"arn:aws:iam::123456789012:role/r\"",
        ),
        (
            auth_more("session_name = \"a/b\""),
            "session_name = \"a/b\"",
            "STS refuses",
        ),
        (
            auth_more("session_name = \"ab\""),
            "session_name = \"ab\"",
            "3 to 64",
        ),
        (
            auth_more("session_name = \"a b c\""),
            "session_name = \"a b c\"",
            "' '",
        ),
        (
            auth_more("sts_region = \"europe\""),
            "sts_region = \"europe\"",
            "Invalid AWS region",
        ),
        (
            job("namespace = \"My-Ns\""),
            "namespace = \"My-Ns\"",
            "Invalid Kubernetes namespace",
        ),
        (job("namespace = \"a.b\""), "namespace = \"a.b\"", "'.'"),
        (
            account("service_account = \"a..b\""),
            "service_account = \"a..b\"",
            "Invalid Kubernetes service account",
        ),
        (
            storage("kubernetes", "namespace = \"-\""),
            "namespace = \"-\"",
            "Invalid Kubernetes namespace",
        ),
        (
            storage("s3", "bucket = \"My.Bucket\""),
            "bucket = \"My.Bucket\"",
            "Invalid bucket name",
        ),
        (
            storage("s3", "bucket = \"b1\"\npath_prefix = \"/a\""),
            "path_prefix = \"/a\"",
            "starts with a slash",
        ),
        (
            storage("gcs", "bucket = \"b1\"\npath_prefix = \"/a\""),
            "path_prefix = \"/a\"",
            "starts with a slash",
        ),
        (
            storage(
                "azurerm",
                "storage_account_name = \"a\"\ncontainer_name = \"c\"\npath_prefix = \"a b\"",
            ),
            "path_prefix = \"a b\"",
            "' '",
        ),
        (
            runner_with(|runner| {
                runner.storage =
                    "type = \"local\"\ns3_configuration = {\nbucket = \"b1\"\n}".into();
            }),
            "type = \"local\"",
            "Invalid state storage type",
        ),
        (
            storage("gcs", "bucket = \"gs://b\""),
            "bucket = \"gs://b\"",
            "without \"s3://\" or \"gs://\"",
        ),
        (
            storage(
                "azurerm",
                "storage_account_name = \"\"\ncontainer_name = \"c\"",
            ),
            "storage_account_name = \"\"",
            "storage account",
        ),
        (
            storage(
                "azurerm",
                "storage_account_name = \"a\"\ncontainer_name = \"\"",
            ),
            "container_name = \"\"",
            "container",
        ),
        (
            timeouts("create = \"5 minutes\""),
            "create = \"5 minutes\"",
            "Invalid timeout",
        ),
        (
            timeouts("read = \"30\""),
            "read = \"30\"",
            "a number has no unit",
        ),
        (
            timeouts("update = \"-1s\""),
            "update = \"-1s\"",
            "Invalid timeout",
        ),
        (
            timeouts("delete = \"0s\""),
            "delete = \"0s\"",
            "more than zero",
        ),
        (
            auth("role_arn = null"),
            "role_arn = null",
            "Missing required argument",
        ),
        (
            runner_with(|_| ())
                + "resource \"platform-orchestrator_runner_rule\" \"r\" {\nrunner_id = \"r1\"\nid = \"x\"\n}\n",
            "id = \"x\"",
            "Read-only attribute",
        ),
        (
            runner_with(|_| ())
                + "resource \"platform-orchestrator_runner_rule\" \"r\" {\nrunner_id = \"\"\n}\n",
            "runner_id = \"\"",
            "Invalid runner id",
        ),
        (
            runner_with(|_| ())
                + "resource \"platform-orchestrator_runner_rule\" \"r\" {\nrunner_id = \"My-Runner\"\n}\n",
            "runner_id = \"My-Runner\"",
            "Invalid runner id",
        ),
    ];
    for (block, line, text) in cases {
        workspace.write("main.tf", &(provider_with("") + &block));
        let output = workspace.validate().fails();
        output.has(text);
        shows_the_line(&output, line.lines().last().unwrap_or_default());
        assert_eq!(
            output.text.matches("Error: ").count(),
            1,
            "one error for {line}:\n{}",
            output.text
        );
    }
}

/// Both show the line of a top-level attribute and of one that is nested once. Of deeper ones they show the line of the second
/// level; the text has the whole path.
fn shows_the_line(output: &Output, line: &str) {
    let attribute = line.split(" =").next().unwrap_or_default();
    let end = format!(".{attribute}:");
    let path = output
        .text
        .split_whitespace()
        .find(|word| word.ends_with(&end));
    match path
        .map(|path| path.split('.').collect::<Vec<_>>())
        .as_deref()
    {
        Some([_, second, _, ..]) => output.has(&format!("{second} = {{")),
        _ => output.has(line),
    };
}

/// What AWS has beside the partition `aws` is not refused here. The service's own limits are reported by
/// the service.
fn partitions(cli: &Cli) {
    let orchestrator = StandIn::start();
    let workspace = Workspace::new(cli, &provider(&orchestrator));
    workspace.init();
    for (arn, region) in [
        (
            "arn:aws:iam::123456789012:role/team/x/RoleName",
            "ap-southeast-7",
        ),
        ("arn:aws-us-gov:iam::123456789012:role/r", "us-gov-west-1"),
        ("arn:aws-cn:iam::123456789012:role/r", "cn-north-1"),
        ("arn:aws-iso:iam::123456789012:role/r", "us-iso-east-1"),
        ("arn:aws-iso-b:iam::123456789012:role/r", "us-isob-east-1"),
        ("arn:aws-iso-e:iam::123456789012:role/r", "eu-isoe-west-1"),
        ("arn:aws-eusc:iam::123456789012:role/r", "eusc-de-east-1"),
    ] {
        let block = runner_with(|runner| {
            runner.cluster = format!("name = \"c\"\nregion = \"{region}\"");
            runner.auth = format!("role_arn = \"{arn}\"");
        });
        workspace.write("main.tf", &(provider(&orchestrator) + &block));
        workspace.validate().ok();
        workspace.plan(&[]).ok();
        if arn.starts_with("arn:aws-") {
            // The stand-in knows what the service knows: its message is shown as it is.
            workspace.apply(&[]).fails().has("role_arn").has("400");
            assert!(orchestrator.runners().is_empty());
        }
    }
}

fn wrong_pod_templates(cli: &Cli) {
    let workspace = Workspace::new(cli, &provider_with(""));
    workspace.init();
    let container = |fields: &str| {
        format!("jsonencode({{ spec = {{ containers = [{{ name = \"main\", {fields} }}] }} }})")
    };
    for (template, expected) in [
        ("\"not json\"".to_owned(), vec!["JSON"]),
        ("\"[1]\"".to_owned(), vec!["object"]),
        ("\"{\\\"a\\\":1,\\\"a\\\":2}\"".to_owned(), vec!["twice"]),
        (
            container("imagePulPolicy = \"Always\""),
            vec!["spec.containers[0].imagePulPolicy", "imagePullPolicy"],
        ),
        (
            "jsonencode({ spec = { nodeSelectr = {} } })".to_owned(),
            vec!["spec.nodeSelectr", "nodeSelector"],
        ),
        (
            "jsonencode({ spec = { containers = {} } })".to_owned(),
            vec!["spec.containers"],
        ),
        (
            container("env = [{ name = \"A\", value = 1 }]"),
            vec!["spec.containers[0].env[0].value"],
        ),
        (
            "jsonencode({ spec = { serviceAccountName = \"other\" } })".to_owned(),
            vec!["spec.serviceAccountName", "service_account"],
        ),
        (
            "jsonencode({ metadata = { namespace = \"other\" } })".to_owned(),
            vec!["metadata.namespace", "Remove it"],
        ),
        (
            "jsonencode({ spec = { containers = [{ image = \"i\" }] } })".to_owned(),
            vec!["spec.containers[0]", "name"],
        ),
        (
            container("env = [{ name = \"TOKEN\", value = \"t\" }]"),
            vec!["spec.containers[0].env[0]", "TOKEN"],
        ),
        (
            container("env = [{ name = \"RUNNER_GIT_SSH_KEYS\", value = \"k\" }]"),
            vec!["RUNNER_GIT_SSH_KEYS", "valueFrom"],
        ),
        (
            container(
                "env = [{ name = \"LOG_LEVEL\", valueFrom = { secretKeyRef = { name = \"s\", key = \"k\" } } }]",
            ),
            vec!["spec.containers[0].env[0]", "LOG_LEVEL"],
        ),
        (
            "jsonencode({ spec = { containers = [{ name = \"canyon-runner\" }] } })".to_owned(),
            vec!["spec.containers[0]", "Did you mean \"main\""],
        ),
        (
            "jsonencode({ spec = { image = \"i\" } })".to_owned(),
            vec!["spec.image", "spec.containers[].image"],
        ),
    ] {
        let block = runner_with(|runner| {
            runner.job =
                format!("namespace = \"ns\"\nservice_account = \"sa\"\npod_template = {template}");
        });
        workspace.write("main.tf", &(provider_with("") + &block));
        let output = workspace.validate().fails();
        output.has("runner_configuration.job.pod_template:");
        for text in expected {
            output.has(text);
        }
    }
}

fn storage_mismatch(cli: &Cli) {
    let workspace = Workspace::new(cli, &provider_with(""));
    workspace.init();
    let s3 = "s3_configuration = {\nbucket = \"b1\"\n}";
    let kubernetes = "kubernetes_configuration = {\nnamespace = \"n\"\n}";
    for (storage, expected) in [
        (
            "type = \"s3\"".to_owned(),
            vec!["type is \"s3\", but s3_configuration is not set"],
        ),
        (
            format!("type = \"s3\"\n{kubernetes}"),
            vec![
                "type is \"s3\", but s3_configuration is not set, and kubernetes_configuration is",
                "Change type to \"kubernetes\"",
            ],
        ),
        (
            format!("type = \"kubernetes\"\n{kubernetes}\n{s3}"),
            vec!["type is \"kubernetes\", so s3_configuration must not be set"],
        ),
        (
            format!("type = \"local\"\n{s3}"),
            vec!["Invalid state storage type", "\"local\""],
        ),
        (
            format!("type = \"gcs\"\n{kubernetes}\n{s3}"),
            vec![
                "kubernetes_configuration and s3_configuration must not be set",
                "set gcs_configuration, remove the others",
            ],
        ),
        (
            format!("type = terraform_data.t.output\n{kubernetes}\n{s3}"),
            vec!["More than one state storage"],
        ),
        (
            "type = terraform_data.t.output".to_owned(),
            vec!["State storage without its block", "None of"],
        ),
    ] {
        let block = runner_with(|runner| runner.storage.clone_from(&storage))
            + "resource \"terraform_data\" \"t\" {\n  input = \"s3\"\n}\n";
        workspace.write("main.tf", &(provider_with("") + &block));
        let output = workspace.validate().fails();
        for text in expected {
            output.has(text);
        }
        assert_eq!(output.text.matches("Error: ").count(), 1, "{}", output.text);
    }
}

fn several_mistakes(cli: &Cli) {
    let block = runner_with(|runner| {
        runner.head = "id = \"Wrong\"".into();
        runner.cluster = "name = \"c\"\nregion = \"nowhere\"".into();
        runner.auth = "role_arn = \"r\"\nsession_name = \"a/b\"".into();
        runner.storage = "type = \"s3\"".into();
    });
    let workspace = Workspace::new(cli, &(provider_with("") + &block));
    workspace.init();
    workspace
        .validate()
        .fails()
        .has("Invalid runner id")
        .has("Invalid AWS region")
        .has("Invalid IAM role ARN")
        .has("Invalid session name")
        .has("State storage without its block");
}

fn wrong_provider_block(cli: &Cli) {
    let workspace = Workspace::new(cli, &(provider_with("") + &Runner::basic().block()));
    workspace.init();
    // `validate` needs no token; a plan does.
    workspace.validate().ok();
    let validate = |lines: &str| {
        workspace.write(
            "main.tf",
            &(provider_with(lines) + &Runner::basic().block()),
        );
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
    validate("api_url = \"api.example.com\"\n").has("api_url = \"api.example.com\"");
    validate("api_url = \"ftp://example.com\"\n")
        .has("api_url = \"ftp://example.com\"")
        .has("http");
    validate("org_id = \"\"\n").has("org_id is an empty string");
    validate("eks_access = {\noidc_issuer = \"oidc.example\"\n}\n")
        .has("oidc_issuer = \"oidc.example\"");
    validate("eks_access = {\norchestrator_cidrs = [\"here\"]\n}\n")
        .has("orchestrator_cidrs = [\"here\"]");
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
    // Nothing listens there: an apply says so, and what to look at.
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
fn unknown_provider_block(cli: &Cli) {
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
    let workspace = Workspace::new(
        cli,
        &(provider_with(&lines) + &block + &Runner::basic().block()),
    );
    workspace.init();
    workspace.plan(&[]).ok();
    workspace.apply(&[]).ok();
    assert!(orchestrator.runner("my-runner").is_some());
    workspace.plans_nothing();
}

/// Each place in turn, the later ones only where the earlier ones say nothing.
fn settings(cli: &Cli) {
    let orchestrator = StandIn::start();
    let mut workspace = Workspace::new(cli, &(provider_with("") + &Runner::basic().block()));
    workspace.init();
    // The file that hctl keeps.
    let file = |token: &str| {
        format!(
            "api_url: {}\ndefault_org_id: {}\ntoken: {token}\n",
            orchestrator.url(),
            orchestrator.org()
        )
    };
    workspace.write("home/.config/hctl/config.yaml", &file(orchestrator.token()));
    workspace.apply(&[]).ok();
    // The environment goes before it.
    workspace.set_env("HUMANITEC_AUTH_TOKEN", "wrong");
    workspace
        .plan(&[])
        .fails()
        .has("401")
        .has("HUMANITEC_AUTH_TOKEN");
    // A named file goes before the environment.
    workspace.write("named.yaml", &file(orchestrator.token()));
    workspace.write(
        "main.tf",
        &(provider_with("hctl_config_file = \"./named.yaml\"\n") + &Runner::basic().block()),
    );
    workspace.plans_nothing();
    // The block goes before all.
    workspace.write(
        "main.tf",
        &(provider_with("hctl_config_file = \"./named.yaml\"\nauth_token = \"wrong\"\n")
            + &Runner::basic().block()),
    );
    workspace.plan(&[]).fails().has("401").has("auth_token");
}
