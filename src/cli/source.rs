//! The runner to work on: from its file or from the Orchestrator.

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
use crate::runner::Runner;

/// How long the Orchestrator may take to answer, retries included.
const PATIENCE: Duration = Duration::from_secs(30);

const USER_AGENT: &str = concat!("eks-runner/", env!("CARGO_PKG_VERSION"));

/// Reads the runner, and says which installation of the Orchestrator it is for.
///
/// # Errors
/// What keeps it from being known.
pub(super) async fn subject(arguments: &RunnerArguments) -> Result<(Subject, Installation), Error> {
    let (settings, runner) = match (&arguments.file, &arguments.id, &arguments.runner) {
        (Some(path), Some(id), _) => {
            let runner = file::read(path, id).map_err(Error::File)?;
            // The Orchestrator is not called.
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
        hctl_config_file: arguments.hctl_config_file.clone(),
    }
}

/// A runner that the Orchestrator has.
async fn registered(arguments: &RunnerArguments, id: &str) -> Result<(ApiSettings, Runner), Error> {
    let settings =
        lookup(&given(arguments), &Environment::from_process()).map_err(Error::Lookup)?;
    let client = Client::new(settings.clone(), USER_AGENT.to_owned());
    let budget = CallBudget::new(PATIENCE, CancellationToken::new());
    match client.get_runner(id, &budget).await {
        Ok(Some(runner)) => Ok((settings, runner)),
        Ok(None) => Err(Error::NoSuchRunner {
            org: settings.org_id,
            id: id.to_owned(),
        }),
        Err(error) => Err(Error::Orchestrator(error)),
    }
}
