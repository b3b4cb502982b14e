//! The action `platform-orchestrator_check_eks_access`: runs the checks of a registered runner when it is invoked.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;

use super::connection::Connection;
use super::eks_runner;
use super::runner_user::RunnerUser;
use super::text_rules::TextRules;
use crate::access::{CheckId, CheckResult, Observer, Status};
use crate::runner::validate;
use terraform_plugin_server::{
    Action, Attribute, CallContext, Diagnostic, Path, Progress, Schema, ValidateConfig, Value,
};

/// The action.
pub(super) struct CheckEksAccess {
    connection: Arc<Connection>,
}

impl CheckEksAccess {
    pub(super) fn new(connection: Arc<Connection>) -> Self {
        Self { connection }
    }

    /// Runs the checks and returns what they found.
    ///
    /// # Errors
    /// Returns the diagnostic to show if there is no such runner, or it cannot be checked.
    async fn check(
        &self,
        context: &CallContext,
        config: &Value,
        progress: Progress,
    ) -> Result<Vec<Diagnostic>, Diagnostic> {
        let client = self.connection.client_now()?;
        let access = self.connection.eks_access_now(RunnerUser::Action)?;
        let runner = eks_runner::existing(&client, config, context, RunnerUser::Action).await?;
        let subject = eks_runner::subject_now(client.org(), &runner)?;
        Ok(access
            .on_demand(&subject, context, &ReportedProgress::new(progress))
            .await)
    }
}

/// Reports one line for each check that ends. While the run waits for what AWS propagates, the checks run again, and only a
/// result that differs from the last one is reported.
struct ReportedProgress {
    progress: Progress,
    reported: Mutex<HashMap<CheckId, String>>,
}

impl ReportedProgress {
    fn new(progress: Progress) -> Self {
        Self {
            progress,
            reported: Mutex::default(),
        }
    }
}

impl Observer for ReportedProgress {
    fn finished(&self, result: &CheckResult) {
        let CheckResult { id, outcome, .. } = result;
        let status = outcome.status.as_str();
        let line = match outcome.status {
            Status::Passed => format!("{status}: {id}: {}", id.title()),
            Status::Failed | Status::Warned | Status::Skipped => {
                format!("{status}: {id}: {}", outcome.message)
            }
        };
        let mut reported = self.reported.lock().unwrap_or_else(PoisonError::into_inner);
        if reported.insert(*id, line.clone()).as_ref() != Some(&line) {
            self.progress.report(line);
        }
    }
}

#[async_trait]
impl Action for CheckEksAccess {
    fn type_name(&self) -> &'static str {
        "platform-orchestrator_check_eks_access"
    }

    fn schema(&self) -> Schema {
        Schema {
            version: 0,
            description: "Checks that the Orchestrator can reach the cluster of a registered EKS runner, and shows each \
                          result as it is known. With `apply = \"error\"` in the provider's `eks_access`, the action waits \
                          for what AWS is still propagating, and fails if a check fails. Otherwise a failed check is a \
                          warning, even with `apply = \"off\"`.",
            attributes: vec![Attribute::string("id", "The ID of the registered runner.").required()],
        }
    }

    async fn invoke(&self, context: CallContext, config: Value, progress: Progress) -> Vec<Diagnostic> {
        let found = self.check(&context, &config, progress).await;
        let found = found.unwrap_or_else(|diagnostic| vec![diagnostic]);
        // The paths of the checks are those of the runner, and `id` selects it.
        let at_id = |diagnostic: Diagnostic| diagnostic.at(Path::new(["id"]));
        found.into_iter().map(at_id).collect()
    }

    fn validate_config(&self) -> Option<&dyn ValidateConfig> {
        Some(&TextRules(&[(&["id"], validate::runner_id)]))
    }
}
