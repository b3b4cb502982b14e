//! `api-server`: the cluster's API answers to the caller's, or the runner's, token.

use http::Uri;

use super::access_entry::admission;
use super::cluster::is_open;
use crate::access::aws::{EksCluster, Who};
use crate::access::check::Outcome;
use crate::access::kubernetes::KubeError;
use crate::access::run::{Reached, Run};
use crate::access::setup::{access_entry_command, associate_command};

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
        Err(error) if error.is_unauthorized() => unauthorized(run, &reached, &error).await?,
        Err(error @ KubeError::Certificate(_)) => Outcome::failed(format!(
            "{error}. If a proxy opens TLS on the way, name its authority in AWS_CA_BUNDLE or pass it by with NO_PROXY."
        ))
        .compare("a certificate of the cluster's authority", error.to_string())
        .fix(
            format!("api-server:{}", cluster.endpoint.as_deref().unwrap_or_default()),
            "export NO_PROXY=\"$NO_PROXY,.eks.amazonaws.com\"   # or AWS_CA_BUNDLE=<the proxy's authority>\n",
        ),
        Err(error @ KubeError::Unreachable(_)) if !is_open(&cluster) => Outcome::incomplete(
            "the cluster's API is unreachable from here",
            format!(
                "From here {error}. Its endpoint is not open to every address, so this says nothing about the \
                 Orchestrator: see cluster-endpoint."
            ),
        ),
        Err(error) => {
            let endpoint = cluster.endpoint.as_deref().unwrap_or_default();
            Outcome::failed(format!("From here {error}."))
                .compare("an answer of the cluster's API", "none that serves")
                .fix(
                    format!("api-server:{endpoint}"),
                    format!("curl -k {endpoint}/version   # from here: mind HTTPS_PROXY, NO_PROXY and firewalls\n"),
                )
                .retryable()
        }
    })
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

/// The cluster does not know whose token it was.
async fn unauthorized(
    run: &Run<'_>,
    reached: &Reached,
    error: &KubeError,
) -> Result<Outcome, Outcome> {
    let (region, name) = (run.region()?, run.cluster_name()?);
    if let Who::Runner(session) = run.who()? {
        return Ok(Outcome::failed(format!(
            "The cluster refuses the token of the runner, a session {:?} of {}: {}. The role needs an access entry of \
             type STANDARD (or, in mode CONFIG_MAP, a line in aws-auth) that was made after the role.",
            session.name, session.role_arn, error.message()
        ))
        .compare("a token that the cluster takes", error.message())
        .fix(
            format!("access-entry:{region}:{name}:{}", session.role_arn),
            admission(run).await?,
        )
        .not_yet());
    }
    if reached.kubeconfig_url.is_some() {
        return Ok(Outcome::incomplete(
            "the cluster rejects the kubeconfig's user",
            format!(
                "The cluster rejects the user of the kubeconfig: {}.",
                error.message()
            ),
        ));
    }
    let caller = run.identity().await?;
    let principal = principal_of(&caller.arn);
    let view = "arn:aws:eks::aws:cluster-access-policy/AmazonEKSAdminViewPolicy";
    Ok(Outcome::incomplete(
        "the caller has no access to the cluster",
        format!(
            "The cluster rejects the token of the caller, {}: {}. The caller has no access entry for the cluster and \
             no line in aws-auth.",
            caller.arn,
            error.message()
        ),
    )
    .fix(
        format!("caller-entry:{region}:{name}:{principal}"),
        format!(
            "{}{}",
            access_entry_command(region, name, &principal),
            associate_command(region, name, &principal, view, None),
        ),
    ))
}

/// The IAM principal of a session's ARN. A role's path is not in it.
fn principal_of(arn: &str) -> String {
    let parts: Vec<&str> = arn.splitn(6, ':').collect();
    match parts.as_slice() {
        &["arn", partition, "sts", _, account, session] => {
            match session.split('/').collect::<Vec<_>>().as_slice() {
                ["assumed-role", role, _] => format!("arn:{partition}:iam::{account}:role/{role}"),
                _ => arn.to_owned(),
            }
        }
        _ => arn.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_principal_of_a_session_is_its_role() {
        assert_eq!(
            principal_of("arn:aws-cn:sts::123456789012:assumed-role/ci/me"),
            "arn:aws-cn:iam::123456789012:role/ci"
        );
        let user = "arn:aws:iam::123456789012:user/me";
        assert_eq!(principal_of(user), user);
    }

    #[test]
    fn hosts_are_compared_without_port_and_case() {
        assert_eq!(host("https://A.b:443/x"), host("https://a.B"));
        assert_ne!(host("https://a"), host("https://b"));
    }
}
