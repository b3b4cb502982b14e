//! The EKS access checks in Terraform: when they run, and which diagnostics they become.

mod gather;
mod reported;
mod settings;

use std::time::Duration;

use crate::access::{Observer, Preflight, Report, Subject, TimeLimit};
use terraform_plugin_server::{CallContext, Diagnostic};

use reported::{ReportedDiagnostics, Severities};
use settings::{EksAccessSettings, Incomplete};
pub(super) use settings::{Mode, attribute, settings, validate};

/// The time limit of the checks of one runner that are not repeated.
const ONCE: Duration = Duration::from_secs(30);

/// The checks of one provider block. Its runners share the responses of AWS and the clusters, and the memory of what
/// was reported.
pub(super) struct EksAccess {
    /// What a failed check does during plan.
    pub(super) plan: Mode,
    /// What a failed check does during apply.
    pub(super) apply: Mode,
    incomplete: Incomplete,
    timeout: Duration,
    preflight: Preflight,
    reported: ReportedDiagnostics,
}

impl EksAccess {
    /// Returns the checks with these settings. Nothing is set up before the first check.
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

    /// Notes that this process read a runner. Terraform reads runners before it plans, and not before it applies.
    pub(super) fn refreshed(&self, runner_id: &str) {
        self.reported.refreshed(runner_id);
    }

    /// Checks a planned runner, as far as its values are known. `creating` says that the runner does not exist yet: the
    /// same apply might create what it needs.
    pub(super) async fn while_planning(
        &self,
        subject: &Subject,
        creating: bool,
        context: &CallContext,
    ) -> Vec<Diagnostic> {
        if self.plan == Mode::Off {
            return Vec::new();
        }
        let checking = self.reported.begin(subject);
        let report = self.once(subject, context).await;
        let severities = Severities {
            errors: self.plan == Mode::Error,
            each: false,
            // A change that is planned without a refresh might belong to an apply. The apply has just created
            // objects that are still propagating, and it waits for them.
            may_come: creating || !self.reported.was_refreshed(subject),
            incomplete: self.incomplete,
            on_demand: false,
        };
        self.reported
            .diagnostics(&report, severities, checking, &context.stop)
            .await
    }

    /// Checks a runner before it is registered or changed, and waits for what AWS is still propagating. Does nothing
    /// unless the mode is [`Mode::Error`]: the other modes do not stop the apply.
    ///
    /// # Errors
    /// The failed checks, and the checks that could not run if `incomplete` is `error`. In both cases, the runner
    /// must not be registered.
    pub(super) async fn before(
        &self,
        subject: &Subject,
        context: &CallContext,
    ) -> Result<Vec<Diagnostic>, Vec<Diagnostic>> {
        self.preflight.expect_changes();
        if self.apply != Mode::Error {
            return Ok(Vec::new());
        }
        let budget = TimeLimit::new(self.timeout, context.stop.clone());
        let checking = self.reported.begin(subject);
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
            on_demand: false,
        };
        let diagnostics = self
            .reported
            .diagnostics(&report, severities, checking, &context.stop)
            .await;
        if diagnostics.iter().any(Diagnostic::is_error) {
            Err(diagnostics)
        } else {
            Ok(diagnostics)
        }
    }

    /// Checks a runner once after it was registered or changed. Does nothing unless the mode is [`Mode::Warn`].
    pub(super) async fn after(&self, subject: &Subject, context: &CallContext) -> Vec<Diagnostic> {
        if self.apply != Mode::Warn {
            return Vec::new();
        }
        let checking = self.reported.begin(subject);
        let report = self.once(subject, context).await;
        let severities = Severities {
            errors: false,
            each: false,
            may_come: false,
            incomplete: self.incomplete,
            on_demand: false,
        };
        self.reported
            .diagnostics(&report, severities, checking, &context.stop)
            .await
    }

    /// Checks a runner of the data source, which Terraform also reads while it applies.
    pub(super) async fn while_reading(&self, subject: &Subject, context: &CallContext) -> Report {
        self.preflight.expect_changes();
        self.once(subject, context).await
    }

    /// Checks a registered runner whenever a user wants it, in every mode. With [`Mode::Error`] it waits for what AWS is
    /// still propagating, and failed checks are errors. `observer` follows the checks.
    pub(super) async fn on_demand(
        &self,
        subject: &Subject,
        context: &CallContext,
        observer: &dyn Observer,
    ) -> Vec<Diagnostic> {
        self.preflight.expect_changes();
        let checking = self.reported.begin(subject);
        let errors = self.apply == Mode::Error;
        let report = if errors {
            let budget = TimeLimit::new(self.timeout, context.stop.clone());
            self.preflight.wait(subject, &budget, observer).await
        } else {
            let limit = TimeLimit::new(ONCE, context.stop.clone());
            self.preflight.check(subject, &limit, observer).await
        };
        let severities = Severities {
            errors,
            each: true,
            may_come: false,
            incomplete: self.incomplete,
            on_demand: true,
        };
        self.reported
            .diagnostics(&report, severities, checking, &context.stop)
            .await
    }

    /// Checks a runner once.
    async fn once(&self, subject: &Subject, context: &CallContext) -> Report {
        self.preflight
            .check(subject, &TimeLimit::new(ONCE, context.stop.clone()), &())
            .await
    }
}
