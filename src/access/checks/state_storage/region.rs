//! The region in which the Job looks for its bucket.

use serde_json::json;

use super::container;
use crate::access::cause::RunnerCause;
use crate::access::fix::Fix;
use crate::access::outcome::Outcome;
use crate::access::run::{CredentialSource, PodAws, PodRegion, Run};
use crate::runner::job_container::MAIN;

/// Returns the outcome for a Job that certainly looks for its bucket in no region or in another one than the bucket's.
///
/// The backend's block has no region. Without a variable, both CLIs refuse the configuration (`PrepareConfig` in
/// `internal/backend/remote-state/s3/backend.go` of OpenTofu 1.10 and 1.12 and of Terraform 1.11), and the client of S3 in them does not
/// follow the redirection to another region.
pub(super) fn judge(run: &Run<'_>, bucket: &str, bucket_region: &str, pod: &PodAws) -> Option<Outcome> {
    let (sentence, found) = match &pod.region {
        PodRegion::Own { region, .. } | PodRegion::Injected(region) if region == bucket_region => {
            return None;
        }
        PodRegion::Hidden { .. } => return None,
        PodRegion::Own { variable, region } => (
            format!(
                "Bucket {bucket:?} is in {bucket_region}, but pod_template sets {variable} to {region}, so the Job cannot \
                 find its state."
            ),
            region.clone(),
        ),
        PodRegion::Injected(region) => (
            format!(
                "Bucket {bucket:?} is in {bucket_region}, but the Job's pod gets the cluster's region, {region}, so the Job \
                 cannot find its state."
            ),
            region.clone(),
        ),
        PodRegion::None => return missing(run, pod, bucket_region),
    };
    Some(refused(run, bucket_region, pod, sentence, found))
}

/// Returns the outcome for a Job without a region. `region` is the one that the fix sets.
pub(super) fn missing(run: &Run<'_>, pod: &PodAws, region: &str) -> Option<Outcome> {
    const SENTENCE: &str = "The Job's pod has no AWS region: the Orchestrator sets none for its state in S3, and EKS sets one \
                            only for pods with Pod Identity or a role for their service account.";
    let found = "neither AWS_REGION nor AWS_DEFAULT_REGION".to_owned();
    (pod.region == PodRegion::None).then(|| refused(run, region, pod, SENTENCE.to_owned(), found))
}

/// Returns the outcome for a Job that does not use the region that it must use.
fn refused(run: &Run<'_>, region: &str, pod: &PodAws, sentence: String, found: String) -> Outcome {
    let outcome = container::refused(pod.replaced, sentence, "AWS_REGION");
    let variable = match &pod.region {
        PodRegion::Own { variable, .. } => variable,
        _ => "AWS_REGION",
    };
    let entry = json!({"name": variable, "value": region});
    let in_env = format!("in env of container {MAIN:?} in job.pod_template:\n{entry}");
    // The same apply might create the identity, and the region comes with it.
    let has_no_identity =
        pod.region == PodRegion::None && matches!(pod.identity, CredentialSource::Node { because: None });
    let fix = if has_no_identity {
        format!(
            "Assign an AWS identity to service account {:?}: eks-runner setup prints a role and its Pod Identity association. If \
             the Job uses the role of its node, set this {in_env}",
            run.service_account().unwrap_or_default()
        )
    } else {
        format!("Set this {in_env}")
    };
    let outcome = outcome
        .compare(format!("AWS_REGION={region} in container {MAIN:?}"), found)
        .fix(run.runner_cause(RunnerCause::StateRegion), Fix::note(fix));
    if has_no_identity { outcome.not_yet() } else { outcome }
}

/// Returns the outcome for a region that is not known.
pub(super) fn unknown(pod: &PodAws, bucket_region: &str) -> Option<Outcome> {
    let PodRegion::Hidden { variable, source } = &pod.region else {
        return None;
    };
    Some(Outcome::incomplete(
        format!("the value of {variable}"),
        format!(
            "Could not check whether the Job uses the bucket's region, {bucket_region}: {variable} comes from {source}."
        ),
    ))
}
