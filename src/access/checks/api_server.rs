//! `api-server`: the cluster's API accepts the token of the caller or the runner.

use http::Uri;

use super::access_entry::admission_of_refused;
use super::cluster::is_open;
use crate::access::aws::{CallerIdentity, EksCluster, Who};
use crate::access::check::Outcome;
use crate::access::kubernetes::KubeError;
use crate::access::run::{Reached, Run};
use crate::access::setup::{access_entry_command, associate_command, shell};
use crate::runner::RoleArn;

/// What every authenticated user may read.
pub(crate) const VERSION: &str = "/version";

/// `api-server`
pub(super) async fn answers(run: &Run<'_>) -> Result<Outcome, Outcome> {
    let reached = run
        .kubernetes()
        .await?
        .map_err(|unreached| unreached.outcome())?;
    let cluster = run.eks_cluster().await?.map_err(|error| error.outcome())?;
    Ok(match reached.cluster.get(VERSION).await {
        Ok(version) => answered(&reached, &cluster, version["gitVersion"].as_str()),
        // Who is not let in here is known to the cluster all the same.
        Err(error) if error.is_forbidden() => answered(&reached, &cluster, None),
        Err(error) if error.is_unauthorized() => {
            unauthorized(run, &reached, &cluster, &error).await?
        }
        Err(error) => not_answered(&cluster, &error),
    })
}

/// The outcome where no answer of the cluster's API came through. The route is that of whoever checks, also as the
/// runner, and says nothing about the Orchestrator's.
fn not_answered(cluster: &EksCluster, error: &KubeError) -> Outcome {
    let endpoint = cluster.endpoint.as_deref().unwrap_or_default();
    let cause = format!("api-server:{endpoint}");
    let about = "This says nothing about the Orchestrator: see cluster-endpoint.";
    match error {
        KubeError::Certificate(_) => Outcome::incomplete(
            "the certificate of the cluster's API is not trusted from here",
            format!(
                "Not checked: {error}. {about} If a proxy opens TLS on the way, set AWS_CA_BUNDLE to the proxy's \
                 authority, or bypass the proxy with NO_PROXY."
            ),
        )
        .fix(
            cause,
            "export NO_PROXY=\"$NO_PROXY,.eks.amazonaws.com\"   # or AWS_CA_BUNDLE=<the proxy's authority>\n",
        ),
        KubeError::Unreachable(_) => {
            let outcome = Outcome::incomplete(
                "the cluster's API is unreachable from here",
                format!("Not checked: from here, {error}. {about}"),
            )
            .fix(
                cause,
                format!("curl -k {endpoint}/version   # from here: check HTTPS_PROXY, NO_PROXY and firewalls\n"),
            );
            // The name of a new cluster's endpoint can take a while to be known everywhere.
            if is_open(cluster) {
                outcome.retryable()
            } else {
                outcome
            }
        }
        KubeError::Status { .. } => Outcome::incomplete(
            "no usable response from the cluster's API",
            format!("Not checked: {error}."),
        )
        .retryable(),
    }
}

/// The cluster has answered.
fn answered(reached: &Reached, cluster: &EksCluster, version: Option<&str>) -> Outcome {
    let version = version
        .map(|version| format!(" ({version})"))
        .unwrap_or_default();
    let endpoint = cluster.endpoint.as_deref().unwrap_or_default();
    match &reached.kubeconfig_url {
        Some(url) if host(url) != host(endpoint) => Outcome::warned(format!(
            "The API at {url}, which the kubeconfig names, answers{version}. It is not the endpoint of the cluster, {endpoint}: \
             make sure that it is the same cluster."
        )),
        _ => Outcome::passed(format!("The cluster's API answers{version}.")),
    }
}

fn host(url: &str) -> Option<String> {
    let uri: Uri = url.parse().ok()?;
    Some(uri.authority()?.host().to_ascii_lowercase())
}

