//! The small EKS as a command, for the demo and for trying things out.

use std::io::{Read, Write, stdin};

use super::error::{Error, io};
use super::{Eks, Options};

/// Starts an EKS with one runner set up as documented, writes to `out` how a shell reaches it, and serves until stdin
/// ends or the process does.
///
/// `out` gets lines of `export NAME='value'`: the environment of [`Eks::env`], `KUBECONFIG` of the cluster's
/// administrator, and `AWS_WEB_IDENTITY_TOKEN_FILE_OF_RUNNER`, a file with the runner's OIDC token.
pub fn serve(org: &str, runner_id: &str, out: &mut dyn Write) -> Result<(), Error> {
    let eks = Eks::start(Options::default())?;
    eks.set_up_as_documented(org, runner_id)?;
    let token_file = eks.processes.directory().join("oidc-token");
    std::fs::write(&token_file, eks.oidc_token(org, runner_id)?)
        .map_err(io("writing the OIDC token"))?;
    let files = [
        ("KUBECONFIG", eks.kubeconfig()),
        ("AWS_WEB_IDENTITY_TOKEN_FILE_OF_RUNNER", &token_file),
    ];
    let files = files.map(|(name, path)| (name.to_owned(), path.display().to_string()));
    for (name, value) in eks.env().into_iter().chain(files) {
        writeln!(out, "export {name}='{value}'").map_err(io("writing the environment"))?;
    }
    out.flush().map_err(io("writing the environment"))?;
    stdin()
        .read_to_end(&mut Vec::new())
        .map_err(io("waiting for the end of stdin"))
        .map(drop)
}
