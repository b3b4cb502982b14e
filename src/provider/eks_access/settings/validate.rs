//! The rules for the values of `eks_access`.

use super::{IDENTITIES, Incomplete, Mode, NAME, named, strings};
use crate::access::parse::{self, InvalidValue};
use crate::access::{CheckId, Identity};
use crate::runner;
use terraform_plugin_server::{Diagnostic, Path, Value};

/// Returns an error for each value of `eks_access` in the provider block that cannot be used. Values that are not
/// known yet are accepted.
pub(in crate::provider) fn validate(config: &Value) -> Vec<Diagnostic> {
    let block = config.get(NAME);
    let mut found = Vec::new();
    found.extend(one_of(block, "plan", &Mode::ALL));
    found.extend(one_of(block, "apply", &Mode::ALL));
    found.extend(one_of(block, "incomplete", &Incomplete::ALL));
    found.extend(one_of(block, "as", &IDENTITIES));
    found.extend(unknown_checks(block));
    found.extend(parsed(block, &["timeout"], parse::duration));
    found.extend(parsed(block, &["oidc_issuer"], parse::issuer));
    found.extend(parsed(block, &["runner_image"], parse::image));
    found.extend(parsed(
        block,
        &["assume_role", "session_name"],
        parse::role_session_name,
    ));
    found.extend(parsed(block, &["assume_role", "external_id"], parse::external_id));
    if let Some(Err(invalid)) = block
        .get("assume_role")
        .get("role_arn")
        .as_str()
        .map(runner::validate::role_arn)
    {
        let path = Path::new([NAME, "assume_role", "role_arn"]);
        found.push(wrong(path, invalid.detail));
    }
    for (path, detail) in [
        (
            &["profile"][..],
            "The profile is empty. Set it, or remove `profile` to let the AWS SDK choose, for example from AWS_PROFILE.",
        ),
        (
            &["web_identity_token_file"],
            "The path is empty. Set it, or remove `web_identity_token_file`.",
        ),
        (
            &["kubeconfig", "path"],
            "The path is empty. Set it, or remove `kubeconfig` to use a token created from the AWS credentials.",
        ),
        (
            &["kubeconfig", "context"],
            "The context is empty. Set it, or remove `context` to use the current context of the file.",
        ),
    ] {
        if at(block, path).as_str() == Some("") {
            found.push(wrong(path_of(path), detail));
        }
    }
    for (index, cidr) in strings(block.get("orchestrator_cidrs")) {
        if let Err(invalid) = parse::cidr(cidr) {
            let path = Path::new([NAME, "orchestrator_cidrs"]).index(index);
            found.push(wrong(path, invalid.about(cidr)));
        }
    }
    found.extend(unused_by_the_identity(block));
    found
}

/// Returns an error if a value is not one of the allowed values.
fn one_of<T: Copy>(block: &Value, name: &str, allowed: &[(&str, T)]) -> Option<Diagnostic> {
    let value = block.get(name);
    let text = value.as_str()?;
    if named(value, allowed).is_some() {
        return None;
    }
    let names = allowed.iter().map(|(name, _)| format!("{name:?}"));
    let allowed: Vec<String> = names.collect();
    Some(wrong(
        Path::new([NAME, name]),
        format!("{text:?} is not a valid value. Use one of: {}.", allowed.join(", ")),
    ))
}

/// Returns an error for each element of `skip_checks` that is not the id of a check.
fn unknown_checks(block: &Value) -> impl Iterator<Item = Diagnostic> {
    strings(block.get("skip_checks")).filter_map(|(index, id)| {
        let unknown = id.parse::<CheckId>().err()?;
        let path = Path::new([NAME, "skip_checks"]).index(index);
        Some(wrong(path, unknown.to_string()))
    })
}

/// Returns an error if `parser` does not accept the value at a path.
fn parsed<T>(block: &Value, path: &[&str], parser: fn(&str) -> Result<T, InvalidValue>) -> Option<Diagnostic> {
    let text = at(block, path).as_str()?;
    let invalid = parser(text).err()?;
    Some(wrong(path_of(path), invalid.about(text)))
}

/// Returns the value at a path in `eks_access`.
fn at<'a>(block: &'a Value, path: &[&str]) -> &'a Value {
    path.iter().fold(block, |value, name| value.get(name))
}

/// Returns the path of an attribute of `eks_access`.
fn path_of(names: &[&str]) -> Path {
    let block = Path::new([NAME]);
    names.iter().fold(block, |path, name| path.attribute(name))
}

/// Returns an error for each attribute that the identity in `as` does not use.
fn unused_by_the_identity(block: &Value) -> impl Iterator<Item = Diagnostic> {
    let identity = block.get("as");
    let (token, kubeconfig) = (block.get("web_identity_token_file"), block.get("kubeconfig"));
    let is_runner = named(identity, &IDENTITIES) == Some(Identity::Runner);
    let of_runner = token.as_str().is_some() && !identity.is_unknown() && !is_runner;
    let of_caller = is_runner && !kubeconfig.is_null() && !kubeconfig.is_unknown();
    let of_runner = of_runner.then(|| {
        wrong(
            Path::new([NAME, "web_identity_token_file"]),
            "The file is used only to assume the runner's role. Set as = \"runner\", or remove the attribute.",
        )
    });
    let of_caller = of_caller.then(|| {
        wrong(
            Path::new([NAME, "kubeconfig"]),
            "Only the caller uses a kubeconfig. The runner uses a token of its own role, as the Orchestrator does. Remove \
             it, or set as = \"caller\".",
        )
    });
    of_runner.into_iter().chain(of_caller)
}

fn wrong(path: Path, detail: impl Into<String>) -> Diagnostic {
    Diagnostic::error("Invalid eks_access", detail).at(path)
}
