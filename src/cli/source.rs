//! The sources of the runners: their files, or the Orchestrator.

use std::path::Path;
use std::time::Duration;

use futures_util::{StreamExt, stream};
use tokio_util::sync::CancellationToken;

use super::arguments::{IdPattern, OrchestratorArguments, RunnerArguments, RunnersArguments};
use super::error::Error;
use super::file::{self, Named, RunnerFile};
use super::terminal;
use crate::access::Subject;
use crate::frontend::Frontend;
use crate::orchestrator::{
    self, ApiSettings, CallBudget, Client, Environment, ExplicitSettings, Installation, lookup, lookup_without_token,
};
use crate::runner::{Runner, RunnerType};
use crate::secrets::redacted;

/// The time limit for a call of the Orchestrator, retries included.
const READ_TIMEOUT: Duration = Duration::from_secs(30);

/// How many runners are read from the Orchestrator at a time.
const AT_A_TIME: usize = 16;

const USER_AGENT: &str = concat!("eks-runner/", env!("CARGO_PKG_VERSION"));

/// A runner, and where it comes from.
pub(super) struct Source {
    /// The runner, as the subject of the checks.
    pub(super) subject: Subject,
    /// The file that describes the runner. `None` for a registered runner.
    pub(super) file: Option<RunnerFile>,
}

impl Source {
    /// Returns what the user should know about the file.
    pub(super) fn notes(&self) -> impl Iterator<Item = String> {
        self.file.iter().flat_map(|file| {
            let name = file.name();
            let remarks = file.remarks.iter();
            remarks.map(move |remark| format!("note: {}: {}", remark.place(&name), remark.message))
        })
    }
}

/// The runners that the arguments select.
pub(super) struct Sources {
    /// The installation of the Orchestrator that the runners are for.
    pub(super) installation: Installation,
    /// The runners, in the order of the files or of their IDs.
    pub(super) runners: Vec<Source>,
    /// The runners that are registered and could not be read.
    pub(super) unread: Vec<Unread>,
    /// The runners that are not checked, in the order of their IDs.
    pub(super) left_out: Vec<LeftOut>,
}

/// A registered runner that could not be read, or whose values cannot be checked.
pub(super) struct Unread {
    /// The organization.
    pub(super) org: String,
    /// The runner's ID.
    pub(super) id: String,
    /// Why it cannot be checked.
    pub(super) error: Error,
}

impl Unread {
    /// Returns why the runner cannot be checked, without its ID.
    pub(super) fn reason(&self) -> String {
        let reason = match &self.error {
            Error::Runner { invalid, .. } => invalid.to_string(),
            Error::Orchestrator(error) => error.report(Frontend::Command),
            other => other.to_string(),
        };
        redacted(reason)
    }
}

/// A runner of the organization that is not checked.
pub(super) struct LeftOut {
    /// The organization.
    pub(super) org: String,
    /// The runner's ID.
    pub(super) id: String,
    /// Why it is not checked, as a clause.
    pub(super) reason: String,
}

/// Returns the runner that the arguments select, and the installation that it is for.
///
/// # Errors
/// Why the runner cannot be read.
pub(super) async fn read(arguments: &RunnerArguments) -> Result<(Source, Installation), Error> {
    let RunnerArguments {
        file,
        id,
        runner,
        orchestrator,
    } = arguments;
    match (file, runner) {
        (Some(path), _) => {
            let (source, installation) = from_file(path, id.as_deref(), orchestrator).await?;
            source.notes().for_each(|note| terminal::say(&note));
            Ok((source, installation))
        }
        (None, runner) => registered(orchestrator, runner.as_deref().unwrap_or_default()).await,
    }
}

/// Returns all runners that the arguments select.
///
/// # Errors
/// Why none of the runners can be checked. A problem with one file is an error, because the user can correct it. A
/// registered runner that cannot be read is not, because the others can still be checked.
pub(super) async fn read_several(arguments: &RunnersArguments) -> Result<Sources, Error> {
    let orchestrator = &arguments.orchestrator;
    if arguments.all {
        return all_registered(orchestrator, arguments.filter.as_ref()).await;
    }
    if let Some(id) = &arguments.runner {
        let (source, installation) = registered(orchestrator, id).await?;
        return Ok(Sources::new(installation, vec![source]));
    }
    let (mut sources, mut problems) = (Sources::new(Installation::default(), Vec::new()), Vec::new());
    for path in &arguments.files {
        match from_file(path, arguments.id.as_deref(), orchestrator).await {
            Ok((source, installation)) => {
                sources.installation = installation;
                sources.add(source)?;
            }
            Err(Error::Files(of_file)) => problems.extend(of_file),
            Err(error) => return Err(error),
        }
    }
    if problems.is_empty() {
        Ok(sources)
    } else {
        Err(Error::Files(problems))
    }
}

impl Sources {
    fn new(installation: Installation, runners: Vec<Source>) -> Self {
        Self {
            installation,
            runners,
            unread: Vec::new(),
            left_out: Vec::new(),
        }
    }

    /// Adds the runner of a file.
    ///
    /// # Errors
    /// If another file describes the same runner.
    fn add(&mut self, source: Source) -> Result<(), Error> {
        let name = |source: &Source| source.file.as_ref().map_or_else(String::new, RunnerFile::name);
        let is_same = |other: &&Source| {
            (&other.subject.org, &other.subject.runner_id) == (&source.subject.org, &source.subject.runner_id)
        };
        if let Some(other) = self.runners.iter().find(is_same) {
            return Err(Error::SameRunner {
                first: name(other),
                second: name(&source),
                org: source.subject.org.get().cloned().unwrap_or_default(),
                id: source.subject.runner_id.get().cloned().unwrap_or_default(),
            });
        }
        self.runners.push(source);
        Ok(())
    }
}

