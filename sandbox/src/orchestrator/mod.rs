//! The stand-in for the Orchestrator: its API over real HTTP, in memory, on 127.0.0.1.
//!
//! It follows the Orchestrator's documentation of runners and runner rules strictly, and fails on purpose if a test tells
//! it to: see [`faults`]. What a test cannot do through the API (a runner of another type, environments that use a
//! runner) is a method of the handle, and an HTTP call below `/_sandbox`:
//!
//! | call | body or response |
//! | --- | --- |
//! | `GET /_sandbox/faults` | the rules with `matched` and `struck`, in order |
//! | `POST /_sandbox/faults` | one rule, as [`faults`] describes it |
//! | `DELETE /_sandbox/faults` | removes all rules |
//! | `GET`, `PUT /_sandbox/delay` | `{"ms": 50}`: the delay of every call |
//! | `GET /_sandbox/requests` | every request so far, without credentials |
//! | `GET /_sandbox/counts` | how many requests of each method: `{"GET": 3, "POST": 1}` |
//! | `GET /_sandbox/runners` | every runner with all its fields |
//! | `PUT /_sandbox/runners/{id}` | `{"description"?, "runner_configuration", "state_storage_configuration"}` of any type, stored as it is |
//! | `DELETE /_sandbox/runners/{id}` | removes it, even if it is in use |
//! | `PUT /_sandbox/runners/{id}/environments` | `["project/environment", …]`: the environments that use it; `[]` for none |
//! | `GET /_sandbox/runner-rules` | every rule |
//!
//! These calls require no credential. They are not recorded, and no fault happens to them.
//!
//! ```
//! use sandbox::orchestrator::faults::{Fault, FaultRule};
//! use sandbox::orchestrator::{OrchestratorOptions, Orchestrator};
//!
//! # fn main() -> std::io::Result<()> {
//! let orchestrator = Orchestrator::start(OrchestratorOptions::default())?;
//! orchestrator
//!     .faults()
//!     .add(FaultRule::new(Fault::status(503)).method("GET").times(2));
//! // … run what is to be tested with orchestrator.url(), .org() and .token() …
//! assert!(orchestrator.runners().is_empty());
//! # Ok(())
//! # }
//! ```

mod admin;
mod api;
mod connection;
mod environment;
mod error;
pub mod faults;
mod paging;
mod pod_template;
mod requests;
mod runner;
mod runner_rule;
mod server;
mod shared;
mod state_storage;
mod store;
mod strict;

use std::io;
use std::net::{Ipv4Addr, TcpListener};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use serde_json::Value;
use tokio::sync::oneshot;
use uuid::Uuid;

use faults::{FaultRule, FaultRules};
pub use requests::Request;
pub use runner::Runner;
use runner_rule::CreateRule;
pub use runner_rule::RunnerRule;
use shared::Shared;
use store::Store;

/// The options of a start. The default is the organization `my-org`, a random token, a free port, no delay, no faults,
/// any environment type, and a caller with permissions in that organization only.
pub struct OrchestratorOptions {
    /// The only organization that exists.
    pub org: String,
    /// The token that callers must send. `None` makes it a local installation: when it is called as `localhost`, it
    /// trusts the user id in `From`.
    pub token: Option<String>,
    /// The port on 127.0.0.1. 0 selects a free one.
    pub port: u16,
    /// How long every call waits before its work.
    pub delay: Duration,
    /// The faults that are set from the first request on.
    pub faults: Vec<FaultRule>,
    /// The environment types that exist. `None` means any. The service does not check that a rule's project exists.
    pub env_types: Option<Vec<String>>,
    /// Whether the caller has permissions in every organization, also in those that do not exist. Otherwise the service
    /// responds with 403 for another organization.
    pub every_org: bool,
}

impl Default for OrchestratorOptions {
    fn default() -> Self {
        Self {
            org: "my-org".to_owned(),
            token: Some(Uuid::new_v4().simple().to_string()),
            port: 0,
            delay: Duration::ZERO,
            faults: Vec::new(),
            env_types: None,
            every_org: false,
        }
    }
}

