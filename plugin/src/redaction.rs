//! The removal of credentials from every text that leaves the process.

use std::borrow::Cow;

/// Returns a text without the credentials in it. Every text of the log, of panics and of diagnostics passes it.
///
/// It is set with [`Options::redact_with`](crate::Options::redact_with).
pub type Redact = fn(&str) -> Cow<'_, str>;

/// Returns the text as it is: the redaction of a provider that has no credentials.
pub(crate) fn unchanged(text: &str) -> Cow<'_, str> {
    Cow::Borrowed(text)
}

/// Returns `text` redacted, and without a copy if there is nothing to redact.
pub(crate) fn redacted(redact: Redact, text: String) -> String {
    match redact(&text) {
        Cow::Owned(redacted) => redacted,
        Cow::Borrowed(_) => text,
    }
}
