//! The variables of the container `main` with which the backend returns an error before it calls AWS.
//!
//! Sources: `internal/backend/remote-state/s3/backend.go` of OpenTofu 1.10 and 1.12 and of Terraform 1.11, and `config/shared_config.go` and
//! `config/resolve_credentials.go` of aws/aws-sdk-go-v2, which both use. Each rule was tried with both.

use crate::access::cause::RunnerCause;
use crate::access::checks::findings::CheckProblem;
use crate::access::fix::Fix;
use crate::access::kubernetes::environment::{ContainerEnvironment, Variable};
use crate::access::outcome::Outcome;
use crate::access::run::{CredentialSource, PROFILE_FILES, PodAws, ROLE_ARN, Replaced, Run, TOKEN_FILE, aws_files};

/// The key with which the backend would encrypt each object if its block had `encrypt`. The Orchestrator's has not, so the
/// key of the bucket counts, but the backend verifies the variable nevertheless.
const CUSTOMER_KEY: &str = "AWS_SSE_CUSTOMER_KEY";
/// The length of 32 bytes in base64.
const KEY_LENGTH: usize = 44;

/// The profile that must exist, even if other credentials exist.
const PROFILE: &str = "AWS_PROFILE";

/// The file with additional root certificates, which the backend reads before its first call.
const CA_BUNDLE: &str = "AWS_CA_BUNDLE";
/// Directories in which an image has root certificates without a volume.
const OF_THE_IMAGE: [&str; 2] = ["/etc/", "/usr/"];

/// Returns the outcome for variables with which the backend certainly returns an error.
pub(super) fn judge(run: &Run<'_>, pod: &PodAws, environment: &ContainerEnvironment) -> Option<Outcome> {
    let (variable, problem) = wrong_key(environment)
        .or_else(|| missing_certificates(environment))
        .or_else(|| profile_without_file(environment))
        .or_else(|| token_without_role(pod, environment))?;
    let outcome = refused(pod.replaced, problem.message, variable);
    let outcome = outcome.compare(problem.expected, problem.found);
    Some(outcome.fix(run.runner_cause(RunnerCause::StateCredentials), problem.fix))
}

/// Returns the outcome for a container with which every deployment fails, unless it has another image or runs another program,
/// which might set the variable.
pub(super) fn refused(replaced: Replaced, sentence: String, variable: &str) -> Outcome {
    if replaced.might_set_variables() {
        Outcome::warned(format!(
            "{sentence} The program in the container might set {variable}, because pod_template replaces the image, \
             command, or arguments."
        ))
    } else {
        Outcome::failed(sentence)
    }
}

/// Returns the outcome for a profile that might not exist.
pub(super) fn unknown(environment: &ContainerEnvironment) -> Option<Outcome> {
    environment.get(PROFILE).is_set().then(|| {
        Outcome::incomplete(
            "AWS credentials in pod_template",
            format!(
                "Could not check whether the profile in {PROFILE} exists. If it does not, the AWS SDK returns an error, \
                 even if other credentials exist."
            ),
        )
    })
}

