//! The command's arguments, and the settings of the checks that they result in.

mod examples;

use std::fs::{self, File};
use std::path::PathBuf;
use std::time::Duration;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use clap::{Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;
use ipnet::IpNet;

use examples::{
    CHECK_EXAMPLES, COMPLETIONS_EXAMPLES, EXIT_CODES, EXPLAIN_EXAMPLES, MAN_EXAMPLES,
    PROBE_EXAMPLES, SCHEMA_EXAMPLES, SETUP_EXAMPLES,
};

use crate::access::{AssumeRole, CheckId, Frontend, Identity, Kubeconfig, Settings, parse};
use crate::orchestrator::Installation;
use crate::product::{HUMANITEC, Product, STELLWERK};
use crate::runner::RoleArn;

/// Checks that the Platform Orchestrator can start Jobs in an EKS cluster, before the first deployment.
#[derive(Debug, Parser)]
#[command(name = "eks-runner", version, after_help = EXIT_CODES)]
pub(super) struct Arguments {
    #[command(subcommand)]
    pub(super) command: Command,
    /// When to color the output; `auto` uses color on a terminal and respects NO_COLOR
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    pub(super) color: Color,
    /// Write the output to this file, not to standard output. `--output` selects the format
    #[arg(short = 'o', long, global = true, value_name = "PATH", value_parser = output_file)]
    pub(super) output_file: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Check every link from the Orchestrator to the runner's Job
    #[command(
        after_help = format!("{CHECK_EXAMPLES}\n\n{EXIT_CODES}"),
        override_usage = "eks-runner check [OPTIONS] FILE --id ID\n       eks-runner check [OPTIONS] --runner ID"
    )]
    Check(Box<CheckArguments>),
    /// Create one real Job as the runner, and see whether its container starts
    #[command(
        after_help = PROBE_EXAMPLES,
        override_usage = "eks-runner probe [OPTIONS] FILE --id ID\n       eks-runner probe [OPTIONS] --runner ID"
    )]
    Probe(Box<ProbeArguments>),
    /// Print what the runner needs in AWS and in its cluster
    #[command(
        after_help = SETUP_EXAMPLES,
        override_usage = "eks-runner setup [OPTIONS] FILE --id ID\n       eks-runner setup [OPTIONS] --runner ID"
    )]
    Setup(SetupArguments),
    /// Explain a check, from the documentation that the command contains
    #[command(after_help = EXPLAIN_EXAMPLES)]
    Explain(ExplainArguments),
    /// Print the JSON Schema of the runner's YAML file
    #[command(after_help = SCHEMA_EXAMPLES)]
    Schema,
    /// Print the script with which a shell completes the arguments
    #[command(after_help = COMPLETIONS_EXAMPLES)]
    Completions {
        /// The shell
        shell: Shell,
    },
    /// Write the manual pages of the command and its subcommands
    #[command(after_help = MAN_EXAMPLES)]
    Man {
        /// The directory for the pages, which is created if it does not exist
        directory: PathBuf,
    },
}

impl Command {
    /// Returns the name of the subcommand.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Check(_) => "check",
            Self::Probe(_) => "probe",
            Self::Setup(_) => "setup",
            Self::Explain(_) => "explain",
            Self::Schema => "schema",
            Self::Completions { .. } => "completions",
            Self::Man { .. } => "man",
        }
    }
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
    pub(super) output: CheckOutput,
    /// Repeat the checks until the exit code is 0, for at most this time
    #[arg(long, value_name = "DURATION", value_parser = parse::duration)]
    pub(super) wait: Option<Duration>,
    /// Which outcomes cause exit code 3
    #[arg(
        long,
        value_name = "STATUS",
        default_value = "failure",
        help_heading = "Output"
    )]
    pub(super) fail_on: FailOn,
    /// Exit with 0, not 4, if no check failed but checks could not run
    #[arg(long, help_heading = "Output")]
    pub(super) allow_incomplete: bool,
}

#[derive(Debug, Args)]
pub(super) struct ProbeArguments {
    #[command(flatten)]
    pub(super) runner: RunnerArguments,
    #[command(flatten)]
    pub(super) connection: ConnectionArguments,
    /// The image of the Job's container; else the one of the installation
    #[arg(long, value_name = "IMAGE", value_parser = parse::image, help_heading = "Job")]
    pub(super) image: Option<String>,
    /// How long the container may take to start. The Orchestrator waits five minutes
    #[arg(long, value_name = "DURATION", default_value = "5m", value_parser = parse::duration, help_heading = "Job")]
    pub(super) timeout: Duration,
    /// Create the Job without asking
    #[arg(long, help_heading = "Job")]
    pub(super) yes: bool,
    /// Do not delete the Job. The cluster removes it an hour after it has ended
    #[arg(long, help_heading = "Job")]
    pub(super) keep: bool,
    /// The format of the result
    #[arg(
        long,
        value_name = "FORMAT",
        default_value = "text",
        help_heading = "Output"
    )]
    pub(super) output: ProbeOutput,
}

