//! `session-name`, `aws-credentials` and `assume-role`: the caller, the runner's session and its name.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::access::aws::AwsError;
use crate::access::check::Outcome;
use crate::access::run::{Run, unknown};
use crate::access::settings::Face;
use crate::access::setup::shell;

/// The lengths that STS takes for a session name.
const LENGTHS: std::ops::RangeInclusive<usize> = 2..=64;

/// `session-name`
pub(super) fn session_name(run: &Run<'_>) -> Result<Outcome, Outcome> {
    let (name, cut) = run
        .subject
        .session()
        .ok_or_else(|| unknown("session name"))?;
    let (org, id) = (run.subject.org.get(), run.subject.runner_id.get());
    let whole = org.zip(id).map(|(org, id)| format!("{org}-{id}"));
    let whole = whole.as_deref().filter(|_| cut);
    Ok(judge(&name, whole, run.settings().face))
}

/// A name of 64 characters with both ends of one that is too long: such names differ at their ends.
fn of_both_ends(name: &str) -> String {
    let characters: Vec<char> = name.chars().collect();
    let half = (LENGTHS.end() - 1) / 2;
    let (start, end) = (
        &characters[..half.min(characters.len())],
        &characters[characters.len().saturating_sub(half + 1)..],
    );
    start.iter().chain(['-'].iter()).chain(end).collect()
}

/// Whether STS takes a session name.
///
/// `whole` is the default, where it had to be cut.
fn judge(name: &str, whole: Option<&str>, face: Face) -> Outcome {
    let allowed = |c: char| c.is_ascii_alphanumeric() || "_+=,.@-".contains(c);
    let stray = name.chars().find(|&c| !allowed(c));
    let length = name.chars().count();
    let problem = match stray {
        Some(stray) => Some(format!("it has {stray:?}")),
        None if !LENGTHS.contains(&length) => Some(format!("it has {length} characters")),
        None => None,
    };
    if let Some(problem) = problem {
        let mut valid: String = name
            .chars()
            .map(|c| if allowed(c) { c } else { '-' })
            .take(*LENGTHS.end())
            .collect();
        if valid.len() < *LENGTHS.start() {
            valid.push_str("-runner");
        }
        return Outcome::failed(format!("STS refuses the session name {name:?}: {problem}."))
            .compare("2 to 64 letters, digits and _+=,.@-", format!("{name:?}"))
            .fix(
                format!("session-name:{name}"),
                face.auth("session_name", &valid),
            );
    }
    if let Some(whole) = whole {
        return Outcome::warned(format!(
            "The session name is {name:?}: the default, {{org}}-{{runner id}}, was cut to 64 characters. \
             Another runner whose id starts the same shares it, and so its Kubernetes user. With a session \
             name of its own the runner is another Kubernetes user, which its RoleBinding must name then."
        ))
        .fix(
            format!("session-name:{name}"),
            face.auth("session_name", &of_both_ends(whole)),
        );
    }
    let as_user = if name.contains('@') {
        " In the cluster's user name each @ becomes -."
    } else {
        ""
    };
    Outcome::passed(format!("The session name is {name:?}.{as_user}"))
}

