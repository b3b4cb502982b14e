//! The endpoint of S3 that the backend calls.

use http::Uri;

use crate::access::aws::dns_suffix;
use crate::access::check_error::CheckError;
use crate::access::kubernetes::environment::ContainerEnvironment;
use crate::access::outcome::Outcome;
use crate::access::run::Run;

/// The variable that sets the endpoint of every service.
const EVERY_SERVICE: &str = "AWS_ENDPOINT_URL";

/// The variables that lead the backend to another endpoint than AWS's of the region (`customEndpoints` in
/// `internal/backend/remote-state/s3/backend.go` of OpenTofu 1.10 and 1.12 and of Terraform 1.11, and the SDK).
const OF_S3: [&str; 3] = ["AWS_ENDPOINT_URL_S3", "AWS_S3_ENDPOINT", EVERY_SERVICE];

/// The same for STS.
const OF_STS: [&str; 3] = ["AWS_ENDPOINT_URL_STS", "AWS_STS_ENDPOINT", EVERY_SERVICE];

/// Returns the variable that leads the backend to another service than AWS's S3. `None` for AWS's own endpoints, such as
/// `https://bucket.vpce-1a2b.s3.eu-west-1.vpce.amazonaws.com` ("AWS PrivateLink for Amazon S3" in the S3 user guide).
pub(super) async fn of_another_service(
    run: &Run<'_>,
    environment: &ContainerEnvironment,
) -> Result<Option<&'static str>, CheckError> {
    let suffix = dns_suffix(run.region()?, false).await;
    let suffix = suffix.map_or_else(|_| String::new(), |suffix| format!(".{suffix}"));
    let is_of_aws = |value: &str| {
        let url = value.parse::<Uri>();
        let is_of_aws = |url: Uri| url.host().is_some_and(|host| host.ends_with(&suffix));
        !suffix.is_empty() && url.is_ok_and(is_of_aws)
    };
    Ok(OF_S3.into_iter().find(|name| {
        let variable = environment.get(name);
        variable.is_set() && (*name == EVERY_SERVICE || !variable.value().is_some_and(is_of_aws))
    }))
}

/// Returns the outcome for an endpoint of another service, whose buckets and permissions are not known here.
///
/// The Orchestrator's backend block has no `skip_credentials_validation`, so the backend first calls `sts:GetCallerIdentity`
/// with the same credentials ("S3 backend" in the documentation of OpenTofu and Terraform).
pub(super) fn not_checked(environment: &ContainerEnvironment, variable: &str) -> Outcome {
    let sts = OF_STS.into_iter().find(|name| environment.get(name).is_set());
    let sts = match sts {
        None => "at AWS, which refuses access keys of another service".to_owned(),
        Some(variable) => format!("at the endpoint of {variable}"),
    };
    Outcome::incomplete(
        "another S3 endpoint",
        format!(
            "Not checked: the Job keeps its state at an endpoint other than Amazon S3, because pod_template sets \
             {variable}. With the same credentials, the backend first calls sts:GetCallerIdentity {sts}."
        ),
    )
}
