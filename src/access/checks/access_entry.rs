//! `access-entry`: the cluster admits a session of the role, by an access entry or by `aws-auth`.

use super::cluster::described;
use crate::access::aws::{AccessEntry, AwsError, Who};
use crate::access::check::{Outcome, Skip};
use crate::access::kubernetes::aws_auth::{AwsAuth, Key, Mapping, Room};
use crate::access::kubernetes::user::User;
use crate::access::run::Run;
use crate::access::setup::{
    access_entry_command, access_entry_hcl, associate_command, aws_auth_command,
    aws_auth_correction, aws_auth_one_line, default_username_command, delete_entry_command, hcl,
    shell,
};
use crate::runner::{RoleArn, kubernetes_user};

/// `access-entry`
///
/// In mode `API_AND_CONFIG_MAP` EKS asks for an entry first, and for a line of `aws-auth` only where it has none for
/// this very role (`doMapping` of aws-iam-authenticator): an entry for nodes refuses the runner whatever `aws-auth`
/// says, and one that was made for a deleted role of the same name leaves the answer to `aws-auth`.
///
/// As the runner, the cluster's own answer decides: what it tells the runner about itself proves that it maps the role,
/// whatever the caller can see of it.
pub(super) async fn access_entry(run: &Run<'_>) -> Result<Outcome, Outcome> {
    let outcome = seen_from_outside(run).await.unwrap_or_else(|early| early);
    if outcome.is_good() {
        return Ok(outcome);
    }
    Ok(match run.accepted_as().await {
        Some(user) if user.name.is_empty() => {
            Outcome::passed("The cluster accepts the runner, as a user without a fixed name.")
        }
        Some(user) => Outcome::passed(format!(
            "The cluster accepts the runner, as the user {}.",
            user.name
        )),
        None => outcome,
    })
}

/// What EKS and `aws-auth` say about the role.
async fn seen_from_outside(run: &Run<'_>) -> Result<Outcome, Outcome> {
    let cluster = described(run).await?;
    let mode = cluster.authentication_mode.as_str();
    if mode == "CONFIG_MAP" {
        return mapped(run).await;
    }
    let arn = run.role()?.to_string();
    let cause = entry_cause(run)?;
    let refused = match run.access_entry().await? {
        Ok(entry) => match judge_entry(run, &entry, &cause).await? {
            Entry::Judged(outcome) => return Ok(outcome),
            Entry::ForAnotherRole(outcome) => outcome,
        },
        Err(AwsError::NotFound { .. }) => {
            role_is_not_missing(run).await?;
            Outcome::failed(format!("The cluster has no access entry for {arn}."))
                .compare(
                    format!("an access entry of type STANDARD for {arn}"),
                    "none",
                )
                .fix(cause, missing_entry(run)?)
                .not_yet()
        }
        // The documented role is not allowed to read its own entry, and the Orchestrator does not read it.
        Err(AwsError::Denied { action, .. })
            if matches!(run.entry_asker().await?, Who::Runner(_)) =>
        {
            return Ok(Outcome::not_applicable(format!(
                "The runner has no permission for {action}, and needs none: api-server verifies that the cluster accepts it."
            )));
        }
        Err(error) => return Ok(error.outcome()),
    };
    if mode == "API" {
        return Ok(refused);
    }
    Ok(match run.aws_auth().await {
        Ok(Ok(auth)) => beside_entries(run, &auth, refused)?,
        // The cluster has refused the runner itself.
        Ok(Err(error)) if run.as_runner() && error.is_unauthorized() => refused,
        Ok(Err(error)) => unread(run, &error, refused),
        Err(early) => Outcome {
            cause: refused.cause,
            fix: refused.fix,
            message: format!("{} {}", refused.message, early.message),
            ..early
        },
    })
}

/// What `aws-auth` makes of a role that no entry admits.
fn beside_entries(run: &Run<'_>, auth: &AwsAuth, refused: Outcome) -> Result<Outcome, Outcome> {
    let (role, session) = (run.role()?, run.subject.session());
    let session = session.as_ref().map(|(name, _)| name.as_str());
    let mapping = auth.map(role, session.unwrap_or_default());
    let found = judge_mapping(&mapping, auth, role, session);
    Ok(match mapping {
        Mapping::Absent { with_path: None } if auth.broken().is_empty() => refused,
        _ if found.is_good() => Outcome {
            message: format!("{} {}", refused.message, found.message),
            // An entry would give the runner a name of its own.
            cause: refused.cause.filter(|_| found.comparison.is_some()),
            fix: refused.fix.filter(|_| found.comparison.is_some()),
            ..found
        },
        _ => Outcome {
            message: format!("{} {}", refused.message, found.message),
            ..refused
        },
    })
}

