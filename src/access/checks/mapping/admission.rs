//! The fixes that make a cluster admit the runner.

use super::aws_auth_fix::add_aws_auth_line;
use super::aws_auth_mapping::line_cause;
use super::entry::{self, EntryJudgment, entry_cause, existing_entry, judge_entry};
use crate::access::cause::Cause;
use crate::access::check_error::CheckError;
use crate::access::fix::Fix;
use crate::access::kubernetes::aws_auth::Room;
use crate::access::render::aws_cli;
use crate::access::run::Run;

/// Returns the fix that gives the runner's user a fixed name, if it has none.
pub(in crate::access::checks) async fn fix_for_nameless_user(run: &Run<'_>) -> Result<Fix, CheckError> {
    if existing_entry(run).await?.is_none() {
        return admission_fix(run).await;
    }
    let (region, cluster) = (run.region()?, run.cluster_name()?);
    Ok(aws_cli::reset_username(region, cluster, run.role()?).into())
}

/// Returns what makes a cluster admit a role that it does not know: an entry, or a line of `aws-auth` if the cluster has
/// no entries.
async fn admission_fix(run: &Run<'_>) -> Result<Fix, CheckError> {
    if run.eks_cluster().await?.has_access_entries() {
        return entry::create(run);
    }
    let room = run.aws_auth().await.map_or(Room::ByHand, |auth| auth.room);
    Ok(add_aws_auth_line(run.role()?, room))
}

/// Returns what makes a cluster accept the runner whose token it has refused, and the cause that this removes. An entry
/// that exists is repaired, or else created again: EKS refuses to create a second one (`ResourceInUseException` of
/// `CreateAccessEntry` in the EKS API reference), and an entry that looks right but does not work belongs to a deleted role with
/// the same name (see [`Run::belongs_to_role`]).
pub(in crate::access::checks) async fn repair_admission(run: &Run<'_>) -> Result<(Cause, Fix), CheckError> {
    if !run.eks_cluster().await?.has_access_entries() {
        return Ok((line_cause(run)?, admission_fix(run).await?));
    }
    let cause = entry_cause(run)?;
    let Some(entry) = existing_entry(run).await? else {
        return Ok((cause, entry::create(run)?));
    };
    let judged = match judge_entry(run, &entry).await? {
        EntryJudgment::Decided(outcome) | EntryJudgment::ForDeletedRole(outcome) => outcome,
    };
    let fix = match judged.remedy {
        Some(remedy) => remedy.fix,
        None => entry::recreate(run, &entry).await?,
    };
    Ok((cause, fix))
}
