//! The log of calls: one line for each attempt, without headers and bodies.

use std::fmt::Display;
use std::time::Instant;

/// The target of the events.
pub(crate) const TARGET: &str = module_path!();

/// One attempt of a call. `TF_LOG_PROVIDER=DEBUG` shows how it ends, as does `-v` of the command.
#[derive(Debug)]
pub(crate) struct LoggedCall {
    /// The service: `orchestrator`, `kubernetes`, or the name of an AWS service.
    service: String,
    /// The name of the operation, or the method and the path.
    action: String,
    /// The host that is called, whatever proxy is between.
    host: String,
    /// The number of the attempt, from 1.
    attempt: u32,
    started: Instant,
}

impl LoggedCall {
    /// Returns an attempt that starts now.
    pub(crate) fn start(
        service: impl Into<String>,
        action: impl Into<String>,
        host: impl Into<String>,
        attempt: u32,
    ) -> Self {
        Self {
            service: service.into(),
            action: action.into(),
            host: host.into(),
            attempt,
            started: Instant::now(),
        }
    }

    /// Logs a response. The service can have given it an ID.
    pub(crate) fn finished(&self, status: u16, request_id: Option<&str>) {
        tracing::debug!(
            target: TARGET,
            service = self.service,
            action = self.action,
            host = self.host,
            status,
            request_id = request_id.unwrap_or_default(),
            milliseconds = self.milliseconds(),
            attempt = self.attempt,
            "call"
        );
    }

    /// Logs that there was no response.
    pub(crate) fn failed(&self, error: &dyn Display) {
        tracing::debug!(
            target: TARGET,
            service = self.service,
            action = self.action,
            host = self.host,
            %error,
            milliseconds = self.milliseconds(),
            attempt = self.attempt,
            "call without a response"
        );
    }

    fn milliseconds(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}
