//! The EKS access checks in Terraform: when they run, and what comes of them.

mod data_source;
mod settings;
mod subject;
mod told;

use std::time::Duration;

use crate::access::{Budget, Preflight, Report, Subject};
use crate::plugin::{CallContext, Diagnostic, Value};

pub(super) use data_source::EksAccessData;
use settings::EksAccessSettings;
pub(super) use settings::{Mode, attribute, settings, validate};
pub(super) use subject::subject;
use told::Told;

/// How long the checks of one runner may take where nothing is waited for.
const ONCE: Duration = Duration::from_secs(30);

/// The checks of one provider block: its runners share what AWS and the clusters answer, and what
/// the user has been told.
pub(super) struct EksAccess {
    /// While planning.
    pub(super) plan: Mode,
    /// While applying.
    pub(super) apply: Mode,
    timeout: Duration,
    preflight: Preflight,
    told: Told,
}

impl EksAccess {
    /// Checks as these settings say. Nothing is set up before the first check.
    pub(super) fn new(settings: EksAccessSettings) -> Self {
        Self {
            plan: settings.plan,
            apply: settings.apply,
            timeout: settings.settings.timeout,
            preflight: Preflight::new(settings.settings),
            told: Told::default(),
        }
    }

    /// A runner was read by this process, as Terraform does before it plans, and not before it applies.
    pub(super) fn refreshed(&self, runner_id: &str) {
        self.told.refreshed(runner_id);
    }

    /// Checks a runner that is planned, as far as it is known. `creating`: it does not exist yet, and
    /// what it needs may be made by the same apply.
    pub(super) async fn while_planning(
        &self,
        subject: &Subject,
        creating: bool,
        context: &CallContext,
    ) -> Vec<Diagnostic> {
        // While applying, Terraform plans each resource once more. That is told by the apply.
        if self.plan == Mode::Off || self.told.is_applying() {
            return Vec::new();
        }
        let report = self.once(subject, context).await;
        // A change that is planned without a refresh may be that of an apply, which has just made what is
        // still propagating, and will wait for it.
        let may_come = creating || !self.told.was_refreshed(subject);
        self.told.diagnostics(subject, &report, |outcome| {
            self.plan == Mode::Error && !(may_come && outcome.not_yet)
        })
    }

    /// Checks a runner that is about to be registered or changed, and waits for what AWS is still
    /// propagating. Only for [`Mode::Error`]: with any other there is nothing to wait for.
    ///
    /// # Errors
    /// What failed. Then nothing must be registered.
    pub(super) async fn before(
        &self,
        subject: &Subject,
        context: &CallContext,
    ) -> Result<Vec<Diagnostic>, Vec<Diagnostic>> {
        self.told.applying();
        if self.apply != Mode::Error {
            return Ok(Vec::new());
        }
        let budget = Budget::new(self.timeout, context.stop.clone());
        let report = self.preflight.wait(subject, &budget, &()).await;
        if context.stop.is_cancelled() {
            return Err(vec![Diagnostic::error(
                "Interrupted",
                "The apply was stopped while the EKS access of the runner was being checked. Nothing was registered \
                 or changed.",
            )]);
        }
        let diagnostics = self.told.diagnostics(subject, &report, |_| true);
        if report.is_ok() {
            Ok(diagnostics)
        } else {
            Err(diagnostics)
        }
    }

    /// Checks a runner that has been registered or changed, once. Only for [`Mode::Warn`].
    pub(super) async fn after(&self, subject: &Subject, context: &CallContext) -> Vec<Diagnostic> {
        if self.apply != Mode::Warn {
            return Vec::new();
        }
        let report = self.once(subject, context).await;
        self.told.diagnostics(subject, &report, |_| false)
    }

    /// Checks a runner once.
    pub(super) async fn once(&self, subject: &Subject, context: &CallContext) -> Report {
        self.preflight
            .check(subject, &Budget::new(ONCE, context.stop.clone()), &())
            .await
    }
}

/// Whether a change from `prior` to `planned` is one of what is checked.
pub(super) fn is_relevant(prior: &Value, planned: &Value) -> bool {
    ["id", "runner_configuration", "state_storage_configuration"]
        .into_iter()
        .any(|name| prior.get(name) != planned.get(name))
}
