//! The arguments that select runners.

use std::collections::HashSet;
use std::path::PathBuf;
use std::str::FromStr;

use clap::Args;

use super::{is_readable_once, refuse};
use crate::cli::error::Error;
use crate::product::{HUMANITEC, PRODUCTS, Product, STELLWERK};

/// The arguments that select the runner: one in a file, or a registered one.
#[derive(Debug, Args)]
#[command(next_help_heading = "Runner")]
pub(in crate::cli) struct RunnerArguments {
    /// The runner's YAML file, as `hctl create runner` accepts it or `hctl get runner` prints it, or - for standard input
    #[arg(value_name = "FILE", help_heading = "Arguments")]
    pub(in crate::cli) file: Option<PathBuf>,
    /// The ID of the runner that FILE describes. Default: the `id` in FILE
    #[arg(long, value_name = "ID")]
    pub(in crate::cli) id: Option<String>,
    /// A registered runner, instead of FILE. The token is looked up like --org, in PO_AUTH_TOKEN or HUMANITEC_AUTH_TOKEN
    /// and the configuration files
    #[arg(long, value_name = "ID")]
    pub(in crate::cli) runner: Option<String>,
    #[command(flatten)]
    pub(in crate::cli) orchestrator: OrchestratorArguments,
}

impl RunnerArguments {
    /// Refuses an unclear selection, and options that have no effect together.
    ///
    /// # Errors
    /// What is missing, or the option without an effect.
    pub(in crate::cli) fn verify(&self) -> Result<(), Error> {
        let is_registered = self.runner.is_some();
        one_way(
            &[(self.file.is_some(), "FILE"), (is_registered, "--runner")],
            "pass the runner's FILE, or set --runner to the ID of a registered runner",
        )?;
        refuse(self.id.is_some() && is_registered, ID_OF_FILE, REMOVE_ID)
    }
}

/// Why `--id` is refused without a file.
const ID_OF_FILE: &str = "--id has no effect: it is the ID of the runner in FILE, but no FILE is passed";
const REMOVE_ID: &str = "remove --id";

/// Refuses none of several ways to select runners, and more than one. Each has its name, and whether it is used.
fn one_way(ways: &[(bool, &str)], fix: &'static str) -> Result<(), Error> {
    let used = ways.iter().filter(|(is_used, _)| *is_used);
    let used: Vec<&str> = used.map(|(_, name)| *name).collect();
    match used.as_slice() {
        [] => refuse(true, "no runner is selected", fix),
        [_] => Ok(()),
        several => refuse(
            true,
            format!(
                "{} cannot be used together: each of them selects the runners",
                several.join(" and ")
            ),
            "keep one of them",
        ),
    }
}

/// The arguments that select any number of runners: those in files, a registered one, or all registered ones.
#[derive(Debug, Args)]
#[command(next_help_heading = "Runner")]
pub(in crate::cli) struct RunnersArguments {
    /// The runners' YAML files, as `hctl create runner` accepts them or `hctl get runner` prints them, or - for standard
    /// input
    #[arg(value_name = "FILE", help_heading = "Arguments")]
    pub(in crate::cli) files: Vec<PathBuf>,
    /// The ID of the runner that FILE describes. Default: the `id` in FILE
    #[arg(long, value_name = "ID")]
    pub(in crate::cli) id: Option<String>,
    /// A registered runner, instead of FILE. The token is looked up like --org, in PO_AUTH_TOKEN or HUMANITEC_AUTH_TOKEN
    /// and the configuration files
    #[arg(long, value_name = "ID")]
    pub(in crate::cli) runner: Option<String>,
    /// Every registered runner of type kubernetes-eks of the organization
    #[arg(long)]
    pub(in crate::cli) all: bool,
    /// With --all: only the runners whose IDs match, where * matches any characters, such as 'prod-*'
    #[arg(long, value_name = "PATTERN")]
    pub(in crate::cli) filter: Option<IdPattern>,
    #[command(flatten)]
    pub(in crate::cli) orchestrator: OrchestratorArguments,
}

