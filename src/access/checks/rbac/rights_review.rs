//! Whether the runner's user has a right in the job's namespace.

use std::sync::Arc;

use super::access_policies::{PolicyGrant, granted_by_policy};
use super::bindings::explanation;
use super::grants::grant_fix;
use super::right::Right;
use crate::access::cause::ClusterCause;
use crate::access::check::CheckId;
use crate::access::check_error::CheckError;
use crate::access::checks::job_namespace::without_namespace;
use crate::access::checks::mapping::admission::fix_for_nameless_user;
use crate::access::checks::mapping::runner_user::runner_user;
use crate::access::checks::{api_server, mapping::access_entry, session_name};
use crate::access::fix::Fix;
use crate::access::kubernetes::ClusterClient;
use crate::access::kubernetes::user::User;
use crate::access::objects::rbac_grant;
use crate::access::outcome::Outcome;
use crate::access::run::{Run, unknown};

/// What the check of a right needs with the caller's credentials. Without a session that STS grants, the runner has no
/// user.
pub(in crate::access::checks) static CALLER_NEEDS: [CheckId; 3] = [
    session_name::CHECK.id(),
    api_server::CHECK.id(),
    access_entry::CHECK.id(),
];

/// What the check of a right needs with the runner's credentials.
pub(in crate::access::checks) static RUNNER_NEEDS: [CheckId; 1] = [api_server::CHECK.id()];

/// Checks whether the runner's user has a right.
pub(in crate::access::checks) async fn check(run: &Run<'_>, right: &Right) -> Result<Outcome, CheckError> {
    let namespace = run.namespace()?;
    let Right { verb, resource, .. } = right;
    let cluster = run.cluster().await?;
    let (user, is_known) = match runner_user(run).await {
        Ok(user) => (user, true),
        // The runner needs no permission to read its own entry.
        Err(_) if run.as_runner() => (default_user(run), false),
        Err(error) => return Err(of_right(right, error.into()).into()),
    };
    let name = user.label();
    // In a run as the runner, the review is one of the runner's own rights.
    let reviewed = Some(&user).filter(|_| is_known && !run.as_runner());
    match cluster.is_allowed(reviewed, &right.action(namespace)).await {
        Ok(true) => {
            return Ok(Outcome::passed(format!(
                "{name} is allowed to {verb} {resource} in namespace {namespace:?}."
            )));
        }
        Ok(false) => {}
        Err(error) => {
            let action = "create subjectaccessreviews, which show what the runner's user is allowed to do";
            return Ok(crate::access::checks::not_checked(run, action, error.into()));
        }
    }
    let granted = match reviewed {
        // The cluster's own response about the runner includes the access policies.
        None => PolicyGrant::No,
        Some(_) => granted_by_policy(run, namespace, right).await?,
    };
    let missing = MissingRight {
        run,
        right,
        namespace,
        cluster: &cluster,
        user: &user,
    };
    missing.outcome(granted).await
}

/// Returns the runner's user as a new access entry would name it.
fn default_user(run: &Run<'_>) -> User {
    User {
        name: run.subject.kubernetes_user().unwrap_or_default(),
        groups: Vec::new(),
    }
}

/// Returns a failure of something else as the outcome of the check of a right. A right that deployments do not need only
/// warns.
fn of_right(right: &Right, outcome: Outcome) -> Outcome {
    match right.lost {
        Some(_) => outcome.only_warning(),
        None => outcome,
    }
}

/// A right that RBAC refuses to the runner's user.
struct MissingRight<'a> {
    run: &'a Run<'a>,
    right: &'a Right,
    namespace: &'a str,
    cluster: &'a Arc<ClusterClient>,
    user: &'a User,
}

impl MissingRight<'_> {
    /// Returns the outcome, which depends on what the role's access policies allow.
    async fn outcome(&self, granted: PolicyGrant) -> Result<Outcome, CheckError> {
        let Self {
            run,
            right,
            namespace,
            user,
            ..
        } = self;
        let Right { verb, resource, .. } = right;
        let name = user.label();
        let refused = format!("{name} is not allowed to {verb} {resource} in namespace {namespace:?}.");
        if matches!(granted, PolicyGrant::No)
            && let Some(outcome) = without_namespace(run, namespace).await
        {
            return Ok(of_right(right, outcome));
        }
        let cause = run.cluster_cause(ClusterCause::Rights {
            namespace: (*namespace).to_owned(),
            user: name,
        });
        Ok(match granted {
            PolicyGrant::By(policy) => Outcome::passed(format!(
                "The EKS access policy {policy} allows the role to {verb} {resource} in namespace {namespace:?}."
            )),
            PolicyGrant::Unknown(why) => {
                let message = format!("Without an EKS access policy, {refused} {why}");
                let outcome = match right.lost {
                    Some(_) => Outcome::warned(message),
                    None => {
                        Outcome::incomplete("the permissions of an EKS access policy are unknown", message).retryable()
                    }
                };
                outcome.fix(cause, self.fix().await?)
            }
            PolicyGrant::No => {
                let why = explanation(run, namespace, user).await.unwrap_or_default();
                let outcome = match right.lost {
                    // A run does not wait for it: nothing fails because of it.
                    Some(lost) => Outcome::warned(format!("{refused}{why} {lost}")),
                    None => Outcome::failed(format!("{refused}{why}"))
                        .compare(
                            format!("{} is allowed to {verb} {resource}", subject(user)),
                            "not allowed by any Role or ClusterRole bound to the subject",
                        )
                        .not_yet(),
                };
                outcome.fix(cause, self.fix().await?)
            }
        })
    }

    /// Returns what gives the right to the runner's user or to its first group.
    async fn fix(&self) -> Result<Fix, CheckError> {
        let Self {
            run,
            namespace,
            cluster,
            user,
            ..
        } = self;
        let own_name = run.subject.own_name();
        let own_name = own_name.ok_or_else(|| unknown("runner's ID"))?;
        let grant = rbac_grant(namespace, &user.name, &own_name);
        match (user.name.as_str(), user.groups.first()) {
            ("", None) => fix_for_nameless_user(run).await,
            ("", Some(group)) => Ok(grant_fix(cluster, grant.for_group(group)).await),
            _ => Ok(grant_fix(cluster, grant).await),
        }
    }
}

/// Returns the user or the group that a Role can be bound to, as RBAC writes it.
fn subject(user: &User) -> String {
    match (user.name.as_str(), user.groups.first()) {
        ("", Some(group)) => format!("Group {group}"),
        ("", None) => "a user with a name".to_owned(),
        (name, _) => format!("User {name}"),
    }
}
