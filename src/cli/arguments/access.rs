//! The arguments about the checks' access to AWS and to the cluster.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::path::PathBuf;
use std::time::Duration;

use clap::builder::{PathBufValueParser, PossibleValuesParser, TypedValueParser};
use clap::{Args, ValueEnum};
use ipnet::IpNet;

use super::{expanded, refuse};
use crate::access::{AssumeRole, CheckId, CheckSetting, Frontend, Identity, Kubeconfig, Settings, parse};
use crate::cli::error::Error;
use crate::orchestrator::Installation;
use crate::runner::RoleArn;

/// The arguments that say with which credentials AWS and the cluster are called.
#[derive(Debug, Args)]
#[command(next_help_heading = "Access")]
pub(in crate::cli) struct ConnectionArguments {
    /// Whose credentials to use: your own, or those of the runner's role
    #[arg(long = "as", value_name = "WHO", default_value = "caller")]
    identity: As,
    /// A profile in the AWS configuration files. Default: AWS_PROFILE
    #[arg(long, value_name = "NAME")]
    profile: Option<String>,
    /// A role to assume first
    #[arg(long, value_name = "ARN", value_parser = role_arn)]
    assume_role_arn: Option<String>,
    /// The name of that role's session
    #[arg(long, value_name = "NAME", value_parser = parse::role_session_name)]
    assume_role_session_name: Option<String>,
    /// The external ID that this role's trust policy requires
    #[arg(long, value_name = "ID", value_parser = parse::external_id)]
    external_id: Option<String>,
    /// With --as runner: a file with an OIDC token that the runner's trust policy admits
    #[arg(long, value_name = "PATH", value_parser = PathBufValueParser::new().map(expanded))]
    web_identity_token_file: Option<PathBuf>,
    /// A kubeconfig, instead of a token created from your AWS credentials
    #[arg(long, value_name = "PATH", value_parser = readable)]
    kubeconfig: Option<PathBuf>,
    /// A context of that kubeconfig, instead of its current one
    #[arg(long, value_name = "NAME")]
    context: Option<String>,
}

impl ConnectionArguments {
    /// Refuses options that have no effect together.
    ///
    /// # Errors
    /// The option without an effect.
    pub(in crate::cli) fn verify(&self) -> Result<(), Error> {
        let is_caller = matches!(self.identity, As::Caller);
        refuse(
            is_caller && self.web_identity_token_file.is_some(),
            "--web-identity-token-file has no effect: the runner's role is only assumed with --as runner",
            "add --as runner, or remove --web-identity-token-file",
        )?;
        refuse(
            !is_caller && self.kubeconfig.is_some(),
            "--kubeconfig has no effect: only the caller uses a kubeconfig. The runner uses a token of its own role, as the \
             Orchestrator does",
            "remove --kubeconfig, or use --as caller",
        )?;
        refuse(
            self.context.is_some() && self.kubeconfig.is_none(),
            "--context has no effect: it selects a context of the file that --kubeconfig names",
            "add --kubeconfig, or remove --context",
        )?;
        for (option, is_set) in [
            ("--assume-role-session-name", self.assume_role_session_name.is_some()),
            ("--external-id", self.external_id.is_some()),
        ] {
            refuse(
                is_set && self.assume_role_arn.is_none(),
                format!("{option} has no effect: it is for the role of --assume-role-arn"),
                "add --assume-role-arn, or remove the option",
            )?;
        }
        Ok(())
    }

    /// Refuses options that no running check uses.
    fn verify_for(&self, running: &[CheckId]) -> Result<(), Error> {
        let is_runner = matches!(self.identity, As::Runner);
        for (setting, is_set, called) in [
            (CheckSetting::Profile, self.profile.is_some(), "AWS"),
            (CheckSetting::AssumeRole, self.assume_role_arn.is_some(), "AWS"),
            (CheckSetting::Identity(Identity::Runner), is_runner, "AWS"),
            (CheckSetting::Kubeconfig, self.kubeconfig.is_some(), "the cluster"),
        ] {
            refuse(
                is_set && !CheckId::using(setting).any(|id| running.contains(&id)),
                format!(
                    "{} has no effect: no check that runs calls {called}",
                    setting.name(Frontend::Command)
                ),
                "remove the option, or run another check",
            )?;
        }
        Ok(())
    }

    /// Returns the files that the arguments name to be read.
    pub(super) fn inputs(&self) -> Vec<PathBuf> {
        let files = [&self.web_identity_token_file, &self.kubeconfig];
        files.into_iter().flatten().cloned().collect()
    }

    /// Returns the settings of the connections. Every other setting is the one of the installation, or the default.
    pub(in crate::cli) fn settings(&self, installation: &Installation) -> Settings {
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
            runner_image: installation.runner_image.map_or(defaults.runner_image, str::to_owned),
            timeout: defaults.timeout,
            orchestrator_cidrs: defaults.orchestrator_cidrs,
            skip: defaults.skip,
            only: defaults.only,
        }
    }
}

