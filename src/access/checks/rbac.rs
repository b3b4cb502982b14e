//! `rbac-create-jobs`, `rbac-get-jobs`, `rbac-list-pods`, `rbac-list-events`: what the Orchestrator
//! does in the job's namespace.

use std::sync::Arc;

use serde_json::Value;

use super::namespace::cluster;
use crate::access::aws::AwsError;
use crate::access::check::{Outcome, Skip, Status};
use crate::access::kubernetes::access_policy::{in_scope, policy_grants};
use crate::access::kubernetes::user::User;
use crate::access::kubernetes::{Access, Cluster};
use crate::access::run::{Run, unknown};
use crate::access::setup::{Grant, kubectl_apply, rbac_grant, shell};

/// Something that the Orchestrator does.
pub(super) struct Right {
    group: &'static str,
    resource: &'static str,
    verb: &'static str,
    /// What is lost without it, if the Orchestrator deploys all the same.
    lost: Option<&'static str>,
}

const fn right(verb: &'static str, group: &'static str, resource: &'static str) -> Right {
    Right {
        group,
        resource,
        verb,
        lost: None,
    }
}

pub(super) const CREATE_JOBS: Right = right("create", "batch", "jobs");
pub(super) const GET_JOBS: Right = right("get", "batch", "jobs");
// What is lost: `CheckStatus` of the Orchestrator's data plane (stellwerk-labs/platform-orchestrator).
pub(super) const LIST_PODS: Right = Right {
    lost: Some(
        "The Orchestrator deploys all the same, but it does not notice when a Job's pod does not start: the deployment \
         stays in progress and is not reported as stuck.",
    ),
    ..right("list", "", "pods")
};
pub(super) const LIST_EVENTS: Right = Right {
    lost: Some(
        "The Orchestrator deploys all the same, but when a Job does not start it cannot say why.",
    ),
    ..right("list", "", "events")
};

impl Right {
    /// The question for the cluster.
    pub(super) fn access(&self, namespace: &str) -> Access {
        Access {
            group: self.group,
            resource: self.resource,
            verb: self.verb,
            namespace: namespace.to_owned(),
        }
    }
}

/// Checks whether the runner's user is allowed to do something.
pub(super) async fn may(run: &Run<'_>, right: &Right) -> Result<Outcome, Outcome> {
    let namespace = run.namespace()?;
    let Right { verb, resource, .. } = right;
    let cluster = cluster(run).await?;
    let known = run.user().await;
    let user = match &known {
        Ok(user) => user.clone(),
        // The runner need not be allowed to look at its own entry.
        Err(_) if run.as_runner() => User {
            name: run.subject.kubernetes_user().unwrap_or_default(),
            groups: Vec::new(),
        },
        Err(outcome) => {
            return Err(match right.lost {
                // Nothing fails because of this right alone.
                Some(lost) if outcome.status == Status::Failed => Outcome {
                    status: Status::Warned,
                    message: format!("{} {lost}", outcome.message),
                    ..outcome.clone()
                },
                _ => outcome.clone(),
            });
        }
    };
    let name = user.label();
    // As the runner one asks about oneself.
    let asked = known.as_ref().ok().filter(|_| !run.as_runner());
    let refused = match cluster.may(asked, &right.access(namespace)).await {
        Ok(true) => {
            return Ok(Outcome::passed(format!(
                "{name} is allowed to {verb} {resource} in namespace {namespace:?}."
            )));
        }
        Ok(false) => {
            format!("{name} is not allowed to {verb} {resource} in namespace {namespace:?}.")
        }
        Err(error) => {
            let what =
                "create subjectaccessreviews, which show what the runner's user is allowed to do";
            return Ok(super::not_checked(run, what, &error));
        }
    };
    let granted = match asked {
        // The cluster's own answer about oneself has the access policies in it.
        None => Granted::No,
        Some(_) => by_access_policy(run, namespace, right).await?,
    };
    if matches!(granted, Granted::No) && is_absent(run, namespace).await {
        return Ok(Outcome::skipped(
            Skip::Blocked,
            format!("Needs namespace, which failed: namespace {namespace:?} does not exist."),
        ));
    }
    let own_name = run
        .subject
        .own_name()
        .ok_or_else(|| unknown("runner's id"))?;
    let grant = rbac_grant(namespace, &user.name, &own_name);
    let fix = async {
        match (user.name.as_str(), user.groups.first()) {
            ("", None) => super::access_entry::with_a_name(run).await,
            ("", Some(group)) => Ok(granting(&cluster, grant.for_group(group)).await),
            _ => Ok(granting(&cluster, grant).await),
        }
    };
    let cause = format!("rbac:{}:{namespace}:{name}", run.cluster_name()?);
    Ok(match granted {
        Granted::By(policy) => Outcome::passed(format!(
            "The role is allowed to {verb} {resource} in namespace {namespace:?} by the EKS access policy {policy}."
        )),
        Granted::Unknown(why) if right.lost.is_some() => {
            Outcome::warned(format!("By RBAC, {refused} {why}")).fix(cause, fix.await?)
        }
        Granted::Unknown(why) => Outcome::incomplete(
            "the rights of an EKS access policy are unknown",
            format!("By RBAC, {refused} {why}"),
        )
        .fix(cause, fix.await?)
        .retryable(),
        Granted::No => {
            let why = why_not(run, namespace, &user).await.unwrap_or_default();
            let fix = fix.await?;
            match right.lost {
                // Not waited for: nothing fails because of it.
                Some(lost) => Outcome::warned(format!("{refused}{why} {lost}")).fix(cause, fix),
                None => Outcome::failed(format!("{refused}{why}"))
                    .compare(
                        format!("{verb} {resource} allowed to {}", subject_of(&user)),
                        "no Role or ClusterRole that is bound to it allows it",
                    )
                    .fix(cause, fix)
                    .not_yet(),
            }
        }
    })
}

