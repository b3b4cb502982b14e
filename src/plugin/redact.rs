//! A last guard: credentials are taken out of text by their form.
//!
//! Nothing is meant to pass a credential to a log or a panic's message in the first place. What has
//! no form of its own, such as the Orchestrator's token, this cannot find.

use std::borrow::Cow;
use std::sync::LazyLock;

use regex_lite::Regex;

/// What stands in place of a credential.
const REDACTED: &str = "(redacted)";

/// EKS tokens, JWTs, the access keys and presigned parts of AWS requests, and what follows `Bearer`.
static CREDENTIAL: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(concat!(
        r"k8s-aws-v1\.[\w+/=-]+",
        r"|eyJ[\w-]{8,}(?:\.[\w-]*){1,4}",
        r"|\b(?:AKIA|ASIA)[A-Z0-9]{16}\b",
        r#"|(?i:x-amz-(?:signature|security-token))["']?(?:=|%3D|\s*:\s*)["']?[^&\s"',]+"#,
        r#"|(?i:bearer)\s+[^\s"',]+"#,
    ))
    .ok()
});

/// The text without what looks like a credential.
pub(super) fn redact(text: &str) -> Cow<'_, str> {
    match &*CREDENTIAL {
        Some(credential) => credential.replace_all(text, REDACTED),
        None => Cow::Borrowed(REDACTED),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_are_taken_out() {
        for (text, redacted) in [
            (
                "token k8s-aws-v1.aHR0cHM6Ly9z-_ end",
                "token (redacted) end",
            ),
            (
                "jwt eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJtZSJ9.c2ln.",
                "jwt (redacted)",
            ),
            (
                "key AKIAIOSFODNN7EXAMPLE, ASIAIOSFODNN7EXAMPLE",
                "key (redacted), (redacted)",
            ),
            (
                "?X-Amz-Signature=0a1b&X-Amz-Date=2",
                "?(redacted)&X-Amz-Date=2",
            ),
            ("X-Amz-Security-Token%3DFwoG%2F end", "(redacted) end"),
            (r#"{"x-amz-security-token": "FwoG"}"#, r#"{"(redacted)"}"#),
            ("authorization: bearer abc.def", "authorization: (redacted)"),
        ] {
            assert_eq!(redact(text), redacted);
        }
    }

    #[test]
    fn other_text_is_left_alone() {
        for text in [
            "",
            "eyJ",
            "the bearer",
            "arn:aws:iam::123456789012:role/ASIA",
            "ключ",
        ] {
            assert_eq!(redact(text), text);
        }
    }
}