/// The outcome where the cluster does not know whose token it was.
async fn unauthorized(
    run: &Run<'_>,
    reached: &Reached,
    cluster: &EksCluster,
    error: &KubeError,
) -> Result<Outcome, Outcome> {
    let (region, name) = (run.region()?, run.cluster_name()?);
    let message = error.message();
    if let Who::Runner(session) = run.who()? {
        let (cause, fix) = admission_of_refused(run).await?;
        return Ok(Outcome::failed(format!(
            "The cluster refuses the token of the runner, a session {:?} of {}: {message}. The role needs an access \
             entry of type STANDARD (or, in mode CONFIG_MAP, a line in aws-auth) that was created after the role.",
            session.name, session.role_arn
        ))
        .compare("a token that the cluster accepts", message)
        .fix(cause, fix)
        .not_yet());
    }
    if reached.kubeconfig_url.is_some() {
        return Ok(Outcome::incomplete(
            "the cluster rejects the kubeconfig's user",
            format!("The cluster rejects the user of the kubeconfig: {message}."),
        ));
    }
    let caller = run.identity().await?;
    let outcome = Outcome::incomplete(
        "the caller has no access to the cluster",
        format!(
            "The cluster rejects the token of the caller, {}: {message}. The caller has no access entry for the cluster \
             and no line in aws-auth.",
            caller.arn
        ),
    );
    let Some(fix) = caller_access(run, &caller, cluster).await? else {
        return Ok(outcome);
    };
    Ok(outcome.fix(format!("caller-entry:{region}:{name}:{}", caller.arn), fix))
}

/// Whether a cluster has access entries. In mode `CONFIG_MAP`, EKS refuses to create one.
fn takes_entries(cluster: &EksCluster) -> bool {
    cluster.authentication_mode != "CONFIG_MAP"
}

/// What gives the caller access to the cluster's objects. `None` for a caller that no cluster can know: an access
/// entry's principal is a user or a role ("Create access entries" in the EKS user guide), and never a federated user
/// or the root user.
async fn caller_access(
    run: &Run<'_>,
    caller: &CallerIdentity,
    cluster: &EksCluster,
) -> Result<Option<String>, Outcome> {
    let (region, cluster_name) = (run.region()?, run.cluster_name()?);
    if !takes_entries(cluster) {
        return Ok(aws_auth_access(caller));
    }
    let (before, principal) = match Principal::of_caller(&caller.arn) {
        Some(Principal::User) => (String::new(), shell(&caller.arn)),
        Some(Principal::Role(name)) => {
            match run.aws().role(region, &caller_role(caller, name)).await {
                Ok(role) => (String::new(), shell(&role.arn)),
                // The session's ARN lacks the role's path, with which EKS knows it.
                Err(_) => (
                    format!(
                        "principal=\"$(aws iam get-role --role-name {} --query Role.Arn --output text)\"\n",
                        shell(name)
                    ),
                    "\"$principal\"".to_owned(),
                ),
            }
        }
        None => return Ok(None),
    };
    let view = format!(
        "arn:{}:eks::aws:cluster-access-policy/AmazonEKSAdminViewPolicy",
        caller.partition()
    );
    Ok(Some(format!(
        "{before}{}{}",
        access_entry_command(region, cluster_name, &principal),
        associate_command(region, cluster_name, &principal, &view, None),
    )))
}

/// The caller's role as far as the ARN of its session says: without its path.
fn caller_role(caller: &CallerIdentity, name: &str) -> RoleArn {
    RoleArn {
        partition: caller.partition().to_owned(),
        account: caller.account.clone(),
        path: "/".to_owned(),
        name: name.to_owned(),
    }
}

