//! The check `role-trust`.

use super::oidc_provider::older_product;
use super::role_exists;
use super::trust_member::trust_member;
use crate::access::cause::Cause;
use crate::access::check::{Category, CheckInfo, ROLE_ARN};
use crate::access::check_error::CheckError;
use crate::access::checks::Check;
use crate::access::fix::{Fix, RoleTrust};
use crate::access::issuer::{AUDIENCE, issuer_host};
use crate::access::outcome::Outcome;
use crate::access::policy::DenialReason;
use crate::access::render::aws_cli;
use crate::access::run::{Run, known, unknown};
use crate::access::settings::CheckSetting;
use crate::access::trust::{TrustDecision, WebIdentity, evaluate, restricted};

pub(in crate::access::checks) static CHECK: Check = Check::new(
    CheckInfo {
        id: "role-trust",
        title: "The role trusts the Orchestrator for this runner",
        category: Category::Iam,
        attribute: ROLE_ARN,
        caller_needs: &[role_exists::CHECK.id()],
        runner_needs: &[role_exists::CHECK.id()],
        only_warns: false,
    },
    |run| Box::pin(check(run)),
)
.uses(&[CheckSetting::OidcIssuer]);

async fn check(run: &Run<'_>) -> Result<Outcome, CheckError> {
    let issuer = run.issuer()?;
    let role = run.iam_role().await?;
    let org = known(&run.subject.org, "organization")?;
    let member = trust_member(run).ok_or_else(|| unknown("runner's ID"))?;
    let subject = &member.oidc_subject;
    let provider = run.provider_arn()?;
    let host = issuer_host(issuer);
    let who = WebIdentity {
        sender: "the Orchestrator",
        provider_arn: &provider,
        issuer_host: host,
        audience: AUDIENCE,
        subject,
        session_name: member.session_name.as_deref(),
    };
    let document = role.trust_policy.as_ref().map_err(|error| {
        Outcome::incomplete(
            "an unreadable trust policy",
            format!(
                "Could not check: the trust policy of {} cannot be read: {error}.",
                role.arn
            ),
        )
    })?;
    let role_arn = role.arn.clone();
    Ok(match evaluate(document, &who) {
        TrustDecision::Allowed { any_subject: false } => Outcome::passed(format!(
            "The trust policy lets {host} assume the role with aud {AUDIENCE} and sub {subject}."
        )),
        TrustDecision::Allowed { any_subject: true } => Outcome::warned(format!(
            "The trust policy of {role_arn} lets {host} assume the role for this runner, and for runners of other \
             organizations as well: no condition on {host}:sub names the organization. Add one."
        ))
        .compare(
            format!("a condition on {host}:sub, such as \"{org}+*\" with StringLike"),
            "none that names the organization",
        )
        .fix(
            Cause::OpenTrust { role_arn },
            Fix::note(format!(
                "This is the current policy, restricted to runners of {org}. If runners of other organizations use \
                 this role, add them."
            ))
            .then_run(aws_cli::replace_trust_policy(
                run.role()?,
                &restricted(document, &who, org),
            )),
        ),
        TrustDecision::Unknown(what) => Outcome::incomplete(
            "a trust policy that cannot be evaluated from outside AWS",
            format!("Could not check whether the trust policy admits the Orchestrator: {what}."),
        ),
        TrustDecision::Refused(reasons) => {
            let outcome = refused(issuer, &role_arn, &reasons);
            let trust = RoleTrust {
                member: member.clone(),
                role: run.role()?.clone(),
                provider_arn: provider.clone(),
                issuer_host: host.to_owned(),
                current: Some(document.clone()),
                frontend: run.settings().frontend,
            };
            outcome.fix(Cause::Trust { role_arn }, Fix::trust(trust))
        }
    })
}

/// Returns the outcome for a trust policy that refuses.
fn refused(issuer: &str, role_arn: &str, reasons: &[DenialReason]) -> Outcome {
    let TrustRefusal {
        sentences,
        expected,
        found,
    } = TrustRefusal::new(reasons);
    Outcome::failed(format!(
        "The trust policy of {role_arn} does not let {issuer} assume the role for this runner. {sentences}{}",
        older_product(issuer).unwrap_or_default()
    ))
    .compare(expected, found)
}

/// The reasons why a policy refuses, in words.
pub(in crate::access::checks) struct TrustRefusal {
    /// A sentence for each reason.
    pub(in crate::access::checks) sentences: String,
    /// What the caller sends.
    pub(in crate::access::checks) expected: String,
    /// What the policy has.
    pub(in crate::access::checks) found: String,
}

impl TrustRefusal {
    /// Returns the reasons in words.
    pub(in crate::access::checks) fn new(reasons: &[DenialReason]) -> Self {
        let join = |part: &dyn Fn(&DenialReason) -> String, separator: &str| {
            let parts: Vec<String> = reasons.iter().map(part).collect();
            parts.join(separator)
        };
        let sentence = |reason: &DenialReason| {
            let DenialReason {
                element,
                expected,
                found,
                hint,
            } = reason;
            let hint = hint
                .as_ref()
                .map(|hint| format!(" {hint}"))
                .unwrap_or_default();
            format!("{element}: expected {expected}, found {found}.{hint}")
        };
        Self {
            sentences: join(&sentence, " "),
            expected: join(&|reason| reason.expected.clone(), "; "),
            found: join(&|reason| reason.found.clone(), "; "),
        }
    }
}
