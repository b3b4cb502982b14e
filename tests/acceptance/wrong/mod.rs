//! Wrong values: `validate` reports each at its attribute, with the way to fix it.

mod provider_block;
mod values;

use crate::Scenario;
use crate::cli::{Cli, Output, Workspace};
use crate::configuration::{Runner, provider, provider_with};
use crate::stand_in::StandIn;

pub(crate) const SCENARIOS: &[Scenario] = sandbox::scenarios![
    values::wrong_values,
    partitions,
    wrong_pod_templates,
    storage_mismatch,
    several_mistakes,
    wrong_data_sources,
    provider_block::wrong_provider_block,
    provider_block::wrong_eks_access,
    provider_block::unknown_provider_block,
    provider_block::settings,
    provider_block::both_products,
];

fn wrong_data_sources(cli: &Cli) {
    let workspace = Workspace::new(cli, &provider_with(""));
    workspace.init();
    for (data_source, line) in [
        ("platform-orchestrator_kubernetes_eks_runner", "id = \"Bad\""),
        ("platform-orchestrator_kubernetes_eks_runners", "id_prefix = \"Bad\""),
        ("platform-orchestrator_runner_environments", "runner_id = \"Bad\""),
    ] {
        let block = format!("data {data_source:?} \"this\" {{\n  {line}\n}}\n");
        workspace.write("main.tf", &(provider_with("") + &block));
        workspace.validate().fails().has("\"Bad\" contains 'B'").has(line);
    }
}

fn runner_with(change: impl Fn(&mut Runner)) -> String {
    let mut runner = Runner::extended();
    change(&mut runner);
    runner.block()
}

/// Both show the line of a top-level attribute and of one that is nested once. Of deeper ones they show the line of the second
/// level; the text has the whole path.
fn shows_the_line(output: &Output, line: &str) {
    let attribute = line.split(" =").next().unwrap_or_default();
    let end = format!(".{attribute}:");
    let path = output.text.split_whitespace().find(|word| word.ends_with(&end));
    match path.map(|path| path.split('.').collect::<Vec<_>>()).as_deref() {
        Some([_, second, _, ..]) => output.has(&format!("{second} = {{")),
        _ => output.has(line),
    };
}

/// Values of the other partitions are valid. The service's own limits are reported by
/// the service.
fn partitions(cli: &Cli) {
    let orchestrator = StandIn::start();
    let workspace = Workspace::new(cli, &provider(&orchestrator));
    workspace.init();
    for (arn, region) in [
        ("arn:aws:iam::123456789012:role/team/x/RoleName", "ap-southeast-7"),
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
            // The service refuses the value, and its message is shown as it is.
            workspace.apply(&[]).fails().has("role_arn").has("400");
            assert!(orchestrator.runners().is_empty());
        }
    }
}

fn wrong_pod_templates(cli: &Cli) {
    let workspace = Workspace::new(cli, &provider_with(""));
    workspace.init();
    let container =
        |fields: &str| format!("jsonencode({{ spec = {{ containers = [{{ name = \"main\", {fields} }}] }} }})");
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
            container("env = [{ name = \"LOG_LEVEL\", valueFrom = { secretKeyRef = { name = \"s\", key = \"k\" } } }]"),
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
            runner.job = format!("namespace = \"ns\"\nservice_account = \"sa\"\npod_template = {template}");
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
                "type is \"s3\", but s3_configuration is not set and kubernetes_configuration is",
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
        .has("Invalid runner ID")
        .has("Invalid AWS region")
        .has("Invalid IAM role ARN")
        .has("Invalid session name")
        .has("State storage without its block");
}
