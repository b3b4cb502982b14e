//! Calls that are made early, so that a run is not a chain of calls.

use futures_util::future::join_all;

use super::checks;
use super::kubernetes::VERSION_PATH;
use super::run::Run;

/// Makes the calls that checks will need once the checks that they need have passed. The responses are shared, so that
/// no call is made twice.
pub(super) async fn look_ahead(run: &Run<'_>) {
    let aws = async {
        let provider = async {
            if let (Ok(region), Ok(arn)) = (run.region(), run.provider_arn()) {
                let _ = run.aws().client_ids(region, &arn).await;
            }
        };
        let _ = tokio::join!(
            run.iam_role(),
            provider,
            run.access_entry(),
            pod_identity(run)
        );
    };
    let kubernetes = async {
        let Ok(cluster) = run.cluster().await else {
            return;
        };
        let mut paths = vec![Ok(VERSION_PATH.to_owned()), run.namespaced("")];
        if let Ok(service_account) = run.service_account() {
            paths.push(run.namespaced(&format!("/serviceaccounts/{service_account}")));
        }
        for (kind, name) in run.references().unwrap_or_default().keys() {
            paths.push(run.object_path(*kind, name));
        }
        let paths = paths.into_iter().flatten();
        join_all(paths.map(|path| cluster.get(path))).await;
    };
    tokio::join!(aws, kubernetes, checks::look_ahead(run));
}

/// Looks up what `pod-identity` needs, if the Job's service account has an association.
async fn pod_identity(run: &Run<'_>) {
    let Ok(Some(association)) = run.pod_identity_association().await else {
        return;
    };
    let (Ok(signer), Ok(region), Ok(cluster)) =
        (run.entry_signer().await, run.region(), run.cluster_name())
    else {
        return;
    };
    let role = async {
        if let Ok(role) = association.role_arn.parse() {
            let _ = run.aws().role(region, &role).await;
        }
    };
    let profiles = run.aws().fargate_profiles(&signer, region, cluster);
    let _ = tokio::join!(role, profiles);
}