/// A running stand-in. It has a thread of its own, so that tests need no async runtime, and it stops when it is dropped.
pub struct Orchestrator {
    url: String,
    org: String,
    shared: Arc<Shared>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Orchestrator {
    /// Starts a stand-in that listens when this function returns.
    ///
    /// # Errors
    /// The port is in use, or the system cannot start a thread.
    pub fn start(options: OrchestratorOptions) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, options.port))?;
        listener.set_nonblocking(true)?;
        let host = match options.token {
            Some(_) => "127.0.0.1",
            None => "localhost",
        };
        let url = format!("http://{host}:{}", listener.local_addr()?.port());
        let store = Store::new(options.org.clone(), options.env_types);
        let shared = Arc::new(Shared::new(options.token, options.every_org, store, options.delay));
        for rule in options.faults {
            shared.faults.add(rule);
        }
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let (stop, stopped) = oneshot::channel();
        let for_thread = shared.clone();
        let thread = std::thread::Builder::new()
            .name("orchestrator".to_owned())
            .spawn(move || {
                // `stop` ends the server. A client that waits sees an error of the listener.
                let _ = runtime.block_on(server::serve(listener, for_thread, stopped));
            })?;
        Ok(Self {
            url,
            org: options.org,
            shared,
            stop: Some(stop),
            thread: Some(thread),
        })
    }

    /// Returns the base URL, without a slash at the end. The host of a local installation is `localhost`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Returns the organization's id.
    pub fn org(&self) -> &str {
        &self.org
    }

    /// Returns the token that callers must send, or `""` for a local installation.
    pub fn token(&self) -> &str {
        self.shared.token.as_deref().unwrap_or_default()
    }

    /// Returns the faults, which can be changed while the stand-in runs.
    pub fn faults(&self) -> &FaultRules {
        &self.shared.faults
    }

    /// Sets how long every call waits before its work, from the next request on.
    pub fn set_delay(&self, delay: Duration) {
        self.shared.set_delay(delay);
    }

    /// Returns every request to the API so far, in the order in which they arrived.
    pub fn requests(&self) -> Vec<Request> {
        self.shared.requests.all()
    }

    /// Returns how many requests with this method had a path (with query) that contains `path_part`.
    pub fn count(&self, method: &str, path_part: &str) -> usize {
        self.requests()
            .iter()
            .filter(|request| request.method == method && request.path.contains(path_part))
            .count()
    }

    /// Returns every stored runner with all its fields, ordered by id.
    pub fn runners(&self) -> Vec<Runner> {
        self.shared.store().runners()
    }

    /// Returns the runner with this id.
    pub fn runner(&self, id: &str) -> Option<Runner> {
        self.runners().into_iter().find(|runner| runner.id == id)
    }

    /// Stores a runner of any type without a check. It replaces a runner with the same id.
    pub fn put_runner(
        &self,
        id: &str,
        description: Option<&str>,
        runner_configuration: Value,
        state_storage_configuration: Value,
    ) -> Runner {
        self.shared.store().put(
            id,
            description.map(str::to_owned),
            runner_configuration,
            state_storage_configuration,
        )
    }

    /// Changes a runner without a check, as another client would. Returns `false` if it does not exist.
    pub fn edit_runner(&self, id: &str, change: impl FnOnce(&mut Runner)) -> bool {
        self.shared.store().edit(id, change)
    }

    /// Removes a runner and its rules, even if it is in use. Returns `false` if it does not exist.
    pub fn remove_runner(&self, id: &str) -> bool {
        self.shared.store().remove(id)
    }

    /// Sets the environments (`project/environment`) that use a runner, so that a delete call is refused. An empty list
    /// allows the delete again.
    pub fn set_environments(&self, id: &str, environments: &[&str]) {
        let environments = environments.iter().map(|&e| e.to_owned()).collect();
        self.shared.store().set_environments(id, environments);
    }

    /// Stores a rule for a runner, as another client would. `""` as `project_id` or `env_type_id` means every one.
    /// Returns `None` if the runner does not exist, or if the rule already exists.
    pub fn put_rule(&self, runner_id: &str, project_id: &str, env_type_id: &str) -> Option<RunnerRule> {
        let rule = CreateRule {
            runner_id: runner_id.to_owned(),
            project_id: project_id.to_owned(),
            env_type_id: env_type_id.to_owned(),
        };
        self.shared.store().create_rule(&self.org, rule).ok()
    }

    /// Returns every stored runner rule, ordered by runner and id.
    pub fn rules(&self) -> Vec<RunnerRule> {
        self.shared.store().rules()
    }
}

impl Drop for Orchestrator {
    fn drop(&mut self) {
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
