//! The command's arguments, and the settings of the checks that they result in.

mod access;
mod examples;
mod runner;

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{ArgAction, Args, Parser, Subcommand, ValueEnum};
use clap_complete::Shell;

use access::check_id;
pub(super) use access::{AccessArguments, ConnectionArguments};
use examples::{
    CHECK_EXAMPLES, COMPLETIONS_EXAMPLES, EXIT_CODES, EXPLAIN_EXAMPLES, MAN_EXAMPLES, PROBE_EXAMPLES, SCHEMA_EXAMPLES,
    SETUP_EXAMPLES,
};

pub(super) use runner::{IdPattern, OrchestratorArguments, RunnerArguments, RunnersArguments};

use super::error::Error;
use crate::access::{CheckId, parse};
use crate::orchestrator::Environment;

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

impl Arguments {
    /// Refuses options that have no effect with the subcommand.
    ///
    /// # Errors
    /// The option without an effect.
    pub(super) fn verify(&self) -> Result<(), Error> {
        refuse(
            self.output_file.is_some() && matches!(self.command, Command::Man { .. }),
            "--output-file has no effect: `man` writes its pages to DIRECTORY",
            "remove --output-file",
        )
    }
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Check every link from the Orchestrator to the runner's Job
    #[command(
        after_help = format!("{CHECK_EXAMPLES}\n\n{EXIT_CODES}"),
        override_usage = "eks-runner check [OPTIONS] FILE [--id ID]\n       eks-runner check [OPTIONS] FILE FILE...\n       \
            eks-runner check [OPTIONS] --runner ID\n       eks-runner check [OPTIONS] --all [--filter PATTERN]"
    )]
    Check(Box<CheckArguments>),
    /// Create one real Job as the runner, and see whether its container starts
    #[command(
        after_help = PROBE_EXAMPLES,
        override_usage = "eks-runner probe [OPTIONS] FILE [--id ID]\n       eks-runner probe [OPTIONS] --runner ID"
    )]
    Probe(Box<ProbeArguments>),
    /// Print what the runner needs in AWS and in its cluster
    #[command(
        after_help = SETUP_EXAMPLES,
        override_usage = "eks-runner setup [OPTIONS] FILE [--id ID]\n       eks-runner setup [OPTIONS] --runner ID"
    )]
    Setup(SetupArguments),
    /// Explain a check, from the documentation that the command contains
    #[command(after_help = EXPLAIN_EXAMPLES)]
    Explain(ExplainArguments),
    /// Print the JSON Schema of the runner's YAML file
    #[command(after_help = SCHEMA_EXAMPLES)]
    Schema,
    /// Print a shell completion script
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

    /// Returns how much of each call is shown. 0 shows no calls.
    pub(super) fn verbosity(&self) -> u8 {
        match self {
            Self::Check(arguments) => arguments.log.verbose,
            Self::Probe(arguments) => arguments.log.verbose,
            Self::Setup(_) | Self::Explain(_) | Self::Schema | Self::Completions { .. } | Self::Man { .. } => 0,
        }
    }

    /// Returns the format of the report. `None` for a subcommand whose output is not a report.
    pub(super) fn report_format(&self) -> Option<CheckOutput> {
        match self {
            Self::Check(arguments) => Some(arguments.output),
            Self::Probe(arguments) => Some(arguments.output.into()),
            Self::Setup(_) | Self::Explain(_) | Self::Schema | Self::Completions { .. } | Self::Man { .. } => None,
        }
    }

    /// Returns the files that the arguments name to be read.
    pub(super) fn inputs(&self) -> Vec<PathBuf> {
        let (mut inputs, orchestrator, connection) = match self {
            Self::Check(arguments) => (
                arguments.runners.files.clone(),
                &arguments.runners.orchestrator,
                Some(&arguments.access.connection),
            ),
            Self::Probe(arguments) => (
                Vec::from_iter(arguments.runner.file.clone()),
                &arguments.runner.orchestrator,
                Some(&arguments.connection),
            ),
            Self::Setup(arguments) => (
                Vec::from_iter(arguments.runner.file.clone()),
                &arguments.runner.orchestrator,
                None,
            ),
            Self::Explain(_) | Self::Schema | Self::Completions { .. } | Self::Man { .. } => {
                return Vec::new();
            }
        };
        let config_files = orchestrator.config_files().into_iter();
        inputs.extend(config_files.map(|(_, path)| expanded(path.into())));
        inputs.extend(connection.into_iter().flat_map(ConnectionArguments::inputs));
        inputs
    }

    /// Returns whether no text is shown if the exit code is 0.
    pub(super) fn is_quiet(&self) -> bool {
        matches!(self, Self::Check(arguments) if arguments.quiet)
    }
}

