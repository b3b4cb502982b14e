//! The check `api-server`: the cluster's API accepts the token of the caller or the runner.

use std::time::SystemTime;

use http::Uri;

use super::assume_role::is_new;
use super::mapping::admission::repair_admission;
use super::{Check, cluster_active, read_ahead};
use crate::access::aws::{CallerIdentity, EksCluster, Signer};
use crate::access::cause::{Cause, ClusterCause};
use crate::access::check::{CLUSTER_NAME, Category, CheckInfo};
use crate::access::check_error::CheckError;
use crate::access::fix::Fix;
use crate::access::kubernetes::{KubeError, VERSION_PATH};
use crate::access::outcome::Outcome;
use crate::access::render::shell::{ShellCommand, Word};
use crate::access::render::{aws_cli, yaml};
use crate::access::run::{ReachedCluster, Run};
use crate::access::settings::CheckSetting;
use crate::network::tls::TlsFailure;
use crate::runner::{Arn, RoleArn};

pub(super) static CHECK: Check = Check::new(
    CheckInfo {
        id: "api-server",
        title: "The cluster's API responds",
        category: Category::Kubernetes,
        attribute: CLUSTER_NAME,
        caller_needs: &[cluster_active::CHECK.id()],
        runner_needs: &[cluster_active::CHECK.id()],
    },
    |run| Box::pin(check(run)),
)
.calls(CheckSetting::CLUSTER)
.look_ahead(|run| Box::pin(read_ahead(run, Ok(VERSION_PATH.to_owned()))));

async fn check(run: &Run<'_>) -> Result<Outcome, CheckError> {
    let reached = run.reach().await?;
    let cluster = run.eks_cluster().await?;
    match reached.cluster.get(VERSION_PATH).await {
        Ok(version) => Ok(responds(&reached, &cluster, version["gitVersion"].as_str())),
        // The cluster also knows a user without this permission.
        Err(error) if error.is_forbidden() => Ok(responds(&reached, &cluster, None)),
        Err(error) if error.is_unauthorized() => unauthorized(run, &reached, &cluster, &error).await,
        Err(error) => {
            let cause = run.cluster_cause(ClusterCause::ApiServer);
            let url = reached.kubeconfig_url.as_deref();
            Ok(no_response(&cluster, url, &error, cause))
        }
    }
}

/// Returns the outcome if no response of the cluster's API came through. The route is the caller's, also in a run as the
/// runner, and says nothing about the Orchestrator's. `kubeconfig_url` is the API's URL if a kubeconfig is used.
fn no_response(cluster: &EksCluster, kubeconfig_url: Option<&str>, error: &KubeError, cause: Cause) -> Outcome {
    let endpoint = cluster.endpoint.as_deref().unwrap_or_default();
    let url = kubeconfig_url.unwrap_or(endpoint).trim_end_matches('/');
    let about = "The Orchestrator can still have access: see cluster-endpoint.";
    match error {
        KubeError::Certificate(failure, _) => {
            let (reason, fix) = certificate_fix(*failure, url, kubeconfig_url.is_some());
            Outcome::incomplete(
                format!("the certificate of the cluster's API {reason}"),
                format!("Not checked: at {url}, {error}. {about}"),
            )
            .fix(cause, fix)
        }
        KubeError::Unreachable(_) => {
            let outcome = Outcome::incomplete(
                "the cluster's API is unreachable from here",
                format!("Not checked: from this machine, {error}. {about}"),
            )
            .fix(
                cause,
                ShellCommand::new("curl -k")
                    .word(format!("{url}{VERSION_PATH}"))
                    .comment("from here: check HTTPS_PROXY, NO_PROXY, and firewalls"),
            );
            // It can take a while until the name of a new cluster's endpoint is known everywhere.
            if cluster.is_open() {
                outcome.retryable()
            } else {
                outcome
            }
        }
        KubeError::Status { .. } => error.outcome().retryable(),
    }
}

