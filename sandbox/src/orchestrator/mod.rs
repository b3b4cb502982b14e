//! The Orchestrator's stand-in: its API over real HTTP, in memory, on 127.0.0.1.
//!
//! It is strict about what the Orchestrator's documentation says of runners and runner rules, and
//! it fails on purpose where a test tells it to: see [`faults`]. What a test cannot reach through
//! the API (a runner of another type, environments that use a runner) is on the handle, and over
//! HTTP under `/_sandbox`:
//!
//! | call | body or answer |
//! | --- | --- |
//! | `GET /_sandbox/faults` | the rules with `matched` and `struck`, in order |
//! | `POST /_sandbox/faults` | one rule, as [`faults`] describes it |
//! | `DELETE /_sandbox/faults` | takes all rules away |
//! | `GET`, `PUT /_sandbox/delay` | `{"ms": 50}`: the delay of every call |
//! | `GET /_sandbox/requests` | every request so far, without credentials |
//! | `GET /_sandbox/counts` | how many requests of each method: `{"GET": 3, "POST": 1}` |
//! | `GET /_sandbox/runners` | every runner, whole |
//! | `PUT /_sandbox/runners/{id}` | `{"description"?, "runner_configuration", "state_storage_configuration"}` of any type, stored as it is |
//! | `DELETE /_sandbox/runners/{id}` | takes it away, whoever uses it |
//! | `PUT /_sandbox/runners/{id}/environments` | `["project/environment", …]`: who uses it; `[]` sets it free |
//! | `GET /_sandbox/runner-rules` | every rule |
//!
//! That interface asks for no credential. Requests to it are not recorded and meet no fault.
//!
//! ```
//! use sandbox::orchestrator::faults::{Fault, FaultRule};
//! use sandbox::orchestrator::{Options, Orchestrator};
//!
//! # fn main() -> std::io::Result<()> {
//! let orchestrator = Orchestrator::start(Options::default())?;
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

use faults::{FaultRule, Faults};
pub use requests::Request;
pub use runner::Runner;
use runner_rule::CreateRule;
pub use runner_rule::RunnerRule;
use shared::Shared;
use store::Store;

/// How to start. The default is organization `my-org`, a random token, a free port, no delay, no
/// faults, any environment type, and a caller with rights on that organization alone.
pub struct Options {
    /// The one organization there is.
    pub org: String,
    /// The token that callers must send. `None` makes it a local installation: called as
    /// `localhost`, it trusts the user id in `From`.
    pub token: Option<String>,
    /// The port on 127.0.0.1; 0 for a free one.
    pub port: u16,
    /// How long every call waits before its work.
    pub delay: Duration,
    /// The faults in force from the first request on.
    pub faults: Vec<FaultRule>,
    /// The environment types that exist; `None`: any. The service does not check that a rule's project exists.
    pub env_types: Option<Vec<String>>,
    /// Whether the caller has rights on every organization, also on those that do not exist. Otherwise the
    /// service responds with 403 for another organization.
    pub every_org: bool,
}

impl Default for Options {
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

/// A running stand-in. It has a thread of its own, so tests need no async runtime, and it stops
/// when it is dropped.
pub struct Orchestrator {
    url: String,
    org: String,
    shared: Arc<Shared>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Orchestrator {
    /// Listens and answers from the moment it returns. Errors: the port is taken, or the system
    /// gives no thread.
    pub fn start(options: Options) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, options.port))?;
        listener.set_nonblocking(true)?;
        let host = match options.token {
            Some(_) => "127.0.0.1",
            None => "localhost",
        };
        let url = format!("http://{host}:{}", listener.local_addr()?.port());
        let store = Store::new(options.org.clone(), options.env_types);
        let shared = Arc::new(Shared::new(
            options.token,
            options.every_org,
            store,
            options.delay,
        ));
        for rule in options.faults {
            shared.faults.add(rule);
        }
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let (stop, stopped) = oneshot::channel();
        let for_thread = shared.clone();
        let thread = std::thread::Builder::new()
            .name("orchestrator".to_owned())
            .spawn(move || {
                // Serving ends by `stop`; an error of the listener shows in the client that waits.
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

    /// The base URL, without a slash at its end. A local installation is called `localhost`.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The organization's id.
    pub fn org(&self) -> &str {
        &self.org
    }

    /// The token that callers must send; `""` for a local installation.
    pub fn token(&self) -> &str {
        self.shared.token.as_deref().unwrap_or_default()
    }

    /// The faults in force, to be added to and cleared while it runs.
    pub fn faults(&self) -> &Faults {
        &self.shared.faults
    }

    /// How long every call waits before its work, from the next request on.
    pub fn set_delay(&self, delay: Duration) {
        self.shared.set_delay(delay);
    }

    /// Every request to the API so far, in the order in which they arrived.
    pub fn requests(&self) -> Vec<Request> {
        self.shared.requests.all()
    }

    /// How many requests with this method had a path (with query) that contains `path_part`.
    pub fn count(&self, method: &str, path_part: &str) -> usize {
        self.requests()
            .iter()
            .filter(|request| request.method == method && request.path.contains(path_part))
            .count()
    }

    /// Every stored runner, whole, ordered by id.
    pub fn runners(&self) -> Vec<Runner> {
        self.shared.store().runners()
    }

    /// The runner with this id.
    pub fn runner(&self, id: &str) -> Option<Runner> {
        self.runners().into_iter().find(|runner| runner.id == id)
    }

    /// Stores a runner of any type without a check, in the place of one with the same id.
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

    /// Changes a runner without a check, as someone else would. `false`: there is none.
    pub fn edit_runner(&self, id: &str, change: impl FnOnce(&mut Runner)) -> bool {
        self.shared.store().edit(id, change)
    }

    /// Takes a runner and its rules away, whoever uses it. `false`: there is none.
    pub fn remove_runner(&self, id: &str) -> bool {
        self.shared.store().remove(id)
    }

    /// Says which environments (`project/environment`) use a runner, so that a delete call is
    /// refused; an empty list sets it free.
    pub fn set_environments(&self, id: &str, environments: &[&str]) {
        let environments = environments.iter().map(|&e| e.to_owned()).collect();
        self.shared.store().set_environments(id, environments);
    }

    /// Stores a rule for a runner as somebody else would, for every project and environment type where
    /// `project_id` and `env_type_id` are `""`. `None`: the runner does not exist, or the rule exists already.
    pub fn put_rule(
        &self,
        runner_id: &str,
        project_id: &str,
        env_type_id: &str,
    ) -> Option<RunnerRule> {
        let rule = CreateRule {
            runner_id: runner_id.to_owned(),
            project_id: project_id.to_owned(),
            env_type_id: env_type_id.to_owned(),
        };
        self.shared.store().create_rule(&self.org, rule).ok()
    }

    /// Every stored runner rule, ordered by runner and id.
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