impl RunnersArguments {
    /// Refuses an unclear selection, and options that have no effect together.
    ///
    /// # Errors
    /// What is missing, or the option without an effect.
    pub(in crate::cli) fn verify(&self) -> Result<(), Error> {
        let (files, has_id) = (&self.files, self.id.is_some());
        refuse(
            self.filter.is_some() && !self.all,
            "--filter has no effect: it selects from the runners of --all",
            "add --all, or remove --filter",
        )?;
        one_way(
            &[
                (!files.is_empty(), "FILE"),
                (self.runner.is_some(), "--runner"),
                (self.all, "--all"),
            ],
            "pass the runner's FILE, set --runner to the ID of a registered runner, or set --all for every EKS runner of the organization",
        )?;
        refuse(has_id && files.is_empty(), ID_OF_FILE, REMOVE_ID)?;
        refuse(
            has_id && files.len() > 1,
            format!("--id names one runner, but {} files were passed", files.len()),
            "remove --id, and set `id` in each file",
        )?;
        let mut seen = HashSet::new();
        match files.iter().find(|path| !seen.insert(*path)) {
            Some(path) if path.as_os_str() == "-" => refuse(
                true,
                "standard input, -, is passed twice, but it can be read only once",
                "remove one of the two",
            ),
            Some(path) => refuse(
                true,
                format!("{} is passed twice", path.display()),
                "remove one of the two",
            ),
            None => Ok(()),
        }
    }

    /// Returns whether a runner is read from standard input or from a pipe, which can be read only once.
    pub(in crate::cli) fn are_readable_once(&self) -> bool {
        self.files.iter().any(|path| is_readable_once(path))
    }

    /// Returns whether the arguments can select several runners, whatever their number is.
    pub(in crate::cli) fn are_several(&self) -> bool {
        self.all || self.files.len() > 1
    }
}

/// A pattern of IDs, in which `*` matches any characters.
#[derive(Debug, Clone)]
pub(in crate::cli) struct IdPattern(String);

impl IdPattern {
    /// Returns the pattern as it is written.
    pub(in crate::cli) fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns whether an ID matches.
    pub(in crate::cli) fn matches(&self, id: &str) -> bool {
        let Some((start, rest)) = self.0.split_once('*') else {
            return id == self.0;
        };
        let (between, end) = rest.rsplit_once('*').unwrap_or(("", rest));
        let inner = id.strip_prefix(start).and_then(|id| id.strip_suffix(end));
        let Some(mut inner) = inner else {
            return false;
        };
        // The first place of each part leaves the most text for the next ones.
        between.split('*').all(|part| {
            let after = inner.split_once(part).map(|(_, after)| after);
            inner = after.unwrap_or_default();
            after.is_some()
        })
    }
}

impl FromStr for IdPattern {
    type Err = &'static str;

    fn from_str(pattern: &str) -> Result<Self, Self::Err> {
        match pattern {
            "" => Err("the pattern is empty, so it matches no ID"),
            pattern => Ok(Self(pattern.to_owned())),
        }
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
    #[arg(long, value_name = "PATH")]
    hctl_config_file: Option<String>,
    /// A configuration file of octl, instead of the default one
    #[arg(long, value_name = "PATH")]
    octl_config_file: Option<String>,
}

impl OrchestratorArguments {
    /// Returns the path of the configuration file, and its product.
    pub(in crate::cli) fn config_files(&self) -> Vec<(&'static Product, String)> {
        let files: [_; PRODUCTS.len()] = [
            (&HUMANITEC, &self.hctl_config_file),
            (&STELLWERK, &self.octl_config_file),
        ];
        let set = files
            .into_iter()
            .filter_map(|(product, path)| Some((product, path.clone()?)));
        set.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_any_text() {
        for (pattern, matching, others) in [
            ("prod-*", &["prod-", "prod-eu"][..], &["prod", "my-prod-eu"][..]),
            ("*-eu", &["-eu", "prod-eu"], &["eu", "prod-eu-1"]),
            ("prod", &["prod"], &["prod-", "my-prod"]),
            ("*", &["a"], &[]),
            ("a*b*c", &["abc", "a-b-c", "abbc", "abcbc"], &["ac", "acb", "ab"]),
            ("a*a", &["aa", "aba"], &["a"]),
            ("*b*", &["b", "abc"], &["ac"]),
        ] {
            let pattern: IdPattern = pattern.parse().unwrap();
            for id in matching {
                assert!(pattern.matches(id), "{pattern:?} {id}");
            }
            for id in others {
                assert!(!pattern.matches(id), "{pattern:?} {id}");
            }
        }
        assert!("".parse::<IdPattern>().is_err());
    }
}
