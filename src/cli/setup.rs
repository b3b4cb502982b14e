//! `eks-runner setup`.

use super::arguments::{PodIdentity, SetupArguments, SetupOutput};
use super::error::Error;
use super::source::{self, Source};
use crate::access::{JobIdentity, Setup};

/// Returns what a runner needs in AWS and in its cluster, in the requested format.
///
/// # Errors
/// Why the runner is not known, that the issuer is not known, or that an option has no effect.
pub(super) async fn run(arguments: SetupArguments) -> Result<String, Error> {
    arguments.verify()?;
    let (Source { subject, .. }, installation) = source::read(&arguments.runner).await?;
    let issuer = arguments.oidc_issuer.as_deref().or(installation.oidc_issuer);
    let is_in_s3 = subject
        .storage
        .get()
        .is_some_and(|storage| storage.bucket_in_s3().is_some());
    if arguments.pod_identity.is_some() && !is_in_s3 {
        return Err(Error::NoJobIdentity);
    }
    let job_identity = match arguments.pod_identity {
        None | Some(PodIdentity::PodIdentity) => JobIdentity::Association,
        Some(PodIdentity::Irsa) => JobIdentity::Annotation,
    };
    // A runner that was read whole has no unknown values.
    let Some(setup) = Setup::new(&subject, issuer, job_identity) else {
        return Ok(String::new());
    };
    match arguments.output {
        SetupOutput::Terraform => setup.terraform().ok_or(Error::NoIssuer),
        SetupOutput::AwsCli => setup.commands().ok_or(Error::NoIssuer),
        SetupOutput::Yaml => Ok(setup.manifests()),
    }
}
