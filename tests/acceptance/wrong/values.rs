//! One wrong value in each case: the error, and the line that it points at.

use super::{runner_with, shows_the_line};
use crate::cli::{Cli, Workspace};
use crate::configuration::provider_with;

/// The place of the case's lines in an otherwise valid configuration.
#[derive(Clone, Copy)]
enum Part {
    Runner,
    Name,
    Region,
    RoleArn,
    /// After the role's ARN.
    Auth,
    /// Before the service account.
    Job,
    ServiceAccount,
    StateStorage,
    /// The configuration of this type of state storage.
    Storage(&'static str),
    Timeouts,
    /// A runner rule beside the runner.
    Rule,
}

use Part::{Auth, Job, Name, Region, RoleArn, Rule, ServiceAccount, StateStorage, Storage, Timeouts};

/// Each wrong value, on the last of its lines, and what the error says.
const CASES: &[(Part, &str, &str)] = &[
    (
        Auth,
        "session_name = \"\"",
        "A session name has 3 to 64 letters, digits, and characters of",
    ),
    (
        Auth,
        "sts_region = \"\"",
        "Remove sts_region to use the cluster's region",
    ),
    (
        Job,
        "namespace = \"ns\"\npod_template = \"\"",
        "It is empty. Use a JSON object",
    ),
    (
        Timeouts,
        "read = \"-1s\"",
        "\"-1s\" cannot be used: it must be more than zero",
    ),
    (Part::Runner, "id = \"My-Runner\"", "Invalid runner ID"),
    (Part::Runner, "id = \"my.runner\"", "'.'"),
    (Part::Runner, "id = \"a\"", "only 1 character"),
    (
        Part::Runner,
        "id = \"1runner\"",
        "does not start with a lowercase letter",
    ),
    (Part::Runner, "id = \"\"", "Invalid runner ID"),
    (Name, "name = \"-c\"", "Invalid EKS cluster name"),
    (Name, "name = \"a b\"", "Invalid EKS cluster name"),
    (
        Name,
        "name = \"arn:aws:eks:us-west-2:123456789012:cluster/mine\"",
        "its name is \"mine\"",
    ),
    (Region, "region = \"nowhere\"", "Invalid AWS region"),
    (Region, "region = \"us-west-2a\"", "availability zone"),
    (RoleArn, "role_arn = \"my-role\"", "is not an ARN"),
    (RoleArn, "role_arn = \"arn:aws:iam::12345:role/r\"", "twelve digits"),
    (RoleArn, "role_arn = \"arn:aws:iam::123456789012:user/bob\"", "IAM user"),
    (
        RoleArn,
        "role_arn = \"arn:aws:sts::123456789012:assumed-role/r/s\"",
        "The role's own ARN is \"arn:aws:iam::123456789012:role/r\"",
    ),
    (Auth, "session_name = \"a/b\"", "STS refuses"),
    (Auth, "session_name = \"ab\"", "3 to 64"),
    (Auth, "session_name = \"a b c\"", "' '"),
    (Auth, "sts_region = \"europe\"", "Invalid AWS region"),
    (Job, "namespace = \"My-Ns\"", "Invalid Kubernetes namespace"),
    (Job, "namespace = \"a.b\"", "'.'"),
    (
        ServiceAccount,
        "service_account = \"a..b\"",
        "Invalid Kubernetes service account",
    ),
    (
        Storage("kubernetes"),
        "namespace = \"-\"",
        "Invalid Kubernetes namespace",
    ),
    (Storage("s3"), "bucket = \"My.Bucket\"", "Invalid bucket name"),
    (
        Storage("s3"),
        "bucket = \"b1\"\npath_prefix = \"/a\"",
        "starts with a slash",
    ),
    (
        Storage("gcs"),
        "bucket = \"b1\"\npath_prefix = \"/a\"",
        "starts with a slash",
    ),
    (
        Storage("azurerm"),
        "storage_account_name = \"a\"\ncontainer_name = \"c\"\npath_prefix = \"a b\"",
        "' '",
    ),
    (
        StateStorage,
        "s3_configuration = {\nbucket = \"b1\"\n}\ntype = \"local\"",
        "Invalid state storage type",
    ),
    (Storage("gcs"), "bucket = \"gs://b\"", "without \"s3://\" or \"gs://\""),
    (
        Storage("azurerm"),
        "container_name = \"c\"\nstorage_account_name = \"\"",
        "storage account",
    ),
    (
        Storage("azurerm"),
        "storage_account_name = \"a\"\ncontainer_name = \"\"",
        "container",
    ),
    (Timeouts, "create = \"5 minutes\"", "Invalid timeout"),
    (Timeouts, "read = \"30\"", "a number has no unit"),
    (Timeouts, "update = \"-1s\"", "Invalid timeout"),
    (Timeouts, "delete = \"0s\"", "more than zero"),
    (RoleArn, "role_arn = null", "Missing required argument"),
    (Rule, "runner_id = \"r1\"\nid = \"x\"", "Read-only attribute"),
    (Rule, "runner_id = \"\"", "Invalid runner ID"),
    (Rule, "runner_id = \"My-Runner\"", "Invalid runner ID"),
];

impl Part {
    /// The runner with these lines here.
    fn with(self, lines: &str) -> String {
        let lines = lines.to_owned();
        let runner = runner_with(|runner| match self {
            Part::Runner => runner.head.clone_from(&lines),
            Name => runner.cluster = format!("{lines}\nregion = \"us-west-2\""),
            Region => runner.cluster = format!("name = \"c\"\n{lines}"),
            RoleArn => runner.auth.clone_from(&lines),
            Auth => {
                runner.auth = format!("role_arn = \"arn:aws:iam::123456789012:role/r\"\n{lines}");
            }
            Job => runner.job = format!("{lines}\nservice_account = \"sa\""),
            ServiceAccount => runner.job = format!("namespace = \"ns\"\n{lines}"),
            StateStorage => runner.storage.clone_from(&lines),
            Storage(ty) => {
                runner.storage = format!("type = \"{ty}\"\n{ty}_configuration = {{\n{lines}\n}}");
            }
            Timeouts => runner.tail = format!("timeouts = {{\n{lines}\n}}"),
            Rule => (),
        });
        let rule = "resource \"platform-orchestrator_runner_rule\" \"r\"";
        match self {
            Rule => format!("{runner}{rule} {{\n{lines}\n}}\n"),
            _ => runner,
        }
    }
}

pub(super) fn wrong_values(cli: &Cli) {
    let workspace = Workspace::new(cli, &provider_with(""));
    workspace.init();
    for (part, lines, text) in CASES {
        workspace.write("main.tf", &(provider_with("") + &part.with(lines)));
        let output = workspace.validate().fails();
        output.has(text);
        shows_the_line(&output, lines.lines().last().unwrap_or_default());
        let errors = output.text.matches("Error: ").count();
        assert_eq!(errors, 1, "one error for {lines}:\n{}", output.text);
    }
}
