//! The command's arguments, and the settings that they stand for.

use std::fs::{self, File};
use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, Parser, Subcommand, ValueEnum};
use ipnet::IpNet;

use crate::access::{AssumeRole, CheckId, Frontend, Identity, Kubeconfig, Settings, is_image};
use crate::orchestrator::Installation;
use crate::runner::RoleArn;

/// Checks that the Platform Orchestrator can start Jobs in an EKS cluster, before the first deployment.
#[derive(Debug, Parser)]
#[command(name = "eks-runner", version, after_help = EXIT_CODES)]
pub(super) struct Arguments {
    #[command(subcommand)]
    pub(super) command: Command,
    /// Whether the output is coloured; `auto` colours a terminal and follows NO_COLOR
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    pub(super) color: Color,
}

/// The exit codes, as the help shows them.
const EXIT_CODES: &str = "\
Exit codes:
  0  no check failed, and every check that applies was made; or the output was written
  1  the Orchestrator did not respond, or something else broke that the input did not cause
  2  the arguments, the file or the Orchestrator's settings cannot be used
  3  a check failed, or warned under --fail-on warning
  4  no check failed, but checks could not be made (no AWS credentials, no permission, no response);
     --allow-incomplete makes this 0";

const CHECK_EXAMPLES: &str = "\
Examples:
  # The file that `hctl create runner my-runner --set-yaml=@runner-config.yaml` takes
  eks-runner check runner-config.yaml --org my-org --id my-runner

  # A registered runner, with hctl's login
  eks-runner check --runner my-runner

  # As the runner itself: its role is assumed, and everything is done as the Orchestrator will do it
  eks-runner check --runner my-runner --as runner

  # In CI: one JSON document, and warnings fail the job
  eks-runner check runner-config.yaml --org my-org --id my-runner --output json --fail-on warning

  # As a caller who is not allowed to impersonate the runner's user
  eks-runner check --runner my-runner --skip job-dry-run";

const SETUP_EXAMPLES: &str = "\
Examples:
  # The IAM and EKS resources and the cluster's objects in Terraform
  eks-runner setup runner-config.yaml --org my-org --id my-runner > runner-access.tf

  # The same as commands; read them before you run them
  eks-runner setup runner-config.yaml --org my-org --id my-runner --format aws-cli

  # The cluster's part alone
  eks-runner setup runner-config.yaml --org my-org --id my-runner --format yaml | kubectl apply -f -";

const SCHEMA_EXAMPLES: &str = "\
Examples:
  eks-runner schema > runner.schema.json

  # First line of runner-config.yaml, for editors with the YAML language server
  # yaml-language-server: $schema=./runner.schema.json";

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Check every link from the Orchestrator to the runner's Job
    #[command(
        after_help = format!("{CHECK_EXAMPLES}\n\n{EXIT_CODES}"),
        override_usage = "eks-runner check [OPTIONS] FILE --id ID\n       eks-runner check [OPTIONS] --runner ID"
    )]
    Check(Box<CheckArguments>),
    /// Print what the runner needs in AWS and in its cluster
    #[command(
        after_help = SETUP_EXAMPLES,
        override_usage = "eks-runner setup [OPTIONS] FILE --id ID\n       eks-runner setup [OPTIONS] --runner ID"
    )]
    Setup(SetupArguments),
    /// Print the JSON Schema of the runner's YAML file
    #[command(after_help = SCHEMA_EXAMPLES)]
    Schema,
}

#[derive(Debug, Args)]
pub(super) struct CheckArguments {
    #[command(flatten)]
    pub(super) runner: RunnerArguments,
    #[command(flatten)]
    pub(super) access: AccessArguments,
    /// The format of the result
    #[arg(
        long,
        value_name = "FORMAT",
        default_value = "text",
        help_heading = "Output"
    )]
    pub(super) output: Output,
    /// Which outcomes make the exit code 3
    #[arg(
        long,
        value_name = "STATUS",
        default_value = "failure",
        help_heading = "Output"
    )]
    pub(super) fail_on: FailOn,
    /// Exit with 0, not 4, when no check failed but checks could not be made
    #[arg(long, help_heading = "Output")]
    pub(super) allow_incomplete: bool,
}

#[derive(Debug, Args)]
pub(super) struct SetupArguments {
    #[command(flatten)]
    pub(super) runner: RunnerArguments,
    /// The issuer of the Orchestrator's OIDC tokens; needed unless the API is Humanitec's
    #[arg(long, value_name = "URL", value_parser = issuer)]
    pub(super) oidc_issuer: Option<String>,
    /// The output format
    #[arg(long, value_name = "FORMAT", default_value = "terraform")]
    pub(super) format: Format,
}