#[derive(Debug, Args)]
pub(super) struct CheckArguments {
    #[command(flatten)]
    pub(super) runners: RunnersArguments,
    #[command(flatten)]
    pub(super) access: AccessArguments,
    /// The format of the result
    #[arg(long, value_name = "FORMAT", default_value = "text", help_heading = "Output")]
    pub(super) output: CheckOutput,
    /// Repeat the checks until none fails; with --fail-on warning, until none warns either. The last run begins when
    /// this time ends
    #[arg(long, value_name = "DURATION", value_parser = parse::duration, help_heading = "Checks")]
    pub(super) wait: Option<Duration>,
    /// Which outcomes cause exit code 3
    #[arg(long, value_name = "STATUS", default_value = "failure", help_heading = "Output")]
    pub(super) fail_on: FailOn,
    /// Exit with 0, not 4, if no check failed but checks could not run
    #[arg(long, help_heading = "Output")]
    pub(super) allow_incomplete: bool,
    /// Write no text if the exit code is 0. Every other format is still written
    #[arg(short, long, help_heading = "Output")]
    pub(super) quiet: bool,
    #[command(flatten)]
    pub(super) log: LogArguments,
}

impl CheckArguments {
    /// Refuses options that have no effect together.
    ///
    /// # Errors
    /// The option without an effect.
    pub(super) fn verify(&self) -> Result<(), Error> {
        self.runners.verify()?;
        self.access.verify()?;
        let inputs = self.access.connection.inputs();
        if let Some(path) = inputs.iter().find(|path| is_readable_once(path)) {
            refuse(
                self.wait.is_some(),
                format!(
                    "--wait repeats the checks, and {} can be read only once: it is not a regular file",
                    path.display()
                ),
                "write the content to a regular file, or remove --wait",
            )?;
        }
        refuse(
            self.quiet && self.log.verbose > 0,
            "--quiet and --verbose contradict each other: one hides what the other one shows",
            "remove one of the two",
        )
    }
}

/// Refuses an option that has no effect, with the reason.
fn refuse(has_no_effect: bool, problem: impl Into<String>, fix: &'static str) -> Result<(), Error> {
    if has_no_effect {
        let problem = problem.into();
        Err(Error::Arguments { problem, fix })
    } else {
        Ok(())
    }
}

/// The argument that shows the calls.
#[derive(Debug, Args)]
pub(super) struct LogArguments {
    /// Show each call of the Orchestrator, AWS, and the cluster on standard error, with its status and its time; -vv also
    /// shows the host, the request ID, and the attempt
    #[arg(short, long, action = ArgAction::Count, help_heading = "Output")]
    pub(super) verbose: u8,
}

#[derive(Debug, Args)]
pub(super) struct ProbeArguments {
    #[command(flatten)]
    pub(super) runner: RunnerArguments,
    #[command(flatten)]
    pub(super) connection: ConnectionArguments,
    /// The image of the Job's container. Default: the installation's image
    #[arg(long, visible_alias = "image", value_name = "IMAGE", value_parser = parse::image, help_heading = "Job")]
    pub(super) runner_image: Option<String>,
    /// How long to wait for the container to start. The Orchestrator waits five minutes
    #[arg(long, value_name = "DURATION", default_value = "5m", value_parser = parse::duration, help_heading = "Job")]
    pub(super) timeout: Duration,
    /// Create the Job without confirmation
    #[arg(long, help_heading = "Job")]
    pub(super) yes: bool,
    /// Do not delete the Job. Kubernetes stops it 15 seconds after --timeout, and deletes it an hour after it has ended
    #[arg(long, help_heading = "Job")]
    pub(super) keep: bool,
    /// The format of the result
    #[arg(long, value_name = "FORMAT", default_value = "text", help_heading = "Output")]
    pub(super) output: ProbeOutput,
    #[command(flatten)]
    pub(super) log: LogArguments,
}

