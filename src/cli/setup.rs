//! `eks-runner setup`.

use super::arguments::{Format, SetupArguments};
use super::error::Error;
use super::{kubernetes_hcl, source};
use crate::access::Setup;

/// What a runner needs, in writing.
///
/// # Errors
/// What keeps the runner from being known.
pub(super) async fn run(arguments: SetupArguments) -> Result<String, Error> {
    let (subject, installation) = source::subject(&arguments.runner).await?;
    let issuer = arguments
        .oidc_issuer
        .as_deref()
        .or(installation.oidc_issuer);
    // Of a runner that is read whole nothing is unknown.
    let Some(setup) = Setup::of(&subject, issuer) else {
        return Ok(String::new());
    };
    Ok(match arguments.format {
        Format::Terraform => format!(
            "{}\n{}",
            setup.terraform().ok_or(Error::NoIssuer)?,
            kubernetes_hcl::render(&setup.yaml())
        ),
        Format::AwsCli => format!(
            "{}\n# kubectl's current context must be the cluster.\nkubectl apply -f - <<'EOF'\n{}EOF\n",
            setup.aws_cli().ok_or(Error::NoIssuer)?,
            setup.yaml()
        ),
        Format::Yaml => setup.yaml(),
    })
}
