//! The source of the runner: its file, or the Orchestrator.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::arguments::RunnerArguments;
use super::error::Error;
use super::file::{self, RunnerFile};
use crate::access::Subject;
use crate::orchestrator::{
    ApiSettings, CallBudget, Client, Environment, ExplicitSettings, Installation, lookup,
    lookup_without_token,
};
use crate::product::HUMANITEC;
use crate::runner::Runner;

/// The time limit for reading a runner from the Orchestrator, retries included.
const READ_TIMEOUT: Duration = Duration::from_secs(30);

const USER_AGENT: &str = concat!("eks-runner/", env!("CARGO_PKG_VERSION"));

/// A runner, and where it comes from.
pub(super) struct Source {
    /// The runner, as the subject of the checks.
    pub(super) subject: Subject,
    /// The installation of the Orchestrator that the runner is for.
    pub(super) installation: Installation,
    /// The file that describes the runner. `None` for a registered runner.
    pub(super) file: Option<RunnerFile>,
}

/// Returns the runner that the arguments select.
///
/// # Errors
/// Why the runner cannot be read.
pub(super) async fn read(arguments: &RunnerArguments) -> Result<Source, Error> {
    let (settings, runner, file) = match (&arguments.file, &arguments.id, &arguments.runner) {
        (Some(path), Some(id), _) => {
            let (runner, file) = file::read(path, id).map_err(Error::File)?;
            // The Orchestrator is not called, so no token is needed.
            let settings = lookup_without_token(&given(arguments), &Environment::from_process());
            (settings.map_err(Error::Lookup)?, runner, Some(file))
        }
        (_, _, id) => {
            let id = id.as_deref().unwrap_or_default();
            let (settings, runner) = registered(arguments, id).await?;
            (settings, runner, None)
        }
    };
    let subject = Subject::new(&settings.org_id, &runner).map_err(|invalid| Error::Runner {
        id: runner.id.clone(),
        invalid,
    })?;
    Ok(Source {
        subject,
        installation: Installation::from_api_url(&settings.api_url),
        file,
    })
}

fn given(arguments: &RunnerArguments) -> ExplicitSettings {
    ExplicitSettings {
        api_url: arguments.api_url.clone(),
        org_id: arguments.org.clone(),
        auth_token: None,
        config_files: arguments.config_files(),
    }
}

/// Reads a registered runner from the Orchestrator.
async fn registered(arguments: &RunnerArguments, id: &str) -> Result<(ApiSettings, Runner), Error> {
    let settings =
        lookup(&given(arguments), &Environment::from_process()).map_err(Error::Lookup)?;
    let client = Client::new(settings.clone(), USER_AGENT.to_owned());
    let budget = CallBudget::new(READ_TIMEOUT, CancellationToken::new());
    match client.get_runner(id, &budget).await {
        Ok(Some(runner)) => Ok((settings, runner)),
        Ok(None) => Err(Error::NoSuchRunner {
            cli: settings.product.unwrap_or(&HUMANITEC).cli,
            org: settings.org_id,
            id: id.to_owned(),
        }),
        Err(error) => Err(Error::Orchestrator(error)),
    }
}
