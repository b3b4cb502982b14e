//! The Orchestrator's stand-in, as the scenarios use it: runners as JSON, faults by name.

use std::ops::Deref;
use std::time::Duration;

use sandbox::orchestrator::faults::{Fault, FaultRule, When};
use sandbox::orchestrator::{Orchestrator, OrchestratorOptions};
use serde_json::Value;

/// A stand-in of its own for one scenario.
pub(crate) struct StandIn(Orchestrator);

impl Deref for StandIn {
    type Target = Orchestrator;

    fn deref(&self) -> &Orchestrator {
        &self.0
    }
}

impl StandIn {
    /// Starts one with an organization, a token and no runners.
    pub(crate) fn start() -> Self {
        Self::with(OrchestratorOptions::default())
    }

    /// Starts one with these options.
    pub(crate) fn with(options: OrchestratorOptions) -> Self {
        Self(Orchestrator::start(options).expect("a free port"))
    }

    /// Starts one with another organization.
    pub(crate) fn of_org(org: &str) -> Self {
        Self::with(OrchestratorOptions {
            org: org.to_owned(),
            ..OrchestratorOptions::default()
        })
    }

    /// Returns the runner as the API returns it.
    pub(crate) fn runner(&self, id: &str) -> Option<Value> {
        self.0
            .runner(id)
            .map(|runner| serde_json::to_value(runner).expect("a runner is JSON"))
    }

    /// Stores a runner, in the form of the API's create body, as another client would.
    pub(crate) fn put(&self, runner: &Value) {
        self.0.put_runner(
            runner["id"].as_str().expect("an id"),
            runner["description"].as_str(),
            runner["runner_configuration"].clone(),
            runner["state_storage_configuration"].clone(),
        );
    }

    /// Switches a fault on: `times` requests with this method are struck, or all that come.
    pub(crate) fn fault(&self, method: &str, fault: Fault, times: Option<u32>) {
        let rule = FaultRule::new(fault).method(method);
        self.faults().add(match times {
            Some(times) => rule.times(times),
            None => rule,
        });
    }

    /// The next request with this method waits, before or after its work.
    pub(crate) fn delay_once(&self, method: &str, delay: Duration, when: When) {
        let ms = u64::try_from(delay.as_millis()).expect("a short delay");
        self.fault(method, Fault::Delay { ms, when }, Some(1));
    }
}
