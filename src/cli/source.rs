//! The source of the runner: its file, or the Orchestrator.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::arguments::RunnerArguments;
use super::error::Error;
use super::file;
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

/// Returns the subject of the checks, and the installation of the Orchestrator that the runner is for.
///
/// # Errors
/// Why the runner cannot be read.
pub(super) async fn subject(arguments: &RunnerArguments) -> Result<(Subject, Installation), Error> {
    let (settings, runner) = match (&arguments.file, &arguments.id, &arguments.runner) {
        (Some(path), Some(id), _) => {
            let runner = file::read(path, id).map_err(Error::File)?;
            // The Orchestrator is not called, so no token is needed.
            let settings = lookup_without_token(&given(arguments), &Environment::from_process());
            (settings.map_err(Error::Lookup)?, runner)
        }
        (_, _, id) => registered(arguments, id.as_deref().unwrap_or_default()).await?,
    };
    let subject = Subject::new(&settings.org_id, &runner).map_err(|invalid| Error::Runner {
        id: runner.id.clone(),
        invalid,
    })?;
    Ok((subject, Installation::from_api_url(&settings.api_url)))
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
