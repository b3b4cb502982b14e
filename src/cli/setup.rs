//! `eks-runner setup`.

use super::arguments::{Format, SetupArguments};
use super::error::Error;
use super::source;
use crate::access::Setup;

/// Returns what a runner needs in AWS and in its cluster, in the requested format.
///
/// # Errors
/// Why the runner is not known, or that the issuer is not known.
pub(super) async fn run(arguments: SetupArguments) -> Result<String, Error> {
    let (subject, installation) = source::subject(&arguments.runner).await?;
    let issuer = arguments
        .oidc_issuer
        .as_deref()
        .or(installation.oidc_issuer);
    // A runner that was read whole has no unknown values.
    let Some(setup) = Setup::new(&subject, issuer) else {
        return Ok(String::new());
    };
    match arguments.format {
        Format::Terraform => setup.terraform().ok_or(Error::NoIssuer),
        Format::AwsCli => setup.commands().ok_or(Error::NoIssuer),
        Format::Yaml => Ok(setup.manifests()),
    }
}
