//! The log of calls: one line for each attempt, without headers and bodies.

use std::fmt::Display;
use std::sync::atomic::{AtomicBool, Ordering};
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
    /// Whether a response was logged.
    is_finished: AtomicBool,
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
            is_finished: AtomicBool::new(false),
        }
    }

    /// Logs a response, which can have an ID, as soon as its head is read.
    pub(crate) fn finished(&self, status: u16, request_id: Option<&str>) {
        self.is_finished.store(true, Ordering::Relaxed);
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

    /// Logs that there was no response. What is wrong with a response that was logged, such as a redirect, is an error of the
    /// caller.
    pub(crate) fn failed(&self, error: &dyn Display) {
        if self.is_finished.load(Ordering::Relaxed) {
            return;
        }
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
