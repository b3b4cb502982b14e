//! Finds credentials by their form, also those that this process has not read or received itself.

use std::borrow::Cow;
use std::sync::LazyLock;

use regex_lite::{Captures, Regex};

use super::REDACTED;

/// Private keys, EKS tokens, JWTs, and access key ids.
static WHOLE: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(concat!(
        r"-----BEGIN [A-Z ]*PRIVATE KEY-----(?:[^-]*-----END [A-Z ]*PRIVATE KEY-----|[^-]*)",
        r"|k8s-aws-v1\.[\w+/=-]+",
        r"|eyJ[\w-]{8,}(?:\.[\w-]*){1,4}",
        r"|\b(?:AKIA|ASIA)[A-Z0-9]{16}\b",
    ))
    .ok()
});

/// Names that precede a credential of any form: the headers and query parameters of a signed request, which AWS's
/// messages repeat, and the user and password of a URL.
static NAMED: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(concat!(
        r#"(?i)((?:proxy-)?authorization["']?\s*[:=]\s*["']?)"#,
        r#"(?:aws4-hmac-sha256|basic|bearer|digest|negotiate)[^\n"']*"#,
        r#"|(x-amz-(?:signature|security-token|credential)["']?(?:=|%3D|\s*:\s*)["']?)[^&\s"',]+"#,
        r#"|(x-amz-sso_bearer_token["']?(?:=|\s*:\s*)["']?)[^&\s"',]+"#,
        r#"|(://)(?:[^/\s:@"']*:[^/\s@"']+|[^/?#\s@"']+)@"#,
    ))
    .ok()
});

/// Names that precede a credential or an ordinary word: `Bearer token`.
static PERHAPS: LazyLock<Option<Regex>> = LazyLock::new(|| {
    Regex::new(concat!(
        r#"(?i)(\bbearer\s+)([^\s"',]{4,})"#,
        r#"|((?:secret_?access_?key|session_?token|security_?token|access_?token|refresh_?token|client_?secret)"#,
        r#"["']?\s*(?:=|:|%3D)\s*["']?)([^&\s"',}]{8,})"#,
    ))
    .ok()
});

/// Returns whether a lowercase text can match [`WHOLE`], [`NAMED`] and [`PERHAPS`]. The search for plain words is much
/// faster than a match, and few texts contain one of them.
fn can_match(lower: &str) -> [bool; 3] {
    let has = |words: &[&str]| words.iter().any(|word| lower.contains(word));
    [
        has(&["private key-----", "k8s-aws-v1.", "eyj", "akia", "asia"]),
        has(&["authorization", "x-amz-"]) || (lower.contains("://") && lower.contains('@')),
        has(&["bearer", "token", "secret", "access_key", "accesskey"]),
    ]
}

/// Returns the text without what has the form of a credential.
pub(super) fn redact(text: &str) -> Cow<'_, str> {
    let [can_be_whole, can_be_named, can_be_perhaps] = can_match(&text.to_ascii_lowercase());
    if !(can_be_whole || can_be_named || can_be_perhaps) {
        return Cow::Borrowed(text);
    }
    let (Some(whole), Some(named), Some(perhaps)) = (&*WHOLE, &*NAMED, &*PERHAPS) else {
        return Cow::Borrowed(REDACTED);
    };
    let mut text = Cow::Borrowed(text);
    if can_be_named {
        text = and_then(text, |text| replaced(text, named, named_value));
    }
    if can_be_whole {
        text = and_then(text, |text| replaced(text, whole, |_| REDACTED.to_owned()));
    }
    if can_be_perhaps {
        text = and_then(text, |text| replaced(text, perhaps, perhaps_value));
    }
    text
}

