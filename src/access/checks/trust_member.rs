//! A runner as a trust policy sees it, and policies that trust several runners.

use serde_json::Value;

use crate::access::fix::Member;
use crate::access::run::Run;
use crate::access::trust::{WebIdentity, amended};

/// Returns the runner as a trust policy sees it. `None` while it is unknown.
pub(super) fn trust_member(run: &Run<'_>) -> Option<Member> {
    Some(Member {
        oidc_subject: run.subject.oidc_subject()?,
        session_name: run.subject.session().map(|(name, _)| name),
    })
}

/// Returns a trust policy that trusts these runners as well.
pub(super) fn trusting(
    document: Value,
    provider_arn: &str,
    issuer_host: &str,
    members: &[Member],
) -> Value {
    members.iter().fold(document, |document, member| {
        let who = WebIdentity {
            provider_arn,
            issuer_host,
            subject: &member.oidc_subject,
            session_name: member.session_name.as_deref(),
        };
        amended(&document, &who)
    })
}