/// `aws-credentials`
pub(super) async fn aws_credentials(run: &Run<'_>) -> Result<Outcome, Outcome> {
    let asked = run.aws().identity(run.region()?);
    Ok(match asked.await {
        Ok(identity) => Outcome::passed(format!(
            "The caller is {}, in account {}.",
            identity.arn, identity.account
        )),
        Err(AwsError::NoCredentials) if run.as_runner() && token_file(run) => {
            Outcome::not_applicable(
                "The runner's role is assumed with the web identity token: the caller has no AWS \
             credentials of its own and needs none.",
            )
        }
        // Such as credentials that have expired.
        Err(error) if run.is_exchanged().await => Outcome::not_applicable(format!(
            "The runner's role is assumed with the web identity token: the caller's own AWS credentials are not \
             needed. They do not work: {}.",
            error.to_string().trim_end_matches('.')
        )),
        Err(error @ AwsError::NoCredentials) => {
            let outcome = error.outcome();
            match std::env::var("AWS_PROFILE") {
                Ok(profile) if !profile.is_empty() => Outcome {
                    message: format!(
                        "{} The profile {profile:?} of AWS_PROFILE does not exist or has none.",
                        outcome.message
                    ),
                    ..outcome
                },
                _ => outcome,
            }
        }
        Err(error @ AwsError::BadCredentials(_)) => {
            let settings = run.settings();
            let profile = match &settings.profile {
                Some(profile) => format!(" --profile {}", shell(profile)),
                None => String::new(),
            };
            let call = match &settings.assume_role {
                Some(role) => format!(
                    "assume-role --role-arn {} --role-session-name check",
                    shell(&role.role_arn)
                ),
                None => "get-caller-identity".to_owned(),
            };
            error.outcome().fix(
                "bad-credentials",
                format!(
                    "aws sts {call} --region {}{profile}   # must succeed; `aws sso login{profile}` renews a sign-on\n",
                    shell(run.region()?)
                ),
            )
        }
        Err(error) => error.outcome(),
    })
}

fn token_file(run: &Run<'_>) -> bool {
    run.settings().web_identity_token_file.is_some()
}

/// Whether the role is assumed at all.
pub(super) fn assume_role_applies(run: &Run<'_>) -> Result<(), Outcome> {
    if run.as_runner() {
        return Ok(());
    }
    Err(Outcome::not_applicable(format!(
        "The checks are made as the caller; the role is assumed with `{}`.",
        run.words("as = \"runner\"", "--as runner")
    )))
}

/// `assume-role`
pub(super) async fn assume_role(run: &Run<'_>) -> Result<Outcome, Outcome> {
    assume_role_applies(run)?;
    let session = run.session()?;
    let error = match run.aws().session(&session).await {
        Ok(_) => {
            return Ok(Outcome::passed(format!(
                "{} was assumed as {:?}.",
                session.role_arn, session.name
            )));
        }
        Err(error) => error,
    };
    Ok(if token_file(run) {
        token_refused(run, error)?
    } else {
        not_assumed(run, error).await
    })
}

/// The outcome where `sts:AssumeRoleWithWebIdentity` gave no credentials.
///
/// STS's refusal of the token is what the Orchestrator would get, and so a failure: its errors are `AccessDenied`,
/// `InvalidIdentityToken` (a wrong audience or signature, an unknown issuer), `ExpiredTokenException`,
/// `IDPRejectedClaim`, `IDPCommunicationError` (STS cannot read the issuer's keys), `RegionDisabledException` and
/// `ValidationError` ("AssumeRoleWithWebIdentity" and "Common errors" in the API reference of STS). A file that cannot
/// be read, or an STS that cannot be reached, says nothing about the runner.
fn token_refused(run: &Run<'_>, error: AwsError) -> Result<Outcome, Outcome> {
    let (code, message) = match &error {
        AwsError::Denied { message, .. } => ("", message),
        AwsError::Refused { code, message, .. } => (code.as_str(), message),
        AwsError::TokenFile(_) => {
            return Ok(error.outcome().fix(
                "web-identity-token-file",
                run.words(
                    "# Set web_identity_token_file to a file with an OIDC token of the Orchestrator's issuer.\n",
                    "# Give --web-identity-token-file a file with an OIDC token of the Orchestrator's issuer.\n",
                ),
            ));
        }
        other => return Ok(other.outcome()),
    };
    let role = run.role()?;
    let cause = format!("assume-role:{role}");
    let message = message.trim_end_matches('.');
    Ok(match code {
        "IDPCommunicationError" => Outcome::failed(format!(
            "STS refuses the web identity token, because it cannot read the keys of the token's issuer: {message}."
        ))
        .compare("an issuer that STS can reach from the internet", message)
        .fix(
            cause,
            "# Must respond, and so must its jwks_uri, to everybody on the internet:\n\
             curl <issuer of the token>/.well-known/openid-configuration\n",
        )
        .retryable(),
        _ => Outcome::failed(format!("STS refuses the web identity token: {message}."))
            .compare("a token that the role's trust policy admits", message)
            .fix(
                cause,
                format!(
                    "aws iam get-role --role-name {} --query Role.AssumeRolePolicyDocument   # compare aud and sub with the token's\n",
                    shell(&role.name)
                ),
            )
            // STS says the same of a role, or an issuer, that does not exist yet.
            .not_yet(),
    })
}