/// What gives the caller access in mode `CONFIG_MAP`: a line of `aws-auth`, where a role has no path, and a binding.
fn aws_auth_access(caller: &CallerIdentity) -> Option<String> {
    let (list, key, arn) = match Principal::of_caller(&caller.arn)? {
        Principal::User => ("mapUsers", "userarn", caller.arn.clone()),
        Principal::Role(name) => ("mapRoles", "rolearn", caller_role(caller, name).to_string()),
    };
    let name = arn.rsplit('/').next().unwrap_or_default();
    Some(format!(
        "# kubectl edit -n kube-system configmap/aws-auth, and add under {list}:\n    \
         - {key}: {arn}\n      username: {name}\n\
         # Then let this user read the cluster's objects:\n\
         kubectl create clusterrolebinding {0} --clusterrole=view --user={0}\n",
        shell(name)
    ))
}

/// The IAM principal behind a caller.
#[derive(Debug, PartialEq, Eq)]
enum Principal<'a> {
    /// A user, whose ARN is the caller's.
    User,
    /// The role of this name. Its path is not in the ARN of its sessions.
    Role(&'a str),
}

impl<'a> Principal<'a> {
    /// Reads the ARN that STS gives for a caller.
    fn of_caller(arn: &'a str) -> Option<Self> {
        let parts: Vec<&str> = arn.splitn(6, ':').collect();
        match parts.as_slice() {
            ["arn", _, "iam", _, _, user] if user.starts_with("user/") => Some(Self::User),
            ["arn", _, "sts", _, _, session] => {
                let mut parts = session.strip_prefix("assumed-role/")?.split('/');
                parts.next().map(Self::Role)
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::check::Skip;

    #[test]
    fn the_principal_of_a_session_is_its_role() {
        let principal = Principal::of_caller;
        assert_eq!(
            principal("arn:aws-cn:sts::123456789012:assumed-role/ci/me"),
            Some(Principal::Role("ci"))
        );
        let user = "arn:aws-us-gov:iam::123456789012:user/team/me";
        assert_eq!(principal(user), Some(Principal::User));
        for nobody in [
            "arn:aws:sts::123456789012:federated-user/me",
            "arn:aws:iam::123456789012:root",
            "",
        ] {
            assert_eq!(principal(nobody), None, "{nobody}");
        }
    }

    #[test]
    fn a_line_of_aws_auth_has_the_role_without_its_path() {
        let text = |arn: &str| {
            aws_auth_access(&CallerIdentity {
                arn: arn.to_owned(),
                account: "123456789012".to_owned(),
            })
        };
        let role = text("arn:aws-cn:sts::123456789012:assumed-role/ci/me").unwrap();
        assert!(
            role.contains("- rolearn: arn:aws-cn:iam::123456789012:role/ci\n"),
            "{role}"
        );
        let user = text("arn:aws-us-gov:iam::123456789012:user/team/ops").unwrap();
        assert!(user.contains("- userarn: arn:aws-us-gov:iam::123456789012:user/team/ops\n"));
        assert!(user.contains("--user=ops"), "{user}");
        assert_eq!(text("arn:aws:iam::123456789012:root"), None);
    }

    #[test]
    fn the_caller_s_own_route_is_never_a_failure() {
        let cluster = |cidr: &str| EksCluster {
            status: "ACTIVE".to_owned(),
            endpoint: Some("https://cluster.example".to_owned()),
            ca: None,
            public: true,
            public_cidrs: vec![cidr.to_owned()],
            authentication_mode: "API".to_owned(),
        };
        let status = |code| KubeError::Status {
            code,
            message: "no".to_owned(),
        };
        for error in [
            KubeError::Certificate("unknown issuer".to_owned()),
            KubeError::Unreachable("refused".to_owned()),
            status(500),
            status(503),
        ] {
            for cidr in ["0.0.0.0/0", "10.0.0.0/8"] {
                let outcome = not_answered(&cluster(cidr), &error);
                assert!(
                    matches!(outcome.skip, Some(Skip::Incomplete(_))),
                    "{error} {cidr}"
                );
            }
        }
    }

    #[test]
    fn hosts_are_compared_without_port_and_case() {
        assert_eq!(host("https://A.b:443/x"), host("https://a.B"));
        assert_ne!(host("https://a"), host("https://b"));
    }
}
