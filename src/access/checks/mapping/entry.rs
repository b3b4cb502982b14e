//! The role's access entry: whether it works, and how to repair it.

use std::sync::Arc;

use crate::access::aws::AccessEntry;
use crate::access::cause::{Cause, ClusterCause};
use crate::access::check_error::CheckError;
use crate::access::fix::Fix;
use crate::access::kubernetes::user::User;
use crate::access::objects::AwsObject;
use crate::access::outcome::Outcome;
use crate::access::render::aws_cli;
use crate::access::run::Run;
use crate::runner::kubernetes_user;

/// The judgment of an entry that exists.
pub(in crate::access::checks) enum EntryJudgment {
    /// The entry decides: this is the outcome.
    Decided(Outcome),
    /// The entry belongs to a deleted role of the same name: the cluster ignores it. The outcome is the one for a
    /// cluster that does not read `aws-auth`.
    ForDeletedRole(Outcome),
}

/// Judges an entry that exists.
pub(in crate::access::checks) async fn judge_entry(
    run: &Run<'_>,
    entry: &AccessEntry,
) -> Result<EntryJudgment, CheckError> {
    let role = run.role()?;
    let arn = role.to_string();
    let (region, name) = (run.region()?, run.cluster_name()?);
    let cause = entry_cause(run)?;
    if !run.belongs_to_role(entry).await {
        let outcome = Outcome::failed(format!(
            "The access entry for {arn} is older than the role: the role was deleted and created again, so the entry does \
             not work for the new role."
        ))
        .compare(
            "an entry created after the role",
            "an entry created before it",
        )
        .fix(cause, recreate(run, entry).await?);
        return Ok(EntryJudgment::ForDeletedRole(outcome));
    }
    if entry.kind != "STANDARD" {
        let outcome = Outcome::failed(format!(
            "The access entry for {arn} is of type {}, which is for nodes. It does not let the runner create Jobs.",
            entry.kind
        ))
        .compare("STANDARD", entry.kind.as_str())
        .fix(
            cause,
            Fix::note(format!(
                "Nodes with this role need this entry. Create another role for the runner, and set role_arn in auth to its ARN.\n\
                 Only if no node uses the role, replace its entry:\n{}{}",
                aws_cli::delete_access_entry(region, name, &arn),
                aws_cli::create_access_entry(region, name, &arn)
            )),
        );
        return Ok(EntryJudgment::Decided(outcome));
    }
    if let Some(template) = User::instance_template(&entry.username, &entry.groups) {
        let outcome = Outcome::failed(format!(
            "The access entry for {arn} has {template:?}, which the cluster can only fill in for an EC2 instance."
        ))
        .compare("a user name without {{EC2PrivateDNSName}}", template)
        .fix(cause, aws_cli::reset_username(region, name, role));
        return Ok(EntryJudgment::Decided(outcome));
    }
    let groups = match entry.groups.as_slice() {
        [] => String::new(),
        groups => format!(", with the groups {}", groups.join(", ")),
    };
    Ok(EntryJudgment::Decided(match run.user().await {
        Ok(Some(user)) if !user.name.is_empty() => {
            Outcome::passed(format!("The cluster maps the runner to user {}{groups}.", user.name))
        }
        // The session's name, and with it the user's name, might be unknown until apply.
        _ => Outcome::passed(format!("The cluster has an access entry for {arn}{groups}.")),
    }))
}

/// Returns the role's access entry. `None` if there is none or the caller cannot read it.
///
/// # Errors
/// The outcome of the check if a value is unknown until apply.
pub(in crate::access::checks) async fn existing_entry(run: &Run<'_>) -> Result<Option<Arc<AccessEntry>>, CheckError> {
    match run.access_entry().await {
        Ok(entry) => Ok(Some(entry)),
        Err(error @ CheckError::Decided(_)) => Err(error),
        Err(CheckError::Aws(_) | CheckError::Kube(_)) => Ok(None),
    }
}

/// Returns the cause of what is wrong with the role's access entry.
pub(in crate::access::checks) fn entry_cause(run: &Run<'_>) -> Result<Cause, CheckError> {
    let role = run.role()?.clone();
    Ok(run.cluster_cause(ClusterCause::AccessEntry(role)))
}

/// Returns what creates the role's entry.
pub(in crate::access::checks) fn create(run: &Run<'_>) -> Result<Fix, CheckError> {
    let entry = AwsObject::AccessEntry {
        role: run.role()?.clone(),
        region: run.region()?.to_owned(),
        cluster: run.cluster_name()?.to_owned(),
    };
    Ok(Fix::create(run.settings().frontend, entry))
}

/// Returns the commands that create an entry again, with everything that it has.
pub(in crate::access::checks) async fn recreate(run: &Run<'_>, entry: &AccessEntry) -> Result<Fix, CheckError> {
    let (region, name, role) = (run.region()?, run.cluster_name()?, run.role()?);
    let arn = role.to_string();
    let mut create = aws_cli::create_access_entry(region, name, &arn);
    if entry.username != kubernetes_user(role, "{{SessionName}}") {
        create = create.option("--username", &entry.username);
    }
    if let [first, others @ ..] = entry.groups.as_slice() {
        create = create.option("--kubernetes-groups", first);
        create = others.iter().fold(create, |create, group| create.word(group));
    }
    let recreated = Fix::run(aws_cli::delete_access_entry(region, name, &arn)).then_run(create);
    let cluster = run.entry_cluster().await?;
    let policies = run.aws().access_policies(&cluster, &arn);
    Ok(match policies.await {
        Ok(policies) => policies.iter().fold(recreated, |fix, policy| {
            let namespaces = policy.namespaces.as_deref();
            let policy = &policy.arn;
            fix.then_run(aws_cli::associate_access_policy(region, name, &arn, policy, namespaces))
        }),
        // The policies are unknown, so the user must note them before the entry is deleted.
        Err(_) => Fix::note("Note the access policies, and associate them again afterwards:")
            .then_run(aws_cli::list_access_policies(region, name, &arn))
            .then(recreated),
    })
}
