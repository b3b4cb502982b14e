//! The EKS access checks in Terraform: when they run, and what is reported.

mod data_source;
mod gather;
mod reported;
mod settings;
mod subject;

use std::time::Duration;

use terraform_plugin_server::{CallContext, Diagnostic, Value};

use crate::access::{Preflight, Report, Subject, TimeLimit};

pub(super) use data_source::EksAccessData;
use reported::{ReportedDiagnostics, Severities};
use settings::{EksAccessSettings, Incomplete};
pub(super) use settings::{Mode, attribute, settings, validate};
pub(super) use subject::subject;

/// The time limit of the checks of one runner where nothing is waited for.
const ONCE: Duration = Duration::from_secs(30);

/// The checks of one provider block: its runners share the responses of AWS and the clusters, and
/// what was reported.
pub(super) struct EksAccess {
    /// While planning.
    pub(super) plan: Mode,
    /// While applying.
    pub(super) apply: Mode,
    incomplete: Incomplete,
    timeout: Duration,
    preflight: Preflight,
    reported: ReportedDiagnostics,
}

impl EksAccess {
    /// Checks as these settings say. Nothing is set up before the first check.
    pub(super) fn new(settings: EksAccessSettings) -> Self {
        Self {
            plan: settings.plan,
            apply: settings.apply,
            incomplete: settings.incomplete,
            timeout: settings.settings.timeout,
            preflight: Preflight::new(settings.settings),
            reported: ReportedDiagnostics::default(),
        }
    }

    /// A runner was read by this process, as Terraform does before it plans, and not before it applies.
    pub(super) fn refreshed(&self, runner_id: &str) {
        self.reported.refreshed(runner_id);
    }

    /// Checks a runner that is planned, as far as it is known. `creating`: it does not exist yet, and
    /// what it needs may be made by the same apply.
    pub(super) async fn while_planning(
        &self,
        subject: &Subject,
        creating: bool,
        context: &CallContext,
    ) -> Vec<Diagnostic> {
        if self.plan == Mode::Off {
            return Vec::new();
        }
        let checking = self.reported.begin();
        let report = self.once(subject, context).await;
        let severities = Severities {
            errors: self.plan == Mode::Error,
            each: false,
            // A change that is planned without a refresh might be that of an apply, which has just created what
            // is still propagating, and waits for it.
            may_come: creating || !self.reported.was_refreshed(subject),
            incomplete: self.incomplete,
        };
        self.reported
            .diagnostics(subject, &report, severities, checking, &context.stop)
            .await
    }

    /// Checks a runner that is about to be registered or changed, and waits for what AWS is still
    /// propagating. Only for [`Mode::Error`]: with any other there is nothing to wait for.
    ///
    /// # Errors
    /// The failed checks, and the checks that could not be made where `incomplete` is `error`. Then
    /// nothing must be registered.
    pub(super) async fn before(
        &self,
        subject: &Subject,
        context: &CallContext,
    ) -> Result<Vec<Diagnostic>, Vec<Diagnostic>> {
        if self.apply != Mode::Error {
            return Ok(Vec::new());
        }
        let budget = TimeLimit::new(self.timeout, context.stop.clone());
        let checking = self.reported.begin();
        let report = self.preflight.wait(subject, &budget, &()).await;
        if context.stop.is_cancelled() {
            return Err(vec![Diagnostic::error(
                "Interrupted",
                "The apply was stopped while the EKS access of the runner was being checked. Nothing was registered \
                 or changed.",
            )]);
        }
        let severities = Severities {
            errors: true,
            each: true,
            may_come: false,
            incomplete: self.incomplete,
        };
        let diagnostics = self
            .reported
            .diagnostics(subject, &report, severities, checking, &context.stop)
            .await;
        if diagnostics.iter().any(Diagnostic::is_error) {
            Err(diagnostics)
        } else {
            Ok(diagnostics)
        }
    }

    /// Checks a runner that has been registered or changed, once. Only for [`Mode::Warn`].
    pub(super) async fn after(&self, subject: &Subject, context: &CallContext) -> Vec<Diagnostic> {
        if self.apply != Mode::Warn {
            return Vec::new();
        }
        let checking = self.reported.begin();
        let report = self.once(subject, context).await;
        let severities = Severities {
            errors: false,
            each: false,
            may_come: false,
            incomplete: self.incomplete,
        };
        self.reported
            .diagnostics(subject, &report, severities, checking, &context.stop)
            .await
    }

    /// Checks a runner once.
    pub(super) async fn once(&self, subject: &Subject, context: &CallContext) -> Report {
        self.preflight
            .check(subject, &TimeLimit::new(ONCE, context.stop.clone()), &())
            .await
    }
}

/// Whether a change from `prior` to `planned` is one of what is checked.
pub(super) fn is_relevant(prior: &Value, planned: &Value) -> bool {
    ["id", "runner_configuration", "state_storage_configuration"]
        .into_iter()
        .any(|name| prior.get(name) != planned.get(name))
}
