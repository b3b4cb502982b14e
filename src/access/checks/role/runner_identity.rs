//! A runner as a trust policy sees it.

use crate::access::check_error::CheckError;
use crate::access::issuer::{AUDIENCE, issuer_host};
use crate::access::run::{Run, unknown};
use crate::access::trust::WebIdentity;

/// Returns the web identity with which the Orchestrator assumes the role for the runner.
///
/// # Errors
/// If a value of the runner or the issuer is unknown.
pub(super) fn runner_identity(run: &Run<'_>) -> Result<WebIdentity, CheckError> {
    let subject = run.subject.oidc_subject();
    Ok(WebIdentity {
        sender: "the Orchestrator",
        provider_arn: run.provider_arn()?,
        issuer_host: issuer_host(run.issuer()?).to_owned(),
        audience: AUDIENCE.to_owned(),
        subject: subject.ok_or_else(|| unknown("runner's ID"))?,
        session_name: run.subject.session().map(|(name, _)| name),
        source: None,
    })
}