impl ProbeArguments {
    /// Refuses options that have no effect together.
    ///
    /// # Errors
    /// The option without an effect.
    pub(super) fn verify(&self) -> Result<(), Error> {
        self.runner.verify()?;
        self.connection.verify()
    }
}

#[derive(Debug, Args)]
pub(super) struct SetupArguments {
    #[command(flatten)]
    pub(super) runner: RunnerArguments,
    /// The issuer of the Orchestrator's OIDC tokens; needed unless the API is Humanitec's
    #[arg(long, value_name = "URL", value_parser = parse::issuer, help_heading = "Setup")]
    pub(super) oidc_issuer: Option<String>,
    /// How the Jobs get their AWS role, if the state is kept in S3. Default: pod-identity
    #[arg(long, value_name = "HOW", help_heading = "Setup")]
    pub(super) pod_identity: Option<PodIdentity>,
    /// The format of the output
    #[arg(long, value_name = "FORMAT", default_value = "terraform", help_heading = "Output")]
    pub(super) output: SetupOutput,
}

impl SetupArguments {
    /// Refuses options that have no effect together.
    ///
    /// # Errors
    /// The option without an effect.
    pub(super) fn verify(&self) -> Result<(), Error> {
        self.runner.verify()?;
        refuse(
            self.output == SetupOutput::Yaml && self.oidc_issuer.is_some(),
            "--oidc-issuer has no effect: the issuer is part of the objects in AWS, which --output yaml does not print",
            "remove --oidc-issuer, or select another --output",
        )
    }
}

#[derive(Debug, Args)]
pub(super) struct ExplainArguments {
    /// The ID of the check. Default: list all checks
    #[arg(value_name = "CHECK", value_parser = check_id(), hide_possible_values = true)]
    pub(super) check: Option<CheckId>,
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

impl From<ProbeOutput> for CheckOutput {
    fn from(output: ProbeOutput) -> Self {
        match output {
            ProbeOutput::Text => Self::Text,
            ProbeOutput::Json => Self::Json,
        }
    }
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

/// Returns the path of a file for the output. The name of a format is not one: `-o json` selects a format in other
/// programs.
pub(super) fn output_file(path: &str) -> Result<PathBuf, String> {
    let is_format = CheckOutput::from_str(path, false).is_ok() || SetupOutput::from_str(path, false).is_ok();
    if is_format {
        return Err(format!(
            "this is the path of a file; to select the format, use --output {path}"
        ));
    }
    Ok(expanded(path.into()))
}

/// Returns whether a file can be read only once: standard input, and every file that is not a regular one, such as the pipe
/// of `<(command)`.
fn is_readable_once(path: &Path) -> bool {
    path.as_os_str() == "-" || fs::metadata(path).is_ok_and(|found| !found.is_file())
}

/// Returns the path with the home directory in place of `~`: shells replace it in `--option ~/file`, but not in
/// `--option=~/file`.
fn expanded(path: PathBuf) -> PathBuf {
    match path.to_str() {
        Some(text) => Environment::from_process().expand(text),
        None => path,
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn a_tilde_in_an_option_is_the_home_directory() {
        let Some(home) = std::env::home_dir() else {
            return;
        };
        let arguments = Arguments::parse_from([
            "eks-runner",
            "check",
            "runner.yaml",
            "--output-file=~/report",
            "--as=runner",
            "--web-identity-token-file=~/token",
            "--octl-config-file=~/octl.yaml",
        ]);
        assert_eq!(arguments.output_file, Some(home.join("report")));
        let inputs = arguments.command.inputs();
        let expected = ["octl.yaml", "token"].map(|name| home.join(name));
        assert_eq!(inputs[1..], expected);
    }

    #[test]
    fn the_arguments_do_not_contradict_each_other() {
        Arguments::command().debug_assert();
    }
}