/// Which runner: one in a file, or one that the Orchestrator has.
#[derive(Debug, Args)]
#[command(next_help_heading = "Runner")]
pub(super) struct RunnerArguments {
    /// The runner's YAML file, or - for standard input
    #[arg(
        value_name = "FILE",
        requires = "id",
        required_unless_present = "runner",
        help_heading = "Arguments"
    )]
    pub(super) file: Option<PathBuf>,
    /// The id that the runner of FILE has or will have
    #[arg(long, value_name = "ID", requires = "file")]
    pub(super) id: Option<String>,
    /// A registered runner, instead of FILE. The token is looked up like --org, in HUMANITEC_AUTH_TOKEN and hctl's files
    #[arg(long, value_name = "ID", conflicts_with = "file")]
    pub(super) runner: Option<String>,
    /// The organization. Default: the file of --hctl-config-file, then HUMANITEC_ORG_ID, then hctl's own file
    #[arg(long, value_name = "ORG")]
    pub(super) org: Option<String>,
    /// The URL of the Orchestrator's API, looked up like --org; else Humanitec's. With FILE it only says which
    /// installation the runner is for
    #[arg(long, value_name = "URL")]
    pub(super) api_url: Option<String>,
    /// A configuration file of hctl, instead of the default one
    #[arg(long, value_name = "PATH")]
    pub(super) hctl_config_file: Option<String>,
}

/// How AWS and the cluster are asked.
#[derive(Debug, Args)]
#[command(next_help_heading = "Access")]
pub(super) struct AccessArguments {
    /// Check with your own credentials, or as the runner, by assuming its role
    #[arg(long = "as", value_name = "WHO", default_value = "caller")]
    identity: As,
    /// A profile of the AWS configuration files; else AWS_PROFILE
    #[arg(long, value_name = "NAME")]
    profile: Option<String>,
    /// A role to assume before any check
    #[arg(long, value_name = "ARN", value_parser = role_arn)]
    assume_role_arn: Option<String>,
    /// The name of that role's session
    #[arg(long, value_name = "NAME", requires = "assume_role_arn")]
    assume_role_session_name: Option<String>,
    /// The external id that this role's trust policy requires
    #[arg(long, value_name = "ID", requires = "assume_role_arn")]
    external_id: Option<String>,
    /// With --as runner: a file with an OIDC token that the runner's trust policy admits
    #[arg(long, value_name = "PATH")]
    web_identity_token_file: Option<PathBuf>,
    /// The issuer of the Orchestrator's OIDC tokens; needed unless the API is Humanitec's
    #[arg(long, value_name = "URL", value_parser = issuer)]
    oidc_issuer: Option<String>,
    /// The image of the Orchestrator's Jobs, for `job-dry-run`; else the one of the installation
    #[arg(long, value_name = "IMAGE", value_parser = image)]
    runner_image: Option<String>,
    /// Addresses that the Orchestrator calls from, for `cluster-endpoint`, else those that Humanitec publishes; can be
    /// repeated
    #[arg(long, value_name = "CIDR", value_parser = cidr)]
    orchestrator_cidr: Vec<IpNet>,
    /// A kubeconfig, instead of a token made from your AWS credentials
    #[arg(long, value_name = "PATH", value_parser = readable)]
    kubeconfig: Option<PathBuf>,
    /// A context of that kubeconfig, instead of its current one
    #[arg(long, value_name = "NAME", requires = "kubeconfig")]
    context: Option<String>,
    /// Skip this check; can be repeated, or a comma-separated list. Checks that need it still run
    #[arg(long, value_name = "CHECK", value_delimiter = ',', value_parser = check_id(),
        hide_possible_values = true)]
    skip: Vec<CheckId>,
    /// The time limit of all checks together; a check that has not finished by then is skipped
    #[arg(long, value_name = "DURATION", default_value = "2m", value_parser = timeout)]
    timeout: Duration,
}