/// The arguments that say how the checks use AWS and the cluster.
#[derive(Debug, Args)]
#[command(next_help_heading = "Checks")]
pub(in crate::cli) struct AccessArguments {
    /// The issuer of the Orchestrator's OIDC tokens; needed unless the API is Humanitec's
    #[arg(long, value_name = "URL", value_parser = parse::issuer)]
    oidc_issuer: Option<String>,
    #[arg(long, value_name = "IMAGE", value_parser = parse::image, help = format!(
        "The image of the Orchestrator's Jobs, for {}. Default: the installation's image",
        CheckId::list_using(CheckSetting::RunnerImage, "")
    ))]
    runner_image: Option<String>,
    #[arg(long, value_name = "CIDR", value_delimiter = ',', value_parser = parse::cidr, help = format!(
        "The Orchestrator's source addresses, for {}; can be repeated, or a comma-separated list. Default with \
         Humanitec's API: the addresses that Humanitec publishes. No default with any other API",
        CheckId::list_using(CheckSetting::OrchestratorCidrs, "")
    ))]
    orchestrator_cidr: Vec<IpNet>,
    /// Skip this check; can be repeated, or a comma-separated list. Checks that need it still run
    #[arg(long, value_name = "CHECK", value_delimiter = ',', value_parser = check_id(),
        hide_possible_values = true)]
    skip: Vec<CheckId>,
    /// Run only this check and the checks that it needs; can be repeated, or a comma-separated list
    #[arg(long, value_name = "CHECK", value_delimiter = ',', value_parser = check_id(),
        hide_possible_values = true)]
    only: Vec<CheckId>,
    /// The time limit for all checks of a runner together. A check that has not finished by then is skipped
    #[arg(long, value_name = "DURATION", default_value = "2m", value_parser = parse::duration)]
    timeout: Duration,
    // The last one, because the heading of its options would apply to the options after it.
    #[command(flatten)]
    pub(super) connection: ConnectionArguments,
}

impl AccessArguments {
    /// Refuses options that have no effect together.
    ///
    /// # Errors
    /// The option without an effect.
    pub(in crate::cli) fn verify(&self) -> Result<(), Error> {
        self.connection.verify()?;
        if let Some(id) = self.only.iter().find(|id| self.skip.contains(id)) {
            refuse(
                true,
                format!("--only {id} has no effect: --skip names the same check"),
                "remove one of the two",
            )?;
        }
        let settings = self.settings(&Installation::default());
        let mut running = settings.selected();
        running.retain(|id| settings.runs(*id));
        let without_skip = Settings {
            skip: BTreeSet::new(),
            ..settings.clone()
        };
        let possible = without_skip.selected();
        if let Some(id) = self.skip.iter().find(|id| !possible.contains(id)) {
            refuse(
                true,
                format!("--skip {id} has no effect: no check that --only names needs it"),
                "remove --skip, or add what it skips to --only",
            )?;
        }
        self.connection.verify_for(&running)?;
        for (setting, is_set) in [
            (CheckSetting::OidcIssuer, self.oidc_issuer.is_some()),
            (CheckSetting::RunnerImage, self.runner_image.is_some()),
            (CheckSetting::OrchestratorCidrs, !self.orchestrator_cidr.is_empty()),
        ] {
            refuse(
                is_set && !CheckId::using(setting).any(|id| settings.runs(id)),
                format!(
                    "{} has no effect: it is for {}, which --only or --skip excludes",
                    setting.name(Frontend::Command),
                    CheckId::list_using(setting, "")
                ),
                "remove the option, or do not exclude all of these checks",
            )?;
        }
        Ok(())
    }

    /// Returns the settings of the checks for a runner of this installation.
    pub(in crate::cli) fn settings(&self, installation: &Installation) -> Settings {
        let settings = self.connection.settings(installation);
        Settings {
            timeout: self.timeout,
            oidc_issuer: self.oidc_issuer.clone().or(settings.oidc_issuer),
            orchestrator_cidrs: self.orchestrator_cidr.clone(),
            runner_image: self.runner_image.clone().unwrap_or(settings.runner_image),
            skip: self.skip.iter().copied().collect(),
            only: self.only.iter().copied().collect(),
            ..settings
        }
    }
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum As {
    Caller,
    Runner,
}

/// Returns the parser of check ids. The help does not list all ids, but the error does.
pub(super) fn check_id() -> impl TypedValueParser<Value = CheckId> {
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

/// Returns the path of a file that can be read.
fn readable(path: &str) -> Result<PathBuf, String> {
    let path = expanded(path.into());
    let found = fs::metadata(&path).map_err(|error| error.to_string())?;
    if found.is_dir() {
        return Err("it is a directory".to_owned());
    }
    // A pipe can be read only once, so it is not opened here.
    if found.is_file() {
        File::open(&path).map_err(|error| error.to_string())?;
    }
    Ok(path)
}