/// What cannot be known of a role without an entry while `aws-auth` cannot be read.
fn unread(
    run: &Run<'_>,
    error: &crate::access::kubernetes::KubeError,
    refused: Outcome,
) -> Outcome {
    let early = super::not_read(run, "aws-auth", error);
    Outcome {
        message: format!(
            "{} A line of aws-auth would serve as well. {}",
            refused.message, early.message
        ),
        cause: refused.cause,
        fix: refused.fix,
        retryable: true,
        ..early
    }
}

/// Ends the check of an entry, or a line, that is missing because the role is: it cannot be made
/// before, and the role's own check tells all there is to tell.
async fn role_is_not_missing(run: &Run<'_>) -> Result<(), Outcome> {
    if run.same_account().await.is_err() {
        return Ok(());
    }
    let wanted = run.role()?.to_string();
    let missing = match run.iam_role().await? {
        Ok(role) => role.arn != wanted,
        Err(error) => matches!(error, AwsError::NotFound { .. }),
    };
    if missing {
        return Err(Outcome::skipped(
            Skip::Blocked,
            format!("Needs role-exists, which failed: the role {wanted} does not exist."),
        ));
    }
    Ok(())
}

/// What an entry comes to.
enum Entry {
    /// This is the cluster's answer.
    Judged(Outcome),
    /// It belongs to a deleted role of the same name: the cluster goes on as if there were none.
    ForAnotherRole(Outcome),
}

/// Judges an entry that exists.
async fn judge_entry(run: &Run<'_>, entry: &AccessEntry, cause: &str) -> Result<Entry, Outcome> {
    let role = run.role()?;
    let arn = role.to_string();
    let (region, name) = (run.region()?, run.cluster_name()?);
    if !run.belongs_to_role(entry).await {
        let outcome = Outcome::failed(format!(
            "The access entry for {arn} is older than the role: the role was deleted and created again, and the \
             entry does not work for the new one."
        ))
        .compare(
            "an entry created after the role",
            "an entry created before it",
        )
        .fix(cause, made_anew(run, entry).await?);
        return Ok(Entry::ForAnotherRole(outcome));
    }
    if entry.kind != "STANDARD" {
        let outcome = Outcome::failed(format!(
            "The access entry for {arn} is of type {}, which is for nodes. It does not let the runner create Jobs.",
            entry.kind
        ))
        .compare("STANDARD", entry.kind.as_str())
        .fix(
            cause,
            format!(
                "# Nodes with this role need their entry. If there are any, give the runner its own role instead.\n{}{}",
                delete_entry_command(region, name, &arn),
                access_entry_command(region, name, &shell(&arn))
            ),
        );
        return Ok(Entry::Judged(outcome));
    }
    if let Some(template) = User::instance_template(&entry.username, &entry.groups) {
        let outcome = Outcome::failed(format!(
            "The access entry for {arn} has {template:?}, which the cluster can only fill in for an EC2 instance."
        ))
        .compare("a user name without {{EC2PrivateDNSName}}", template)
        .fix(cause, default_username_command(region, name, role));
        return Ok(Entry::Judged(outcome));
    }
    let groups = match entry.groups.as_slice() {
        [] => String::new(),
        groups => format!(", with the groups {}", groups.join(", ")),
    };
    Ok(Entry::Judged(match run.user().await {
        Ok(user) if !user.name.is_empty() => Outcome::passed(format!(
            "The cluster knows the runner as the user {}{groups}.",
            user.name
        )),
        // The session's name, and with it the user's, might be unknown until the apply.
        _ => Outcome::passed(format!(
            "The cluster has an access entry for {arn}{groups}."
        )),
    }))
}

/// What makes the role's entry.
fn missing_entry(run: &Run<'_>) -> Result<String, Outcome> {
    let (region, name, role) = (run.region()?, run.cluster_name()?, run.role()?);
    let arn = role.to_string();
    Ok(run.settings().face.makes(
        access_entry_hcl(role, name, &hcl(&arn)),
        access_entry_command(region, name, &shell(&arn)),
    ))
}