impl AccessArguments {
    /// The settings of the checks of a runner of this installation.
    pub(super) fn settings(self, installation: &Installation) -> Settings {
        let defaults = Settings::default();
        Settings {
            frontend: Frontend::Command,
            identity: match self.identity {
                As::Caller => Identity::Caller,
                As::Runner => Identity::Runner,
            },
            timeout: self.timeout,
            profile: self.profile,
            assume_role: self.assume_role_arn.map(|role_arn| AssumeRole {
                role_arn,
                session_name: self.assume_role_session_name,
                external_id: self.external_id,
            }),
            web_identity_token_file: self.web_identity_token_file,
            oidc_issuer: self
                .oidc_issuer
                .or_else(|| installation.oidc_issuer.map(str::to_owned)),
            orchestrator_cidrs: self.orchestrator_cidr,
            published_cidrs: installation.source_cidrs(),
            kubeconfig: self.kubeconfig.map(|path| Kubeconfig {
                path,
                context: self.context,
            }),
            runner_image: self
                .runner_image
                .or_else(|| installation.runner_image.map(str::to_owned))
                .unwrap_or(defaults.runner_image),
            skip: self.skip.into_iter().collect(),
        }
    }
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum As {
    Caller,
    Runner,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Output {
    /// For people
    Text,
    /// One JSON document
    Json,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum FailOn {
    /// A failed check
    Failure,
    /// A failed check and a warning
    Warning,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Format {
    /// For hashicorp/aws and hashicorp/kubernetes
    Terraform,
    /// Commands of the AWS CLI and kubectl
    AwsCli,
    /// The cluster's objects, for kubectl
    Yaml,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Color {
    Auto,
    Always,
    Never,
}

/// An issuer as tokens and IAM have it: an `https` URL that does not end with a slash.
fn issuer(text: &str) -> Result<String, String> {
    let issuer = text.trim_end_matches('/');
    match url::Url::parse(issuer) {
        Ok(url) if url.scheme() == "https" && url.has_host() => Ok(issuer.to_owned()),
        _ => Err("give an https URL, such as https://oidc.humanitec.dev".to_owned()),
    }
}

/// The name of an image.
fn image(text: &str) -> Result<String, String> {
    if is_image(text) {
        Ok(text.to_owned())
    } else {
        Err(
            "give the name of an image, such as registry.example.com/humanitec-runner:v1.2.3"
                .to_owned(),
        )
    }
}

/// The id of a check. The help does not list them all, the error does.
fn check_id() -> impl TypedValueParser<Value = CheckId> {
    PossibleValuesParser::new(CheckId::ALL.map(CheckId::as_str)).try_map(|id| id.parse::<CheckId>())
}

/// A range of addresses, or one address.
fn cidr(text: &str) -> Result<IpNet, String> {
    let one = || text.parse::<IpAddr>().ok().map(IpNet::from);
    let range: Option<IpNet> = text.parse().ok().or_else(one);
    range.ok_or_else(|| "give a range such as 203.0.113.0/24, or an address".to_owned())
}

/// A role's ARN, as it is written.
fn role_arn(text: &str) -> Result<String, String> {
    let role: Result<RoleArn, _> = text.parse();
    match role {
        Ok(_) => Ok(text.to_owned()),
        Err(invalid) => Err(invalid.to_string()),
    }
}

/// A file that can be read.
fn readable(path: &str) -> Result<PathBuf, String> {
    let found = fs::metadata(path).map_err(|error| error.to_string())?;
    if found.is_dir() {
        return Err("it is a folder".to_owned());
    }
    // A pipe is read once.
    if found.is_file() {
        File::open(path).map_err(|error| error.to_string())?;
    }
    Ok(path.into())
}

fn timeout(text: &str) -> Result<Duration, String> {
    match humantime::parse_duration(text) {
        Ok(timeout) if !timeout.is_zero() => Ok(timeout),
        _ => Err("give a time such as 30s, 2m or 1m30s".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_arguments_do_not_contradict_each_other() {
        Arguments::command().debug_assert();
    }

    #[test]
    fn values_are_read_as_people_write_them() {
        assert_eq!(
            issuer("https://oidc.example/"),
            Ok("https://oidc.example".to_owned())
        );
        assert!(issuer("oidc.example").is_err());
        assert_eq!(cidr("203.0.113.7"), Ok("203.0.113.7/32".parse().unwrap()));
        assert_eq!(cidr("2001:db8::/32"), Ok("2001:db8::/32".parse().unwrap()));
        assert!(cidr("203.0.113.0/33").is_err());
        assert_eq!(timeout("1m30s"), Ok(Duration::from_secs(90)));
        assert!(timeout("0s").is_err() && timeout("soon").is_err());
        assert!(image("a/b:1").is_ok() && image("").is_err() && image("a b").is_err());
    }
}