/// The user or the group that a Role can be bound to, as RBAC writes it.
fn subject_of(user: &User) -> String {
    match (user.name.as_str(), user.groups.first()) {
        ("", Some(group)) => format!("Group {group}"),
        ("", None) => "a user with a name".to_owned(),
        (name, _) => format!("User {name}"),
    }
}

/// Whether the namespace certainly does not exist.
async fn is_absent(run: &Run<'_>, namespace: &str) -> bool {
    let found = run.read(format!("/api/v1/namespaces/{namespace}")).await;
    matches!(found, Ok(Err(error)) if error.is_not_found())
}

/// What the role's EKS access policies say.
pub(super) enum Granted {
    /// This one allows it.
    By(String),
    /// No policy allows it.
    No,
    /// It is unknown, for this reason.
    Unknown(String),
}

/// Whether an EKS access policy allows it: such policies grant by principal, so that a question
/// about the user name alone is answered with no.
pub(super) async fn by_access_policy(
    run: &Run<'_>,
    namespace: &str,
    right: &Right,
) -> Result<Granted, Outcome> {
    let described = run.eks_cluster().await?.map_err(|error| error.outcome())?;
    if described.authentication_mode == "CONFIG_MAP" {
        return Ok(Granted::No);
    }
    let who = run.entry_asker().await?;
    let role = run.role()?.to_string();
    let asked = run
        .aws()
        .access_policies(&who, run.region()?, run.cluster_name()?, &role);
    let policies = match asked.await {
        Ok(policies) => policies,
        // No entry, so no policies.
        Err(AwsError::NotFound { .. }) => return Ok(Granted::No),
        Err(error) => {
            return Ok(Granted::Unknown(format!(
                "An EKS access policy might allow it, but the policies could not be read: {error}."
            )));
        }
    };
    let mut unknown = None;
    for policy in policies.iter() {
        if !in_scope(policy.namespaces.as_deref(), namespace) {
            continue;
        }
        let name = policy.arn.rsplit('/').next().unwrap_or_default();
        match policy_grants(&policy.arn, right.verb, right.resource) {
            Some(true) => return Ok(Granted::By(name.to_owned())),
            Some(false) => {}
            None => unknown = Some(name),
        }
    }
    Ok(match unknown {
        Some(name) => Granted::Unknown(format!(
            "The EKS access policy {name} might allow it: the check does not know what that policy allows."
        )),
        None => Granted::No,
    })
}

const API: &str = "/apis/rbac.authorization.k8s.io/v1";