/// A variable, and what is wrong with it.
type WrongVariable = (&'static str, CheckProblem);

fn wrong_key(environment: &ContainerEnvironment) -> Option<WrongVariable> {
    let variable = environment.get(CUSTOMER_KEY);
    let length = variable.value()?.len();
    let problem = CheckProblem {
        message: format!(
            "{CUSTOMER_KEY} in pod_template has {length} characters, but the backend accepts only {KEY_LENGTH}."
        ),
        expected: format!("{KEY_LENGTH} characters"),
        found: format!("{length} characters"),
        fix: Fix::note(format!(
            "Remove {CUSTOMER_KEY} from job.pod_template. The Orchestrator's backend does not use it."
        )),
    };
    (length != KEY_LENGTH).then_some((CUSTOMER_KEY, problem))
}

/// Source: `CustomCABundleReader` in `internal/config/config.go` of hashicorp/aws-sdk-go-base, which expands `~` and `$NAME` in the
/// path. What a relative path means depends on the directory of the deployment.
fn missing_certificates(environment: &ContainerEnvironment) -> Option<WrongVariable> {
    let variable = environment.get(CA_BUNDLE);
    let path = variable.value()?;
    let is_known = path.starts_with('/') && !path.contains('$');
    let is_of_image = OF_THE_IMAGE.iter().any(|directory| path.starts_with(directory));
    if !is_known || is_of_image || environment.is_mounted(path) {
        return None;
    }
    let problem = CheckProblem {
        message: format!(
            "{CA_BUNDLE} in pod_template is {path}, and no volume is mounted there: the backend cannot read its root \
             certificates."
        ),
        expected: format!("a volume at {path}"),
        found: "none".to_owned(),
        fix: Fix::note(format!(
            "Mount a volume with the certificates at {path} in job.pod_template, or remove {CA_BUNDLE}."
        )),
    };
    Some((CA_BUNDLE, problem))
}

fn profile_without_file(environment: &ContainerEnvironment) -> Option<WrongVariable> {
    let is_set = |name: &str| environment.get(name).is_set();
    let has_file = PROFILE_FILES.into_iter().any(is_set) || aws_files(environment).is_some();
    if !is_set(PROFILE) || has_file {
        return None;
    }
    let message = format!(
        "{PROFILE} in pod_template names a profile, but the container has no file with profiles: the AWS SDK returns an \
         error, even if other credentials exist."
    );
    let expected = "a volume at .aws in the home directory, AWS_CONFIG_FILE, or AWS_SHARED_CREDENTIALS_FILE";
    let problem = CheckProblem {
        message,
        expected: expected.to_owned(),
        found: "none".to_owned(),
        fix: Fix::note(format!(
            "Remove {PROFILE} from job.pod_template, or mount a file with the profile."
        )),
    };
    Some((PROFILE, problem))
}

fn token_without_role(pod: &PodAws, environment: &ContainerEnvironment) -> Option<WrongVariable> {
    let CredentialSource::Own { from, .. } = &pod.identity else {
        return None;
    };
    let has_no_role = match environment.get(ROLE_ARN) {
        Variable::Absent => true,
        Variable::Value(value) => value.is_empty(),
        Variable::Hidden(_) | Variable::Unread(_) => false,
    };
    let problem = || CheckProblem {
        message: format!(
            "pod_template sets {TOKEN_FILE} without {ROLE_ARN}: the AWS SDK returns an error, even if other credentials exist."
        ),
        expected: format!("{TOKEN_FILE} and {ROLE_ARN}"),
        found: format!("{TOKEN_FILE} alone"),
        fix: Fix::note(format!(
            "Set {ROLE_ARN} in job.pod_template to the ARN of the role, or remove {TOKEN_FILE}."
        )),
    };
    (from == TOKEN_FILE && has_no_role).then(|| (ROLE_ARN, problem()))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::json;

    use super::*;

    /// The backend of OpenTofu 1.10.0 and 1.12.6 returned `reading custom CA bundle: open /ca/root.pem: no such file or directory`.
    #[test]
    fn certificates_are_in_a_volume_or_in_the_image() {
        for (path, mounts, is_missing) in [
            ("/ca/root.pem", &[][..], true),
            ("/ca/root.pem", &["/ca"], false),
            ("/ca/root.pem", &["/ca/root.pem"], false),
            ("/ca/root.pem", &["/c"], true),
            ("/etc/ssl/certs/ca-certificates.crt", &[], false),
            ("~/root.pem", &[], false),
            ("$HOME/root.pem", &[], false),
            ("/$DIRECTORY/root.pem", &[], false),
            ("root.pem", &[], false),
            ("", &[], false),
        ] {
            let mounts: Vec<_> = mounts.iter().map(|path| json!({"mountPath": path})).collect();
            let env = json!([{"name": CA_BUNDLE, "value": path}]);
            let container = json!({"env": env, "volumeMounts": mounts});
            let environment = ContainerEnvironment::new(container, BTreeMap::new());
            let found = missing_certificates(&environment).map(|(variable, _)| variable);
            assert_eq!(found, is_missing.then_some(CA_BUNDLE), "{path} {mounts:?}");
        }
    }
}
