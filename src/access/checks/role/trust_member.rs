//! A runner as a trust policy sees it.

use crate::access::run::Run;
use crate::access::trust::Member;

/// Returns the runner as a trust policy sees it. `None` while it is unknown.
pub(in crate::access::checks) fn trust_member(run: &Run<'_>) -> Option<Member> {
    Some(Member {
        oidc_subject: run.subject.oidc_subject()?,
        session_name: run.subject.session().map(|(name, _)| name),
    })
}