/// The outcome where the caller could not assume the role. A role that trusts the issuer alone, as it should, admits
/// no caller: this says nothing about the runner.
///
/// It is waited for only while the role is new: IAM's changes take some seconds to be seen everywhere ("Changes that I
/// make are not always immediately visible" in the IAM user guide), and a denial by an older role stays.
async fn not_assumed(run: &Run<'_>, error: AwsError) -> Outcome {
    let AwsError::Denied { message, .. } = error else {
        return error.outcome();
    };
    let outcome = Outcome::incomplete(
        "no permission to assume the runner's role",
        format!(
            "The caller is not allowed to assume the role: {}. The caller needs sts:AssumeRole on it, and \
             the role's trust policy must name the caller; or {}.",
            message.trim_end_matches('.'),
            run.words(
                "set web_identity_token_file",
                "give --web-identity-token-file"
            )
        ),
    );
    match run.iam_role().await {
        Ok(Ok(role)) if is_new(role.created, SystemTime::now()) => outcome.retryable(),
        _ => outcome,
    }
}

/// How long a role is new.
const NEW: Duration = Duration::from_secs(300);

/// Whether a role, made at this second since 1970, is new. The clocks of AWS and this machine can differ a little.
fn is_new(created: i64, now: SystemTime) -> bool {
    let made = UNIX_EPOCH + Duration::from_secs(created.try_into().unwrap_or_default());
    now.duration_since(made).is_ok_and(|age| age < NEW) || made > now
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::access::check::Status;

    #[test]
    fn a_role_is_new_for_some_minutes() {
        let now = UNIX_EPOCH + Duration::from_secs(1_000_000);
        for (created, expected) in [
            (1_000_000, true),
            (1_000_005, true),
            (999_800, true),
            (999_000, false),
            (-1, false),
        ] {
            assert_eq!(is_new(created, now), expected, "{created}");
        }
    }

    #[test]
    fn session_names_are_judged_as_sts_does() {
        let long = "x".repeat(65);
        let cut_from = format!("my-org-{}-end", "x".repeat(70));
        let cut = Some(cut_from.as_str());
        for (name, whole, status) in [
            ("my-org-my-runner", None, Status::Passed),
            ("me@org", None, Status::Passed),
            ("a+b=c,d.e_f", None, Status::Passed),
            ("cut", cut, Status::Warned),
            ("a/b", None, Status::Failed),
            ("a b", None, Status::Failed),
            ("é", None, Status::Failed),
            ("x", None, Status::Failed),
            ("", None, Status::Failed),
            (long.as_str(), None, Status::Failed),
        ] {
            let outcome = judge(name, whole, Face::Command);
            assert_eq!(outcome.status, status, "{name}");
            if status != Status::Passed {
                let fix = outcome.fix.unwrap();
                let fixed = fix.split('"').nth(1).unwrap();
                assert_eq!(
                    judge(fixed, None, Face::Command).status,
                    Status::Passed,
                    "{fix}"
                );
            }
        }
        let own = of_both_ends(&cut_from);
        assert!(
            own.len() == 64 && own.starts_with("my-org-x") && own.ends_with("x-end"),
            "{own}"
        );
        assert!(
            judge("me@org", None, Face::Command)
                .message
                .contains("becomes -")
        );
    }
}