#[derive(Debug, Args)]
pub(super) struct SetupArguments {
    #[command(flatten)]
    pub(super) runner: RunnerArguments,
    /// The issuer of the Orchestrator's OIDC tokens; needed unless the API is Humanitec's
    #[arg(long, value_name = "URL", value_parser = parse::issuer)]
    pub(super) oidc_issuer: Option<String>,
    /// The format of the output
    #[arg(long, value_name = "FORMAT", default_value = "terraform")]
    pub(super) output: SetupOutput,
    /// How the Jobs get their AWS role, if the state is kept in S3. Default: pod-identity
    #[arg(long, value_name = "HOW")]
    pub(super) pod_identity: Option<PodIdentity>,
}

#[derive(Debug, Args)]
pub(super) struct ExplainArguments {
    /// The ID of the check; without it, all checks are listed
    #[arg(value_name = "CHECK", value_parser = check_id(), hide_possible_values = true)]
    pub(super) check: Option<CheckId>,
}

/// The arguments that select the runner: one in a file, or a registered one.
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
    /// The ID of the runner that FILE describes
    #[arg(long, value_name = "ID", requires = "file")]
    pub(super) id: Option<String>,
    /// A registered runner, instead of FILE. The token is looked up like --org, in PO_AUTH_TOKEN or HUMANITEC_AUTH_TOKEN
    /// and the configuration files
    #[arg(long, value_name = "ID", conflicts_with = "file")]
    pub(super) runner: Option<String>,
    /// The organization. Default: the file of --octl-config-file or --hctl-config-file, then PO_ORG_ID or
    /// HUMANITEC_ORG_ID, then the default file of octl or hctl
    #[arg(long, value_name = "ORG")]
    pub(super) org: Option<String>,
    /// The URL of the Orchestrator's API, looked up like --org. Default: Humanitec's API. With FILE, it only selects
    /// the installation that the runner is for
    #[arg(long, value_name = "URL")]
    pub(super) api_url: Option<String>,
    /// A configuration file of hctl, instead of the default one
    #[arg(long, value_name = "PATH", conflicts_with = "octl_config_file")]
    hctl_config_file: Option<String>,
    /// A configuration file of octl, instead of the default one
    #[arg(long, value_name = "PATH")]
    octl_config_file: Option<String>,
}

impl RunnerArguments {
    /// Returns the path of the configuration file, and its product.
    pub(super) fn config_files(&self) -> Vec<(&'static Product, String)> {
        let files = [
            (&HUMANITEC, &self.hctl_config_file),
            (&STELLWERK, &self.octl_config_file),
        ];
        let set = files
            .into_iter()
            .filter_map(|(product, path)| Some((product, path.clone()?)));
        set.collect()
    }
}

/// The arguments that say with which credentials AWS and the cluster are called.
#[derive(Debug, Args)]
#[command(next_help_heading = "Access")]
pub(super) struct ConnectionArguments {
    /// Check with your own credentials, or as the runner, by assuming its role
    #[arg(long = "as", value_name = "WHO", default_value = "caller")]
    identity: As,
    /// A profile in the AWS configuration files. Default: AWS_PROFILE
    #[arg(long, value_name = "NAME")]
    profile: Option<String>,
    /// A role to assume before any check
    #[arg(long, value_name = "ARN", value_parser = role_arn)]
    assume_role_arn: Option<String>,
    /// The name of that role's session
    #[arg(long, value_name = "NAME", requires = "assume_role_arn")]
    assume_role_session_name: Option<String>,
    /// The external ID that this role's trust policy requires
    #[arg(long, value_name = "ID", requires = "assume_role_arn")]
    external_id: Option<String>,
    /// With --as runner: a file with an OIDC token that the runner's trust policy admits
    #[arg(long, value_name = "PATH")]
    web_identity_token_file: Option<PathBuf>,
    /// A kubeconfig, instead of a token created from your AWS credentials
    #[arg(long, value_name = "PATH", value_parser = readable)]
    kubeconfig: Option<PathBuf>,
    /// A context of that kubeconfig, instead of its current one
    #[arg(long, value_name = "NAME", requires = "kubeconfig")]
    context: Option<String>,
}

impl ConnectionArguments {
    /// Returns the settings of the connections. Every other setting is the one of the installation, or the default.
    pub(super) fn settings(&self, installation: &Installation) -> Settings {
        let defaults = Settings::default();
        Settings {
            frontend: Frontend::Command,
            identity: match self.identity {
                As::Caller => Identity::Caller,
                As::Runner => Identity::Runner,
            },
            profile: self.profile.clone(),
            assume_role: self.assume_role_arn.clone().map(|role_arn| AssumeRole {
                role_arn,
                session_name: self.assume_role_session_name.clone(),
                external_id: self.external_id.clone(),
            }),
            web_identity_token_file: self.web_identity_token_file.clone(),
            oidc_issuer: installation.oidc_issuer.map(str::to_owned),
            published_cidrs: installation.source_cidrs(),
            kubeconfig: self.kubeconfig.clone().map(|path| Kubeconfig {
                path,
                context: self.context.clone(),
            }),
            runner_image: installation
                .runner_image
                .map_or(defaults.runner_image, str::to_owned),
            ..Settings::default()
        }
    }
}