fn replaced<'a>(text: &'a str, pattern: &Regex, with: impl Fn(&Captures<'_>) -> String) -> Cow<'a, str> {
    pattern.replace_all(text, with)
}

/// Applies another step to a text that the steps before might have changed.
fn and_then<'a>(text: Cow<'a, str>, step: impl Fn(&str) -> Cow<'_, str>) -> Cow<'a, str> {
    match step(&text) {
        Cow::Owned(changed) => Cow::Owned(changed),
        Cow::Borrowed(_) => text,
    }
}

/// Returns the replacement of a match of [`NAMED`].
fn named_value(found: &Captures<'_>) -> String {
    let name = (1..=4).find_map(|group| found.get(group));
    match name.map(|name| name.as_str()) {
        Some("://") => format!("://{REDACTED}@"),
        name => format!("{}{REDACTED}", name.unwrap_or_default()),
    }
}

/// Returns the replacement of a match of [`PERHAPS`]. An ordinary word stays.
fn perhaps_value(found: &Captures<'_>) -> String {
    let pair = [(1, 2), (3, 4)];
    let mut pairs = pair
        .iter()
        .filter_map(|(name, value)| Some((found.get(*name)?, found.get(*value)?)));
    let Some((name, value)) = pairs.next() else {
        return REDACTED.to_owned();
    };
    let value = value.as_str();
    if value == REDACTED
        || value
            .trim_end_matches('.')
            .bytes()
            .all(|byte| byte.is_ascii_lowercase())
    {
        return found.get(0).map_or_else(String::new, |all| all.as_str().to_owned());
    }
    format!("{}{REDACTED}", name.as_str())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn credentials_are_redacted() {
        for (text, redacted) in [
            ("token k8s-aws-v1.aHR0cHM6Ly9z-_ end", "token (redacted) end"),
            ("jwt eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJtZSJ9.c2ln.", "jwt (redacted)"),
            (
                "key AKIAIOSFODNN7EXAMPLE, ASIAIOSFODNN7EXAMPLE",
                "key (redacted), (redacted)",
            ),
            (
                "?X-Amz-Signature=0a1b&X-Amz-Date=2",
                "?X-Amz-Signature=(redacted)&X-Amz-Date=2",
            ),
            (
                "X-Amz-Security-Token%3DFwoG%2F end",
                "X-Amz-Security-Token%3D(redacted) end",
            ),
            (
                r#"{"x-amz-security-token": "FwoG"}"#,
                r#"{"x-amz-security-token": "(redacted)"}"#,
            ),
            ("authorization: bearer abc.def", "authorization: (redacted)"),
            ("Bearer 5ec4e7", "Bearer (redacted)"),
            (
                "Authorization=AWS4-HMAC-SHA256 Credential=AKIA/x, Signature=5d67\nnext",
                "Authorization=(redacted)\nnext",
            ),
            (
                "host:sts\nx-amz-security-token:FwoGZXIvYXdz\n\nhost",
                "host:sts\nx-amz-security-token:(redacted)\n\nhost",
            ),
            (
                "http://me:s3cret@proxy:3128/ failed",
                "http://(redacted)@proxy:3128/ failed",
            ),
            (
                "https://t0ken@host:6443/ responds",
                "https://(redacted)@host:6443/ responds",
            ),
            (
                r#"{"SecretAccessKey": "wJalrXUtnFEMI", "Expiration": "x"}"#,
                r#"{"SecretAccessKey": "(redacted)", "Expiration": "x"}"#,
            ),
            ("aws_session_token = FwoGZXIvYXdzE", "aws_session_token = (redacted)"),
            (
                "-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----\nend",
                "(redacted)\nend",
            ),
        ] {
            assert_eq!(redact(text), redacted);
        }
    }

    #[test]
    fn other_text_is_unchanged() {
        for text in [
            "",
            "eyJ",
            "the bearer",
            "Bearer token",
            "the bearer authentication.",
            "arn:aws:iam::123456789012:role/ASIA",
            "ключ",
            "authorization: the user is not allowed",
            "https://127.0.0.1:6443/api?x=a@b",
            "https://127.0.0.1?x=a@b",
            "HUMANITEC_AUTH_TOKEN: not set",
        ] {
            assert_eq!(redact(text), text);
        }
    }

    proptest! {
        #[test]
        fn redaction_never_panics_and_is_idempotent(text in "\\PC*") {
            let once = redact(&text).into_owned();
            prop_assert_eq!(redact(&once).into_owned(), once);
        }
    }
}