/// The commands that give a grant, beside what is there of it: the Role keeps its rules, and a binding of that name to
/// another role, which cannot be changed, goes first. What cannot be read is taken not to be there, and of the Role
/// the commands say so.
pub(super) async fn granting(cluster: &Arc<Cluster>, grant: Grant) -> String {
    let (namespace, role) = (&grant.namespace, grant.role);
    let (found, bindings) = tokio::join!(
        cluster.get(format!("{API}/namespaces/{namespace}/roles/{role}")),
        cluster.get(format!("{API}/namespaces/{namespace}/rolebindings")),
    );
    let bindings = bindings.unwrap_or_default();
    let mut bindings = bindings["items"].as_array().into_iter().flatten();
    let binds_another = bindings.any(|one| {
        let of = &one["roleRef"];
        one["metadata"]["name"] == *grant.binding && (of["kind"] != "Role" || of["name"] != role)
    });
    let unread = match &found {
        Err(error) if !error.is_not_found() => {
            format!("# The Role {role} could not be read: where it is, this replaces its rules.\n")
        }
        _ => String::new(),
    };
    let delete = match binds_another {
        true => format!(
            "kubectl delete rolebinding {} -n {}\n",
            shell(&grant.binding),
            shell(namespace)
        ),
        false => String::new(),
    };
    let found = found.unwrap_or_default();
    let rules = found["rules"].as_array().map(Vec::as_slice);
    unread + &delete + &kubectl_apply(&grant.beside(rules.unwrap_or_default()).yaml())
}

/// The cause, as far as the bindings show it: a binding to another name of the same role, or one to
/// a role that does not allow it. Nothing when they cannot be read.
async fn why_not(run: &Run<'_>, namespace: &str, user: &User) -> Option<String> {
    let cluster = cluster(run).await.ok()?;
    let (here, everywhere) = tokio::join!(
        cluster.get(format!("{API}/namespaces/{namespace}/rolebindings")),
        cluster.get(format!("{API}/clusterrolebindings")),
    );
    let bindings = [
        ("RoleBinding", here.unwrap_or_default()),
        ("ClusterRoleBinding", everywhere.unwrap_or_default()),
    ];
    explain(&bindings, user, &run.role().ok()?.name)
}

fn explain(bindings: &[(&str, Arc<Value>)], user: &User, role_name: &str) -> Option<String> {
    let mut near = None;
    let items = bindings.iter().flat_map(|(kind, list)| {
        let items = list["items"].as_array().into_iter().flatten();
        items.map(move |binding| (kind, binding))
    });
    for (kind, binding) in items {
        let name = binding["metadata"]["name"].as_str().unwrap_or_default();
        for subject in binding["subjects"].as_array().into_iter().flatten() {
            let Some(bound) = subject["name"].as_str() else {
                continue;
            };
            let is_user = subject["kind"] == "User";
            let groups = &user.groups;
            if (is_user && bound == user.name)
                || (subject["kind"] == "Group" && groups.iter().any(|group| group == bound))
            {
                let role = &binding["roleRef"];
                return Some(format!(
                    " The {kind} {name:?} binds it to the {} {:?}, which does not exist or does not allow this.",
                    role["kind"].as_str().unwrap_or("Role"),
                    role["name"].as_str().unwrap_or_default()
                ));
            }
            // The session's ARN with another session name, or the role's own ARN.
            let names_role = bound.contains(&format!(":assumed-role/{role_name}/"))
                || (bound.contains(":role/") && bound.ends_with(&format!("/{role_name}")));
            if is_user && names_role {
                near.get_or_insert_with(|| {
                    format!(
                        " The {kind} {name:?} binds user {bound:?}, which is another name than the runner's. It might be \
                         another runner's. If the binding is meant for this runner, correct the name."
                    )
                });
            }
        }
    }
    near
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn explained(subject: Value) -> Option<String> {
        let user = User {
            name: "arn:aws:sts::123456789012:assumed-role/runner/new".to_owned(),
            groups: vec!["runners".to_owned()],
        };
        let bindings = Arc::new(json!({"items": [{
            "metadata": {"name": "b"},
            "subjects": [subject],
            "roleRef": {"kind": "Role", "name": "r"},
        }]}));
        explain(&[("RoleBinding", bindings)], &user, "runner")
    }

    #[test]
    fn a_binding_to_another_name_of_the_role_is_found() {
        for other in [
            "arn:aws:sts::123456789012:assumed-role/runner/old",
            "arn:aws:iam::123456789012:role/runner",
            "arn:aws:iam::123456789012:role/team/runner",
        ] {
            let text = explained(json!({"kind": "User", "name": other})).unwrap();
            assert!(
                text.contains(other) && text.contains("another name"),
                "{text}"
            );
        }
        let stranger = "arn:aws:sts::123456789012:assumed-role/other/new";
        assert_eq!(explained(json!({"kind": "User", "name": stranger})), None);
    }

    #[test]
    fn a_binding_that_does_not_allow_enough_is_found() {
        let user = "arn:aws:sts::123456789012:assumed-role/runner/new";
        for subject in [
            json!({"kind": "User", "name": user}),
            json!({"kind": "Group", "name": "runners"}),
        ] {
            let text = explained(subject).unwrap();
            assert!(text.contains("Role \"r\""), "{text}");
        }
    }
}