/// What gives the runner's user a name of its own, where it has none.
pub(super) async fn with_a_name(run: &Run<'_>) -> Result<String, Outcome> {
    match run.access_entry().await? {
        Ok(_) => Ok(default_username_command(
            run.region()?,
            run.cluster_name()?,
            run.role()?,
        )),
        Err(_) => admission(run).await,
    }
}

/// What makes a cluster admit a role that it does not know: an entry, or a line of `aws-auth` where there are no entries.
pub(super) async fn admission(run: &Run<'_>) -> Result<String, Outcome> {
    if described(run).await?.authentication_mode != "CONFIG_MAP" {
        return missing_entry(run);
    }
    let room = match run.aws_auth().await {
        Ok(Ok(auth)) => auth.room,
        _ => Room::ByHand,
    };
    Ok(aws_auth_command(run.role()?, room))
}

/// What makes a cluster accept the runner whose token it has refused, and the cause that this removes. An entry that
/// exists is put right, or else made anew: EKS refuses to create a second one, and an entry that looks right and does not
/// work belongs to a deleted role of the same name.
pub(super) async fn admission_of_refused(run: &Run<'_>) -> Result<(String, String), Outcome> {
    if described(run).await?.authentication_mode == "CONFIG_MAP" {
        return Ok((line_cause(run)?, admission(run).await?));
    }
    let cause = entry_cause(run)?;
    let Ok(entry) = run.access_entry().await? else {
        return Ok((cause, missing_entry(run)?));
    };
    let judged = match judge_entry(run, &entry, &cause).await? {
        Entry::Judged(outcome) | Entry::ForAnotherRole(outcome) => outcome,
    };
    let fix = match judged.fix {
        Some(fix) => fix.into(),
        None => made_anew(run, &entry).await?,
    };
    Ok((cause, fix))
}

/// The cause of what is wrong with the role's access entry.
fn entry_cause(run: &Run<'_>) -> Result<String, Outcome> {
    let (region, name, role) = (run.region()?, run.cluster_name()?, run.role()?);
    Ok(format!("access-entry:{region}:{name}:{role}"))
}

/// The cause of what is wrong with the role's line of `aws-auth`.
fn line_cause(run: &Run<'_>) -> Result<String, Outcome> {
    let (region, name, role) = (run.region()?, run.cluster_name()?, run.role()?);
    Ok(format!("aws-auth:{region}:{name}:{role}"))
}

/// The commands that make an entry anew, with all that it has.
async fn made_anew(run: &Run<'_>, entry: &AccessEntry) -> Result<String, Outcome> {
    let (region, name, role) = (run.region()?, run.cluster_name()?, run.role()?);
    let arn = role.to_string();
    let mut options = String::new();
    if entry.username != kubernetes_user(role, "{{SessionName}}") {
        options += &format!(" --username {}", shell(&entry.username));
    }
    if !entry.groups.is_empty() {
        let groups: Vec<String> = entry.groups.iter().map(|group| shell(group)).collect();
        options += &format!(" --kubernetes-groups {}", groups.join(" "));
    }
    let asker = run.entry_asker().await?;
    let (before, policies) = match run.aws().access_policies(&asker, region, name, &arn).await {
        Ok(policies) => {
            let associate = policies.iter().map(|policy| {
                let namespaces = policy.namespaces.as_deref();
                associate_command(region, name, &shell(&arn), &policy.arn, namespaces)
            });
            (String::new(), associate.collect())
        }
        // What it has may not be asked: it is to be looked at before it is gone.
        Err(_) => (
            format!(
                "# Note the access policies, and associate them again afterwards:\n\
                 aws eks list-associated-access-policies --region {} --cluster-name {} --principal-arn {}\n",
                shell(region),
                shell(name),
                shell(&arn)
            ),
            String::new(),
        ),
    };
    let create = access_entry_command(region, name, &shell(&arn));
    Ok(format!(
        "{before}{}{}{options}\n{policies}",
        delete_entry_command(region, name, &arn),
        create.trim_end()
    ))
}