/// Reads a runner from its file. The Orchestrator is not called, so no token is needed.
async fn from_file(
    path: &Path,
    id: Option<&str>,
    arguments: &OrchestratorArguments,
) -> Result<(Source, Installation), Error> {
    let org = arguments.org.as_deref();
    let read = file::read(path, Named { id, org }).await;
    let (runner, file) = read.map_err(|problems| Error::Files(vec![problems]))?;
    let mut explicit = explicit(arguments);
    if explicit.org_id.is_none() {
        explicit.org_id = file.org().map(str::to_owned);
    }
    let (api_url, org_id) = lookup_without_token(&explicit, &Environment::from_process()).map_err(Error::Lookup)?;
    let source = Source {
        subject: subject(&org_id, &runner)?,
        file: Some(file),
    };
    let installation = api_url.as_ref().map(Installation::from_api_url);
    Ok((source, installation.unwrap_or_default()))
}

fn subject(org: &str, runner: &Runner) -> Result<Subject, Error> {
    Subject::new(org, runner).map_err(|invalid| Error::Runner {
        id: runner.id.clone(),
        invalid,
    })
}

fn explicit(arguments: &OrchestratorArguments) -> ExplicitSettings {
    ExplicitSettings {
        frontend: Frontend::Command,
        api_url: arguments.api_url.clone(),
        org_id: arguments.org.clone(),
        auth_token: None,
        config_files: arguments.config_files(),
        empty: Vec::new(),
    }
}

/// Returns a client of the Orchestrator, and its settings.
fn client(arguments: &OrchestratorArguments) -> Result<(Client, ApiSettings), Error> {
    let settings = lookup(&explicit(arguments), &Environment::from_process()).map_err(Error::Lookup)?;
    if let Some(ignored) = settings.ignored() {
        terminal::say(&format!("note: {ignored}"));
    }
    let client = Client::new(settings.clone(), USER_AGENT.to_owned());
    Ok((client, settings))
}

fn budget() -> CallBudget {
    CallBudget::new(READ_TIMEOUT, CancellationToken::new())
}

/// Reads a registered runner from the Orchestrator.
async fn registered(arguments: &OrchestratorArguments, id: &str) -> Result<(Source, Installation), Error> {
    let (client, settings) = client(arguments)?;
    match client.get_runner(id, &budget()).await {
        Ok(Some(runner)) => {
            let source = Source {
                subject: subject(&settings.org_id, &runner)?,
                file: None,
            };
            Ok((source, Installation::from_api_url(&settings.api_url)))
        }
        Ok(None) => Err(Error::NoSuchRunner {
            cli: client.cli(),
            org: settings.org_id,
            id: id.to_owned(),
        }),
        Err(error) => Err(Error::Orchestrator(error)),
    }
}

/// What became of a runner that was listed.
enum Listed {
    Runner(Box<Source>),
    Unread(Unread),
    LeftOut(LeftOut),
}

/// Reads every EKS runner of the organization, or those whose IDs match a pattern. The list has only the types of the
/// runners, so each EKS runner is read with a call of its own.
async fn all_registered(arguments: &OrchestratorArguments, filter: Option<&IdPattern>) -> Result<Sources, Error> {
    let (client, settings) = client(arguments)?;
    let types = client.list_runners(&budget()).await.map_err(Error::Orchestrator)?;
    let is_selected = |id: &&String| filter.is_none_or(|pattern| pattern.matches(id));
    let mut ids: Vec<&String> = types.keys().filter(is_selected).collect();
    ids.sort_unstable();
    if !ids.iter().any(|id| types[*id] == RunnerType::EKS) {
        return Err(Error::NoRunners {
            cli: client.cli(),
            org: settings.org_id,
            filter: filter.map(|pattern| pattern.as_str().to_owned()),
        });
    }
    let read = ids.into_iter().map(|id| read_listed(&client, id, &types[id]));
    let listed: Vec<Listed> = stream::iter(read).buffered(AT_A_TIME).collect().await;
    let installation = Installation::from_api_url(&settings.api_url);
    let mut sources = Sources::new(installation, Vec::new());
    for one in listed {
        match one {
            Listed::Runner(source) => sources.runners.push(*source),
            Listed::Unread(unread) => sources.unread.push(unread),
            Listed::LeftOut(left_out) => sources.left_out.push(left_out),
        }
    }
    Ok(sources)
}

/// Reads one runner that was listed with this type.
async fn read_listed(client: &Client, id: &str, kind: &str) -> Listed {
    let left_out = |reason: String| {
        Listed::LeftOut(LeftOut {
            org: client.org().to_owned(),
            id: id.to_owned(),
            reason,
        })
    };
    let of_type = |kind: &str| left_out(format!("it is of type {kind}"));
    if kind != RunnerType::EKS {
        return of_type(kind);
    }
    let read = match client.get_runner(id, &budget()).await {
        Ok(Some(runner)) => subject(client.org(), &runner),
        Ok(None) => return left_out("it was deleted after it had been listed".to_owned()),
        Err(orchestrator::ApiError::OtherType { found, .. }) => return of_type(&found),
        Err(error) => Err(Error::Orchestrator(error)),
    };
    match read {
        Ok(subject) => Listed::Runner(Box::new(Source { subject, file: None })),
        Err(error) => Listed::Unread(Unread {
            org: client.org().to_owned(),
            id: id.to_owned(),
            error,
        }),
    }
}
