//! The region whose STS the Orchestrator calls.

use crate::access::cause::RunnerCause;
use crate::access::check_error::CheckError;
use crate::access::fix::Fix;
use crate::access::outcome::Outcome;
use crate::access::partition::{is_known, partition_of};
use crate::access::run::{Run, unknown};

/// The code of the error of an STS that is not activated for the account whose credentials it should issue
/// ("AssumeRoleWithWebIdentity" in the API reference of STS).
pub(super) const DISABLED: &str = "RegionDisabledException";

/// Returns the region of `sts_region`, if it is another one than the cluster's.
pub(super) fn other_region<'a>(run: &Run<'a>) -> Option<&'a str> {
    let region = run.subject.sts_region.get()?.as_deref()?;
    let of_cluster = run.subject.region.get()?;
    (region != of_cluster).then_some(region)
}

/// Returns the outcome for a region in another partition than the role's, whose STS does not know the role.
pub(super) fn other_partition(run: &Run<'_>, region: &str) -> Result<Option<Outcome>, CheckError> {
    let role = run.role()?;
    let partition = partition_of(region);
    if !is_known(&role.partition) || partition == role.partition {
        return Ok(None);
    }
    let outcome = Outcome::failed(format!(
        "STS in {region} (sts_region) cannot assume {role}: the region is in partition {partition}, but the role is in {}.",
        role.partition
    ))
    .compare(format!("a region of partition {}", role.partition), region);
    let fix = Fix::set_auth(run.settings().frontend, "sts_region", run.region()?);
    Ok(Some(outcome.fix(run.runner_cause(RunnerCause::StsRegion), fix)))
}

/// Verifies that STS in a region responds to the caller. Whether it is activated for an account remains unknown: it responds to
/// `GetCallerIdentity` even if it is not (aws/aws-sdk-go-v2, issue 2846).
///
/// # Errors
/// The outcome for an STS that does not respond, such as one of a region that does not exist, or whose response says nothing
/// about the role.
pub(super) async fn responds(run: &Run<'_>, region: &str) -> Result<(), CheckError> {
    // Credentials that do not work in the cluster's region either are another check's finding.
    run.identity().await?;
    let Err(error) = run.aws().identity(region).await else {
        return Ok(());
    };
    Err(Outcome::incomplete(
        "no usable response from STS in sts_region",
        format!(
            "Could not check STS in {region} (sts_region): {}. Verify that the region exists, and that the role's account \
             has enabled it.",
            error.to_string().trim_end_matches('.')
        ),
    )
    .into())
}

/// Returns the outcome for an account in which STS is not activated in the region ("Manage AWS STS in an AWS Region" in the
/// IAM user guide).
pub(super) fn disabled(run: &Run<'_>) -> Result<Outcome, CheckError> {
    let region = run.subject.sts_region();
    let region = region.ok_or_else(|| unknown("region of STS"))?;
    let account = &run.role()?.account;
    let other = match other_region(run) {
        Some(_) => format!(
            "remove sts_region: the Orchestrator then calls STS in {}",
            run.region()?
        ),
        None => "set sts_region to a region in which it is activated".to_owned(),
    };
    Ok(Outcome::failed(format!(
        "STS in {region} is not activated for account {account}, so it refuses to assume the role."
    ))
    .compare(format!("STS activated in {region}"), DISABLED)
    .fix(
        run.runner_cause(RunnerCause::StsRegion),
        Fix::note(format!(
            "Activate STS in {region} on the page \"Account settings\" of the IAM console, or {other}."
        )),
    ))
}