/// Authentication mode `CONFIG_MAP`: `aws-auth` must admit the role.
async fn mapped(run: &Run<'_>) -> Result<Outcome, Outcome> {
    let role = run.role()?;
    let cause = line_cause(run)?;
    let auth = match run.aws_auth().await? {
        Ok(auth) => auth,
        Err(error) if run.as_runner() && error.is_unauthorized() => {
            return Ok(Outcome::failed(format!(
                "The cluster, whose authentication mode is CONFIG_MAP, refuses the runner: its aws-auth does not admit {role}."
            ))
            .compare("a line of mapRoles for the role", error.message())
            .fix(cause, aws_auth_command(role, Room::ByHand))
            .not_yet());
        }
        Err(error) => return Ok(super::not_read(run, "aws-auth", &error)),
    };
    let session = run.subject.session();
    let session = session.as_ref().map(|(name, _)| name.as_str());
    let mapping = auth.map(role, session.unwrap_or_default());
    let outcome = judge_mapping(&mapping, &auth, role, session);
    let command = || aws_auth_command(role, auth.room);
    Ok(match mapping {
        Mapping::Absent { .. } => {
            role_is_not_missing(run).await?;
            match auth.broken() {
                [] => outcome.fix(cause, command()).not_yet(),
                broken => outcome.fix(cause, aws_auth_correction(broken)),
            }
        }
        Mapping::Refused { by, line, .. } => outcome.fix(
            cause,
            format!(
                "# The new line replaces line {line} of {by}. Nodes with this role need the old one: if there are any, \
                 give the runner its own role instead.\n{}",
                command()
            ),
        ),
        // mapRoles is read before mapUsers.
        Mapping::ByChance { by: Key::Users, .. } => outcome.fix(cause, command()),
        Mapping::ByChance { by, .. } => outcome.fix(cause, aws_auth_one_line(role, by)),
        Mapping::Admitted { .. } if outcome.comparison.is_some() => outcome.fix(cause, command()),
        Mapping::Admitted { .. } => outcome,
    })
}

/// What `aws-auth` comes to for a session of the role, without the fix. The session's name might be unknown until the
/// apply.
fn judge_mapping(
    mapping: &Mapping,
    auth: &AwsAuth,
    role: &RoleArn,
    session: Option<&str>,
) -> Outcome {
    match mapping {
        Mapping::Admitted { user, by } => match (user.name.as_str(), user.groups.as_slice()) {
            ("", []) => Outcome::warned(format!(
                "aws-auth maps the role without a username and without groups ({by}): no Role can be bound to the runner."
            ))
            .compare("a username in the line", "none"),
            ("", groups) => Outcome::passed(format!(
                "aws-auth maps the role without a username ({by}): the runner has the rights of its groups, {}.",
                groups.join(", ")
            )),
            _ if session.is_none() => Outcome::passed(format!("aws-auth maps the role ({by}).")),
            (name, groups) => Outcome::passed(format!(
                "aws-auth maps the role to the user {name:?} with {} ({by}).",
                match groups {
                    [] => "no groups".to_owned(),
                    groups => format!("the groups {}", groups.join(", ")),
                }
            )),
        },
        Mapping::ByChance { by, .. } => Outcome::warned(format!(
            "{by} of aws-auth has several lines for {role} that differ only in upper and lower case. The cluster picks \
             one of them by chance at each request."
        ))
        .compare("one line for the role", "several"),
        Mapping::Refused { by, line, template } => Outcome::failed(format!(
            "aws-auth maps the role to {template:?} (line {line} of {by}), which the cluster can only fill in for an EC2 \
             instance: it refuses the runner's session{}.",
            session.map_or_else(String::new, |name| format!(" {name:?}"))
        ))
        .compare(
            "a username and groups without {{EC2PrivateDNSName}}",
            template.as_str(),
        ),
        Mapping::Absent {
            with_path: Some(line),
        } => {
            let bare = RoleArn {
                path: "/".to_owned(),
                ..role.clone()
            };
            Outcome::failed(format!(
                "Line {line} of mapRoles of aws-auth has {role}. There, role ARNs are written without their path."
            ))
            .compare(bare.to_string(), role.to_string())
        }
        Mapping::Absent { with_path: None } => match auth.broken() {
            [] => Outcome::failed(format!(
                "The cluster's authentication mode is CONFIG_MAP, and its aws-auth does not map {role}."
            ))
            .compare("a line of mapRoles for the role", "none"),
            broken => {
                let places = broken
                    .iter()
                    .map(|(key, error)| format!("{key} cannot be read ({error})"));
                let places = places.collect::<Vec<_>>().join(", ");
                Outcome::failed(format!(
                    "In aws-auth, {places}: the cluster ignores all of it, and the rest does not map {role}."
                ))
                .compare("a line of mapRoles for the role", places)
            }
        },
    }
}
