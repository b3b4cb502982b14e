//! The credentials in use, and the redaction that every text passes before it reaches an output, a log or the state.
//!
//! Redaction finds credentials by their *form* (JWTs, EKS tokens, `Authorization` headers, the parameters of presigned
//! URLs) and by their *value*: code that reads or receives a credential calls [`protect`], and from then on no eight
//! consecutive characters of it remain in a text.
//!
//! An access key ID alone grants no access, but it is redacted, too: it is a part of the access key, and no message needs
//! it.

mod environment;
mod form;
mod known;
mod yaml;

use std::borrow::Cow;
use std::sync::{LazyLock, PoisonError, RwLock};

use known::KnownCredentials;

pub(crate) use environment::url_password;
pub(crate) use yaml::fault as yaml_fault;

/// The text that replaces a credential.
pub(crate) const REDACTED: &str = "(redacted)";

/// The credentials in use. Those in the environment are added at the start.
static KNOWN: LazyLock<RwLock<KnownCredentials>> = LazyLock::new(|| {
    let mut known = KnownCredentials::default();
    environment::secrets().for_each(|secret| known.add(&secret));
    RwLock::new(known)
});

/// Adds a credential: from now on [`redact`] removes it.
pub(crate) fn protect(secret: &str) {
    let mut known = KNOWN.write().unwrap_or_else(PoisonError::into_inner);
    known.add(secret);
}

/// Returns the text without credentials.
pub fn redact(text: &str) -> Cow<'_, str> {
    let formless = form::redact(text);
    let known = KNOWN.read().unwrap_or_else(PoisonError::into_inner);
    match known.redact(&formless) {
        Some(redacted) => Cow::Owned(redacted),
        None => formless,
    }
}

/// As [`redact`], for an owned text.
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
    fn a_protected_secret_is_redacted() {
        protect("mod-tests-C4nary/+=9Zq");
        assert_eq!(redact("before mod-tests-C4nary/+=9Zq after"), "before (redacted) after");
        assert_eq!(redacted("Authorization: Basic C4nary/+"), "Authorization: (redacted)");
        assert!(matches!(redact("nothing to hide"), Cow::Borrowed(_)));
    }
}
