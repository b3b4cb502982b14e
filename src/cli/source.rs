//! The runner to work on: from its file or from the Orchestrator.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::arguments::RunnerArguments;
use super::error::Error;
use super::file;
use crate::access::Subject;
use crate::orchestrator::{Budget, Client, Environment, Given, lookup};
use crate::runner::Runner;

/// How long the Orchestrator may take to answer, retries included.
const PATIENCE: Duration = Duration::from_secs(30);

const USER_AGENT: &str = concat!("eks-runner/", env!("CARGO_PKG_VERSION"));

/// Reads the runner.
///
/// # Errors
/// What keeps it from being known.
pub(super) async fn subject(arguments: &RunnerArguments) -> Result<Subject, Error> {
    let (org, runner) = match (&arguments.file, &arguments.id, &arguments.runner) {
        (Some(path), Some(id), _) => {
            let runner = file::read(path, id).map_err(Error::File)?;
            (organization(arguments)?, runner)
        }
        (_, _, id) => registered(arguments, id.as_deref().unwrap_or_default()).await?,
    };
    Subject::of(&org, &runner).map_err(|invalid| Error::Runner {
        id: runner.id.clone(),
        invalid,
    })
}

fn given(arguments: &RunnerArguments) -> Given {
    Given {
        api_url: arguments.api_url.clone(),
        org_id: arguments.org.clone(),
        auth_token: None,
        hctl_config_file: arguments.hctl_config_file.clone(),
    }
}

/// The organization of a runner whose Orchestrator is not asked anything.
fn organization(arguments: &RunnerArguments) -> Result<String, Error> {
    let given = Given {
        // A local installation's address needs no token: only the organization is looked for.
        api_url: Some("http://localhost".to_owned()),
        ..given(arguments)
    };
    if let (Some(org), None) = (&given.org_id, &given.hctl_config_file)
        && !org.trim().is_empty()
    {
        return Ok(org.trim().to_owned());
    }
    let settings = lookup(&given, &Environment::of_process()).map_err(Error::Lookup)?;
    Ok(settings.org_id)
}

/// A runner that the Orchestrator has.
async fn registered(arguments: &RunnerArguments, id: &str) -> Result<(String, Runner), Error> {
    let settings = lookup(&given(arguments), &Environment::of_process()).map_err(Error::Lookup)?;
    let client = Client::new(settings, USER_AGENT.to_owned());
    let budget = Budget::new(PATIENCE, CancellationToken::new());
    let org = client.org().to_owned();
    match client.get_runner(id, &budget).await {
        Ok(Some(runner)) => Ok((org, runner)),
        Ok(None) => Err(Error::NoSuchRunner {
            org,
            id: id.to_owned(),
        }),
        Err(error) => Err(Error::Orchestrator(error)),
    }
}
