//! The API server's message about an exceeded ResourceQuota.
//!
//! Source: apiserver 0.34, `CheckRequest` in pkg/admission/plugin/resourcequota/controller.go. The message is
//! `exceeded quota: NAME, requested: a=1,b=2, used: …, limited: …`.

use crate::runner::quantity::thousandths_of;

/// A resource of a quota that is exceeded, with quantities.
pub(crate) struct ExceededResource<'a> {
    /// The name, such as `requests.memory`.
    pub(crate) resource: &'a str,
    /// What the object requests.
    pub(crate) requested: &'a str,
    /// What other objects use.
    pub(crate) used: &'a str,
    /// What the quota allows.
    pub(crate) limited: &'a str,
}

/// Returns the name of the quota in a message, and those of its resources that are exceeded.
pub(crate) fn exceeded(message: &str) -> Option<(&str, Vec<ExceededResource<'_>>)> {
    let (_, rest) = message.split_once("exceeded quota: ")?;
    let (name, rest) = rest.split_once(", requested: ")?;
    let (requested, rest) = rest.split_once(", used: ")?;
    let (used, limited) = rest.split_once(", limited: ")?;
    let parts = requested.split(',').zip(used.split(',')).zip(limited.split(','));
    let exceeded = parts.map(|((requested, used), limited)| {
        let (resource, requested) = requested.split_once('=')?;
        let of = |text: &'_ str| text.strip_prefix(resource).is_some_and(|rest| rest.starts_with('='));
        (of(used) && of(limited)).then(|| ExceededResource {
            resource,
            requested,
            used: &used[resource.len() + 1..],
            limited: &limited[resource.len() + 1..],
        })
    });
    Some((name, exceeded.collect::<Option<_>>()?))
}

/// Returns whether the quota would have room if nothing else used it: a deployment then succeeds as soon as others have
/// ended.
pub(crate) fn is_only_used_up(message: &str) -> bool {
    exceeded(message).is_some_and(|(_, exceeded)| {
        exceeded.iter().all(|one| {
            let fits = thousandths_of(one.requested).zip(thousandths_of(one.limited));
            fits.is_some_and(|(requested, limited)| requested <= limited)
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quota_that_is_only_used_up_is_recognized() {
        for (message, only_used_up) in [
            (
                "exceeded quota: q, requested: pods=1, used: pods=10, limited: pods=10",
                true,
            ),
            (
                "exceeded quota: q, requested: pods=1, used: pods=0, limited: pods=0",
                false,
            ),
            (
                "exceeded quota: q, requested: requests.memory=1Gi, used: requests.memory=512M, limited: requests.memory=1G",
                false,
            ),
            (
                "exceeded quota: q, requested: pods=1,requests.memory=1Gi, used: pods=1,requests.memory=3Gi, \
                 limited: pods=1,requests.memory=4Gi",
                true,
            ),
            ("failed quota: q: must specify limits.cpu for: main", false),
        ] {
            assert_eq!(is_only_used_up(message), only_used_up, "{message}");
        }
    }
}