/// The arguments that say how the checks use AWS and the cluster.
#[derive(Debug, Args)]
#[command(next_help_heading = "Access")]
pub(super) struct AccessArguments {
    #[command(flatten)]
    connection: ConnectionArguments,
    /// The issuer of the Orchestrator's OIDC tokens; needed unless the API is Humanitec's
    #[arg(long, value_name = "URL", value_parser = parse::issuer)]
    oidc_issuer: Option<String>,
    /// The image of the Orchestrator's Jobs, for `job-dry-run`. Default: the installation's image
    #[arg(long, value_name = "IMAGE", value_parser = parse::image)]
    runner_image: Option<String>,
    /// The Orchestrator's source addresses, for `cluster-endpoint`. Default: those that Humanitec publishes. Can be
    /// repeated
    #[arg(long, value_name = "CIDR", value_parser = parse::cidr)]
    orchestrator_cidr: Vec<IpNet>,
    /// Skip this check; can be repeated, or a comma-separated list. Checks that need it still run
    #[arg(long, value_name = "CHECK", value_delimiter = ',', value_parser = check_id(),
        hide_possible_values = true)]
    skip: Vec<CheckId>,
    /// The time limit for all checks together. A check that has not finished by then is skipped
    #[arg(long, value_name = "DURATION", default_value = "2m", value_parser = parse::duration)]
    timeout: Duration,
}

impl AccessArguments {
    /// Returns the settings of the checks for a runner of this installation.
    pub(super) fn settings(self, installation: &Installation) -> Settings {
        let settings = self.connection.settings(installation);
        Settings {
            timeout: self.timeout,
            oidc_issuer: self.oidc_issuer.or(settings.oidc_issuer),
            orchestrator_cidrs: self.orchestrator_cidr,
            runner_image: self.runner_image.unwrap_or(settings.runner_image),
            skip: self.skip.into_iter().collect(),
            ..settings
        }
    }
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum As {
    Caller,
    Runner,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum CheckOutput {
    /// Text for people
    Text,
    /// One JSON document
    Json,
    /// JUnit XML, for the test reports of CI systems
    Junit,
    /// SARIF 2.1.0, for code scanning
    Sarif,
    /// Markdown with a Mermaid graph, for the summary of a CI job
    Markdown,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum ProbeOutput {
    /// Text for people
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
pub(super) enum SetupOutput {
    /// For hashicorp/aws and hashicorp/kubernetes
    Terraform,
    /// Commands of the AWS CLI and kubectl
    AwsCli,
    /// The cluster's objects, for kubectl
    Yaml,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum PodIdentity {
    /// An EKS Pod Identity association, and the add-on that it needs. Does not work on Fargate
    PodIdentity,
    /// IAM roles for service accounts: the cluster's OIDC provider, and an annotation
    Irsa,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Color {
    Auto,
    Always,
    Never,
}

/// Returns the parser of check ids. The help does not list all ids, but the error does.
fn check_id() -> impl TypedValueParser<Value = CheckId> {
    PossibleValuesParser::new(CheckId::ALL.map(CheckId::as_str)).try_map(|id| id.parse::<CheckId>())
}

/// Returns the ARN of a role as it is written, once it is known to be one.
fn role_arn(text: &str) -> Result<String, String> {
    let role: Result<RoleArn, _> = text.parse();
    match role {
        Ok(_) => Ok(text.to_owned()),
        Err(invalid) => Err(invalid.to_string()),
    }
}

/// Returns the path of a file for the output. The name of a format is not one: `-o json` selects a format in other
/// programs.
fn output_file(path: &str) -> Result<PathBuf, String> {
    let is_format =
        CheckOutput::from_str(path, false).is_ok() || SetupOutput::from_str(path, false).is_ok();
    if is_format {
        return Err(format!(
            "this is the path of a file; to select the format, use --output {path}"
        ));
    }
    Ok(path.into())
}

/// Returns the path of a file that can be read.
fn readable(path: &str) -> Result<PathBuf, String> {
    let found = fs::metadata(path).map_err(|error| error.to_string())?;
    if found.is_dir() {
        return Err("it is a directory".to_owned());
    }
    // A pipe can be read only once, so it is not opened here.
    if found.is_file() {
        File::open(path).map_err(|error| error.to_string())?;
    }
    Ok(path.into())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_arguments_do_not_contradict_each_other() {
        Arguments::command().debug_assert();
    }
}
