//! The check `namespace`.

use super::job_namespace::judge_namespace;
use super::{Check, api_server, read_ahead};
use crate::access::check::{Category, CheckId, CheckInfo, NAMESPACE};
use crate::access::check_error::CheckError;
use crate::access::outcome::Outcome;
use crate::access::run::Run;
use crate::access::settings::CheckSetting;

pub(super) static CHECK: Check = Check::new(
    CheckInfo {
        id: "namespace",
        title: "The Job's namespace exists",
        category: Category::Kubernetes,
        attribute: NAMESPACE,
        caller_needs: &[api_server::CHECK.id()],
        runner_needs: &[api_server::CHECK.id()],
    },
    |run| Box::pin(check(run)),
)
.calls(CheckSetting::CLUSTER)
.look_ahead(|run| Box::pin(read_ahead(run, run.namespaced(""))));

/// Returns whether the namespace exists.
///
/// The documented Role of a runner does not allow it to read its namespace, and the runner has no need to: the API
/// server refuses the dry run of a Job in a namespace that does not exist or is being deleted
/// (plugin/pkg/admission/namespace/lifecycle).
async fn check(run: &Run<'_>) -> Result<Outcome, CheckError> {
    let name = run.namespace()?;
    let is_tried = run.settings().runs(CheckId::JOB_DRY_RUN);
    let read = run.read(run.namespaced("")?).await;
    if run.as_runner() && is_tried && read.is_err_and(|error| error.is_forbidden()) {
        return Ok(Outcome::not_applicable(format!(
            "The runner has no permission to read namespace {name:?} and does not need it: job-dry-run verifies that \
             the namespace exists."
        )));
    }
    judge_namespace(run, name).await
}
