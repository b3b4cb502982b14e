//! The arguments that select runners.

use std::path::PathBuf;

use clap::Args;

use crate::cli::error::Error;
use crate::product::{HUMANITEC, Product, STELLWERK};

/// The arguments that select the runner: one in a file, or a registered one.
#[derive(Debug, Args)]
#[command(next_help_heading = "Runner")]
pub(in crate::cli) struct RunnerArguments {
    /// The runner's YAML file, as `hctl create runner` takes it or `hctl get runner` prints it, or - for standard input
    #[arg(
        value_name = "FILE",
        required_unless_present = "runner",
        help_heading = "Arguments"
    )]
    pub(in crate::cli) file: Option<PathBuf>,
    /// The ID of the runner that FILE describes. Default: the `id` in FILE
    #[arg(long, value_name = "ID", conflicts_with = "runner")]
    pub(in crate::cli) id: Option<String>,
    /// A registered runner, instead of FILE. The token is looked up like --org, in PO_AUTH_TOKEN or HUMANITEC_AUTH_TOKEN
    /// and the configuration files
    #[arg(long, value_name = "ID", conflicts_with = "file")]
    pub(in crate::cli) runner: Option<String>,
    #[command(flatten)]
    pub(in crate::cli) orchestrator: OrchestratorArguments,
}

/// The arguments that select any number of runners: those in files, a registered one, or all registered ones.
#[derive(Debug, Args)]
#[command(next_help_heading = "Runner")]
pub(in crate::cli) struct RunnersArguments {
    /// The runners' YAML files, as `hctl create runner` takes them or `hctl get runner` prints them, or - for standard
    /// input
    #[arg(
        value_name = "FILE",
        required_unless_present_any = ["runner", "all"],
        help_heading = "Arguments"
    )]
    pub(in crate::cli) files: Vec<PathBuf>,
    /// The ID of the runner that FILE describes. Default: the `id` in FILE
    #[arg(long, value_name = "ID", conflicts_with_all = ["runner", "all"])]
    pub(in crate::cli) id: Option<String>,
    /// A registered runner, instead of FILE. The token is looked up like --org, in PO_AUTH_TOKEN or HUMANITEC_AUTH_TOKEN
    /// and the configuration files
    #[arg(long, value_name = "ID", conflicts_with = "files")]
    pub(in crate::cli) runner: Option<String>,
    /// Every registered runner of type kubernetes-eks of the organization
    #[arg(long, conflicts_with_all = ["files", "runner"])]
    pub(in crate::cli) all: bool,
    /// With --all: only the runners whose IDs begin with this text
    #[arg(long, value_name = "TEXT", requires = "all", conflicts_with = "runner")]
    pub(in crate::cli) id_prefix: Option<String>,
    #[command(flatten)]
    pub(in crate::cli) orchestrator: OrchestratorArguments,
}

impl RunnersArguments {
    /// Refuses an ID for several files.
    ///
    /// # Errors
    /// The option without an effect.
    pub(in crate::cli) fn verify(&self) -> Result<(), Error> {
        match (&self.id, self.files.len()) {
            (Some(_), 2..) => Err(Error::Arguments {
                problem: format!(
                    "--id names one runner, and there are {} files",
                    self.files.len()
                ),
                fix: "remove --id, and set `id` in each file",
            }),
            _ => Ok(()),
        }
    }

    /// Returns whether the arguments can select several runners, whatever their number is.
    pub(in crate::cli) fn are_several(&self) -> bool {
        self.all || self.files.len() > 1
    }
}

/// The arguments that select the organization and the installation of the Orchestrator.
#[derive(Debug, Args)]
#[command(next_help_heading = "Runner")]
pub(in crate::cli) struct OrchestratorArguments {
    /// The organization. Default: the `org_id` in FILE, then the file of --octl-config-file or --hctl-config-file, then
    /// PO_ORG_ID or HUMANITEC_ORG_ID, then the default file of octl or hctl
    #[arg(long, value_name = "ORG")]
    pub(in crate::cli) org: Option<String>,
    /// The URL of the Orchestrator's API, looked up like --org. Default: Humanitec's API. With FILE, it only selects
    /// the installation that the runner is for
    #[arg(long, value_name = "URL")]
    pub(in crate::cli) api_url: Option<String>,
    /// A configuration file of hctl, instead of the default one
    #[arg(long, value_name = "PATH", conflicts_with = "octl_config_file")]
    hctl_config_file: Option<String>,
    /// A configuration file of octl, instead of the default one
    #[arg(long, value_name = "PATH")]
    octl_config_file: Option<String>,
}

impl OrchestratorArguments {
    /// Returns the path of the configuration file, and its product.
    pub(in crate::cli) fn config_files(&self) -> Vec<(&'static Product, String)> {
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
