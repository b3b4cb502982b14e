//! What must not leave the process: the credentials in use, and the redaction that every text
//! passes before it reaches an output, a log or the state.
//!
//! A text is redacted in two ways. Credentials are found by their *form* (JWTs, EKS tokens,
//! `Authorization` headers, the parameters of presigned URLs), and by their *value*: whoever reads
//! or receives a credential calls [`protect`], and from then on no run of eight of its characters
//! is left in a text.
//!
//! An access key id alone grants no access, but it is redacted too: it is a part of the access key,
//! and no message needs it.

mod environment;
mod form;
mod known;
mod yaml;

use std::borrow::Cow;
use std::sync::{LazyLock, PoisonError, RwLock};

use known::Known;

pub(crate) use environment::url_password;
pub(crate) use yaml::fault as yaml_fault;

/// What stands in place of a credential.
pub(crate) const REDACTED: &str = "(redacted)";

/// The credentials in use. Those of the environment are known from the start.
static KNOWN: LazyLock<RwLock<Known>> = LazyLock::new(|| {
    let mut known = Known::default();
    environment::secrets().for_each(|secret| known.add(&secret));
    RwLock::new(known)
});

/// From now on this credential is in no text that passes [`redact`].
pub(crate) fn protect(secret: &str) {
    let mut known = KNOWN.write().unwrap_or_else(PoisonError::into_inner);
    known.add(secret);
}

/// Returns the text without the credentials in it.
pub fn redact(text: &str) -> Cow<'_, str> {
    let formless = form::redact(text);
    let known = KNOWN.read().unwrap_or_else(PoisonError::into_inner);
    match known.redact(&formless) {
        Some(redacted) => Cow::Owned(redacted),
        None => formless,
    }
}

/// The text without credentials, as an owned one.
pub(crate) fn redacted(text: impl Into<String>) -> String {
    let text = text.into();
    match redact(&text) {
        Cow::Owned(redacted) => redacted,
        Cow::Borrowed(_) => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_protected_secret_is_in_no_text() {
        protect("mod-tests-C4nary/+=9Zq");
        assert_eq!(
            redact("before mod-tests-C4nary/+=9Zq after"),
            "before (redacted) after"
        );
        assert_eq!(
            redacted("Authorization: Basic C4nary/+"),
            "Authorization: (redacted)"
        );
        assert!(matches!(redact("nothing to hide"), Cow::Borrowed(_)));
    }
}
