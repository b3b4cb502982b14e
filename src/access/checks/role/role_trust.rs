//! The check `role-trust`.

use serde_json::Value;

use super::oidc_provider::older_product;
use super::role_exists;
use super::runner_identity::runner_identity;
use crate::access::cause::Cause;
use crate::access::check::{Category, CheckInfo, ROLE_ARN};
use crate::access::check_error::CheckError;
use crate::access::checks::Check;
use crate::access::fix::{Fix, RoleTrust};
use crate::access::issuer::AUDIENCE;
use crate::access::outcome::Outcome;
use crate::access::policy::DenialReason;
use crate::access::run::{Run, known};
use crate::access::settings::CheckSetting;
use crate::access::trust::{Member, TrustDecision, WebIdentity, evaluate};

pub(in crate::access::checks) static CHECK: Check = Check::new(
    CheckInfo {
        id: "role-trust",
        title: "The role trusts the Orchestrator for this runner",
        category: Category::Iam,
        attribute: ROLE_ARN,
        caller_needs: &[role_exists::CHECK.id()],
        runner_needs: &[role_exists::CHECK.id()],
    },
    |run| Box::pin(check(run)),
)
.calls(CheckSetting::AWS)
.uses(&[CheckSetting::OidcIssuer, CheckSetting::OrchestratorCidrs]);

async fn check(run: &Run<'_>) -> Result<Outcome, CheckError> {
    let issuer = run.issuer()?;
    let role = run.iam_role().await?;
    let org = known(&run.subject.org, "organization")?;
    let who = runner_identity(run)?;
    let WebIdentity {
        issuer_host: host,
        subject,
        ..
    } = &who;
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
    let trust = |member: Member| -> Result<Fix, CheckError> {
        Ok(Fix::trust(RoleTrust {
            member,
            role: run.role()?.clone(),
            current: Some(document.clone()),
            frontend: run.settings().frontend,
        }))
    };
    let (decision, who) = match evaluate(document, &who) {
        TrustDecision::Unknown(what) => match from_public_addresses(run, document, &who) {
            Some((TrustDecision::Refused(reasons), _)) => {
                return Ok(refused_addresses(run, &role_arn, &reasons));
            }
            Some(decided) => decided,
            None => (TrustDecision::Unknown(what), who.clone()),
        },
        decision => (decision, who.clone()),
    };
    Ok(match decision {
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
            trust(Member::Organization {
                who: who.clone(),
                org: org.clone(),
            })?,
        ),
        TrustDecision::Unknown(what) => Outcome::incomplete(
            "a trust policy that cannot be evaluated from outside AWS",
            format!("Could not check whether the trust policy admits the Orchestrator: {what}."),
        ),
        TrustDecision::Refused(reasons) => {
            refused(issuer, &role_arn, &reasons).fix(Cause::Trust { role_arn }, trust(Member::Token(who.clone()))?)
        }
    })
}

/// Returns the worst decision about the calls from the addresses of an installation that publishes them, with the call: one that
/// is not allowed, or else one that is allowed for other organizations as well. `None` if it publishes no addresses.
///
/// An installation that publishes its addresses is outside every VPC, so that `aws:SourceIp` is in its requests ("AWS
/// global condition context keys" in the IAM user guide).
fn from_public_addresses(run: &Run<'_>, document: &Value, who: &WebIdentity) -> Option<(TrustDecision, WebIdentity)> {
    let addresses = run.settings().public_cidrs().iter();
    let decided = addresses.map(|address| {
        let from_address = WebIdentity {
            source: Some(address.to_string()),
            ..who.clone()
        };
        (evaluate(document, &from_address), from_address)
    });
    decided.min_by_key(|(decision, _)| match decision {
        TrustDecision::Refused(_) => 0,
        TrustDecision::Unknown(_) => 1,
        TrustDecision::Allowed { any_subject: true } => 2,
        TrustDecision::Allowed { any_subject: false } => 3,
    })
}

/// Returns the outcome for a trust policy that refuses calls from an address of the Orchestrator. It is certain for the addresses
/// that the user sets. A published list changes.
fn refused_addresses(run: &Run<'_>, role_arn: &str, reasons: &[DenialReason]) -> Outcome {
    let TrustRefusal {
        sentences,
        expected,
        found,
    } = TrustRefusal::new(reasons);
    let outcome = if run.settings().orchestrator_cidrs.is_empty() {
        Outcome::warned(format!(
            "The trust policy of {role_arn} refuses calls from an address that is published for the Orchestrator. \
             {sentences} If the Orchestrator now calls from other addresses, set {} to them.",
            run.name(CheckSetting::OrchestratorCidrs)
        ))
    } else {
        Outcome::failed(format!(
            "The trust policy of {role_arn} refuses calls from one of the Orchestrator's addresses. {sentences}"
        ))
    };
    outcome.compare(expected, found)
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
            let hint = hint.as_ref().map(|hint| format!(" {hint}")).unwrap_or_default();
            format!("{element}: expected {expected}, found {found}.{hint}")
        };
        Self {
            sentences: join(&sentence, " "),
            expected: join(&|reason| reason.expected.clone(), "; "),
            found: join(&|reason| reason.found.clone(), "; "),
        }
    }
}