/// Returns what is wrong with the certificate of the API at `url`, as the end of a clause, and its fix. A kubeconfig has its
/// own authority and can have its own proxy, to which `NO_PROXY` and `AWS_CA_BUNDLE` do not apply.
fn certificate_fix(failure: TlsFailure, url: &str, of_kubeconfig: bool) -> (&'static str, Fix) {
    let host = host(url).unwrap_or_default();
    let host = host.trim_matches(['[', ']']);
    match failure {
        TlsFailure::UnknownIssuer => {
            let bypass = ShellCommand::new(format!("export NO_PROXY=\"$NO_PROXY,{host}\""));
            let fix = if of_kubeconfig {
                Fix::note(
                    "Set certificate-authority of the kubeconfig's cluster to the CA of the cluster's API, or of the proxy \
                     that intercepts TLS. Without proxy-url in the kubeconfig, the proxy can also be bypassed:",
                )
                .then_run(bypass)
            } else {
                Fix::note("If a proxy intercepts TLS, bypass it, or trust its CA:")
                    .then_run(bypass.comment("or export AWS_CA_BUNDLE=<the proxy's CA certificate>"))
            };
            ("is not trusted from here", fix)
        }
        TlsFailure::OtherName => {
            let fix = if of_kubeconfig {
                "Correct server of the kubeconfig's cluster, or set its tls-server-name to a name of the certificate."
                    .to_owned()
            } else {
                format!("Check the proxy and the DNS of this machine: another server responds at {host}.")
            };
            ("is for another host name", Fix::note(fix))
        }
        TlsFailure::Expired => ("has expired", Fix::note(failure.next_step(""))),
        TlsFailure::NotValidYet => ("is not valid yet", Fix::note(failure.next_step(""))),
        _ => ("cannot be used", Fix::note(failure.next_step(""))),
    }
}

/// Returns the outcome if the cluster has responded.
fn responds(reached: &ReachedCluster, cluster: &EksCluster, version: Option<&str>) -> Outcome {
    let version = version.map(|version| format!(" ({version})")).unwrap_or_default();
    let endpoint = cluster.endpoint.as_deref().unwrap_or_default();
    match &reached.kubeconfig_url {
        Some(url) if host(url) != host(endpoint) => Outcome::warned(format!(
            "The kubeconfig's API at {url} responds{version}, but the endpoint of the cluster is {endpoint}. Make sure that \
             the kubeconfig is for this cluster."
        )),
        _ => Outcome::passed(format!("The cluster's API responds{version}.")),
    }
}

fn host(url: &str) -> Option<String> {
    let uri: Uri = url.parse().ok()?;
    Some(uri.authority()?.host().to_ascii_lowercase())
}

/// Returns the outcome if the cluster does not accept the token.
async fn unauthorized(
    run: &Run<'_>,
    reached: &ReachedCluster,
    cluster: &EksCluster,
    error: &KubeError,
) -> Result<Outcome, CheckError> {
    let message = error.message();
    if let Signer::Runner(session) = run.signer()? {
        let (cause, fix) = repair_admission(run).await?;
        return Ok(Outcome::failed(format!(
            "The cluster rejects the runner's token (session {:?} of {}): {message}. The role needs an access \
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
    let arn = caller.arn.clone();
    let cause = run.cluster_cause(ClusterCause::CallerAccess { arn });
    let outcome = outcome.fix(cause, fix);
    if has_new_entry(run, &caller).await {
        Ok(outcome.retryable())
    } else {
        Ok(outcome)
    }
}

/// Returns whether the caller has a new access entry, which the cluster uses some seconds after it was created: access entries
/// are eventually consistent (the EKS user guide about access entries). A run does not wait for a caller without an entry,
/// who gets none by waiting.
async fn has_new_entry(run: &Run<'_>, caller: &CallerIdentity) -> bool {
    let Ok(cluster) = run.signed_cluster(Signer::Caller) else {
        return false;
    };
    let principal = match Principal::from_caller(&caller.arn) {
        Some(Principal::User) => caller.arn.clone(),
        Some(Principal::Role(name)) => {
            let role = caller_role(caller, name);
            match run.aws().role(&cluster.region, &role).await {
                Ok(found) => found.arn.clone(),
                Err(_) => role.to_string(),
            }
        }
        None => return false,
    };
    let entry = run.aws().access_entry(&cluster, &principal).await;
    let created = entry.ok().and_then(|entry| entry.created);
    created.is_some_and(|created| is_new(created, SystemTime::now()))
}

/// What reading does not cover: the caller also creates SubjectAccessReviews and impersonates the runner's user.
const REMAINING: &str = "The guide \"EKS access permissions\" has the Roles for the remaining permissions, such as creating\n\
    SubjectAccessReviews.";

/// Returns what gives the caller access to the cluster's objects. `None` for a caller that no cluster can know: an access
/// entry's principal is a user or a role ("Create access entries" in the EKS user guide), and never a federated user
/// or the root user.
async fn caller_access(
    run: &Run<'_>,
    caller: &CallerIdentity,
    cluster: &EksCluster,
) -> Result<Option<Fix>, CheckError> {
    let (region, cluster_name) = (run.region()?, run.cluster_name()?);
    if !cluster.has_access_entries() {
        return Ok(aws_auth_access(caller));
    }
    let (fix, principal) = match Principal::from_caller(&caller.arn) {
        Some(Principal::User) => (Fix::default(), Word::from(&caller.arn)),
        Some(Principal::Role(name)) => {
            match run.aws().role(region, &caller_role(caller, name)).await {
                Ok(role) => (Fix::default(), Word::from(&role.arn)),
                // The session's ARN lacks the role's path, by which EKS knows the role.
                Err(_) => (
                    Fix::run(ShellCommand::new(format!(
                        "principal=\"$(aws iam get-role --role-name {} --query Role.Arn --output text)\"",
                        Word::from(name)
                    ))),
                    Word::code("\"$principal\""),
                ),
            }
        }
        None => return Ok(None),
    };
    let view = format!(
        "arn:{}:eks::aws:cluster-access-policy/AmazonEKSAdminViewPolicy",
        caller.partition()
    );
    let create = aws_cli::create_access_entry(region, cluster_name, principal.clone());
    let associate = aws_cli::associate_access_policy(region, cluster_name, principal, &view, None);
    Ok(Some(fix.then_run(create).then_run(associate).then_note(REMAINING)))
}

/// Returns the caller's role as far as the ARN of its session names it: without its path.
fn caller_role(caller: &CallerIdentity, name: &str) -> RoleArn {
    RoleArn {
        partition: caller.partition().to_owned(),
        account: caller.account.clone(),
        path: "/".to_owned(),
        name: name.to_owned(),
    }
}

/// Returns what gives the caller access in mode `CONFIG_MAP`: a line of `aws-auth`, where a role has no path, and a
/// binding.
fn aws_auth_access(caller: &CallerIdentity) -> Option<Fix> {
    let (list, key, arn) = match Principal::from_caller(&caller.arn)? {
        Principal::User => ("mapUsers", "userarn", caller.arn.clone()),
        Principal::Role(name) => ("mapRoles", "rolearn", caller_role(caller, name).to_string()),
    };
    let name = arn.rsplit('/').next().unwrap_or_default();
    let bind = ShellCommand::new("kubectl create clusterrolebinding")
        .word(name)
        .word("--clusterrole=view")
        .word(format!("--user={name}"));
    let note = format!(
        "Run `kubectl edit -n kube-system configmap/aws-auth`, and add under {list}:\n    \
         - {key}: {}\n      username: {}\n\
         Then let this user read the cluster's objects:",
        yaml::string(&arn),
        yaml::string(name)
    );
    Some(Fix::note(note).then_run(bind).then_note(REMAINING))
}

/// The IAM principal behind a caller.
#[derive(Debug, PartialEq, Eq)]
enum Principal<'a> {
    /// A user, whose ARN is the caller's ARN.
    User,
    /// The role of this name. Its path is not in the ARN of its sessions.
    Role(&'a str),
}

impl<'a> Principal<'a> {
    /// Reads the ARN that STS returns for a caller.
    fn from_caller(arn: &'a str) -> Option<Self> {
        let arn = Arn::parse(arn)?;
        match arn.service {
            "iam" if arn.resource.starts_with("user/") => Some(Self::User),
            "sts" => {
                let mut parts = arn.resource.strip_prefix("assumed-role/")?.split('/');
                parts.next().map(Self::Role)
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::outcome::Skip;

    #[test]
    fn the_principal_of_a_session_is_its_role() {
        let principal = Principal::from_caller;
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
            .map(|fix| fix.to_string())
        };
        let role = text("arn:aws-cn:sts::123456789012:assumed-role/ci/me").unwrap();
        assert!(
            role.contains("- rolearn: \"arn:aws-cn:iam::123456789012:role/ci\"\n"),
            "{role}"
        );
        let user = text("arn:aws-us-gov:iam::123456789012:user/team/ops").unwrap();
        assert!(user.contains("- userarn: \"arn:aws-us-gov:iam::123456789012:user/team/ops\"\n"));
        assert!(user.contains("--user=ops"), "{user}");
        assert_eq!(text("arn:aws:iam::123456789012:root"), None);
    }

    fn cluster(cidr: &str) -> EksCluster {
        EksCluster {
            status: "ACTIVE".to_owned(),
            endpoint: Some("https://ABC.gr7.cn-north-1.eks.amazonaws.com.cn".to_owned()),
            ca: None,
            public: true,
            public_cidrs: vec![cidr.to_owned()],
            authentication_mode: "API".to_owned(),
            arn: None,
            oidc_issuer: None,
            auto_mode: false,
            private: false,
            is_ipv6: false,
            service_cidr: None,
        }
    }

    #[test]
    fn each_fault_of_a_certificate_has_its_own_fix() {
        use TlsFailure as F;
        let host = "abc.gr7.cn-north-1.eks.amazonaws.com.cn";
        let kubeconfig = Some("https://[::1]:8443/");
        for (failure, url, reason, fix) in [
            (
                F::UnknownIssuer,
                None,
                "is not trusted from here",
                format!("export NO_PROXY=\"$NO_PROXY,{host}\""),
            ),
            (
                F::UnknownIssuer,
                None,
                "is not trusted from here",
                "export AWS_CA_BUNDLE=".to_owned(),
            ),
            (
                F::UnknownIssuer,
                kubeconfig,
                "is not trusted from here",
                "$NO_PROXY,::1\"".to_owned(),
            ),
            (
                F::UnknownIssuer,
                kubeconfig,
                "is not trusted from here",
                "Set certificate-authority".to_owned(),
            ),
            (
                F::OtherName,
                None,
                "is for another host name",
                format!("another server responds at {host}"),
            ),
            (
                F::OtherName,
                kubeconfig,
                "is for another host name",
                "tls-server-name".to_owned(),
            ),
            (F::Expired, None, "has expired", "Renew the certificate".to_owned()),
            (
                F::NotValidYet,
                kubeconfig,
                "is not valid yet",
                "Check the clock".to_owned(),
            ),
            (
                F::Certificate,
                None,
                "cannot be used",
                "Replace the certificate".to_owned(),
            ),
        ] {
            let error = KubeError::Certificate(failure, "text".to_owned());
            let outcome = no_response(&cluster("0.0.0.0/0"), url, &error, Cause::NoCredentials);
            let reason = format!("the certificate of the cluster's API {reason}");
            assert_eq!(outcome.skip, Some(Skip::Incomplete(reason.into())));
            let text = outcome.fix_text().unwrap();
            assert!(text.contains(&fix), "{failure:?}: {text}");
            let is_of_proxy = failure == F::UnknownIssuer;
            assert_eq!(text.contains("NO_PROXY"), is_of_proxy, "{text}");
            let bundle = is_of_proxy && url.is_none();
            assert_eq!(text.contains("AWS_CA_BUNDLE"), bundle, "{text}");
            assert!(outcome.message.contains("(text)"), "{}", outcome.message);
        }
        let error = KubeError::Unreachable("refused".to_owned());
        let outcome = no_response(&cluster("0.0.0.0/0"), kubeconfig, &error, Cause::NoCredentials);
        let text = outcome.fix_text().unwrap();
        assert!(text.contains("https://[::1]:8443/version"), "{text}");
    }

    #[test]
    fn the_caller_s_own_route_is_never_a_failure() {
        let status = |code| KubeError::Status {
            code,
            message: "no".to_owned(),
        };
        for error in [
            KubeError::Certificate(TlsFailure::UnknownIssuer, "text".to_owned()),
            KubeError::Unreachable("refused".to_owned()),
            status(500),
            status(503),
        ] {
            for cidr in ["0.0.0.0/0", "10.0.0.0/8"] {
                let outcome = no_response(&cluster(cidr), None, &error, Cause::NoCredentials);
                assert!(matches!(outcome.skip, Some(Skip::Incomplete(_))), "{error} {cidr}");
            }
        }
    }

    #[test]
    fn hosts_are_compared_without_port_and_case() {
        assert_eq!(host("https://A.b:443/x"), host("https://a.B"));
        assert_ne!(host("https://a"), host("https://b"));
    }
}
