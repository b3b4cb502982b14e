//! Finds credentials by their value.

use std::collections::{BTreeSet, HashSet};

use base64::Engine;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use super::REDACTED;

/// The number of consecutive bytes that identify a credential. A shorter run can be coincidence.
const RUN: usize = 8;
/// The length of the shortest credential that is redacted. A shorter one would be found in many texts, and so would a
/// word of at most seven letters, such as `test` as the key of a stand-in for AWS.
const SHORTEST: usize = 4;
/// The length of the longest credential whose base64 forms are redacted, too. A longer one (a session token, a private
/// key) is already base64.
const ENCODED: usize = 512;

/// The credentials in use.
#[derive(Default)]
pub(super) struct KnownCredentials {
    /// Every run of eight bytes of the credentials and of their encoded forms.
    runs: HashSet<[u8; RUN]>,
    /// Credentials shorter than a run. They are found only as whole words.
    short: BTreeSet<String>,
}

impl KnownCredentials {
    /// Adds a credential. White space around it is not part of it.
    pub(super) fn add(&mut self, secret: &str) {
        let secret = secret.trim();
        if secret.len() < RUN {
            let is_word = secret.bytes().all(|byte| byte.is_ascii_lowercase());
            if secret.len() >= SHORTEST && !is_word {
                self.short.insert(secret.to_owned());
            }
            return;
        }
        self.add_runs(secret.as_bytes());
        self.add_runs(utf8_percent_encode(secret, NON_ALPHANUMERIC).to_string().as_bytes());
        self.add_runs(&percent_decode_str(secret).collect::<Vec<u8>>());
        if secret.len() <= ENCODED {
            // Its offset in a longer text decides which of three forms it has.
            for bytes in (0..3).filter_map(|start| secret.as_bytes().get(start..)) {
                self.add_runs(STANDARD_NO_PAD.encode(bytes).as_bytes());
                self.add_runs(URL_SAFE_NO_PAD.encode(bytes).as_bytes());
            }
        }
    }

    fn add_runs(&mut self, secret: &[u8]) {
        let runs = secret.windows(RUN).filter_map(|run| run.try_into().ok());
        self.runs.extend(runs.filter(is_distinctive));
    }

    /// Returns the text without the credentials. `None` if it contains none.
    pub(super) fn redact(&self, text: &str) -> Option<String> {
        let mut spans = self.spans(text);
        if spans.is_empty() {
            return None;
        }
        spans.sort_unstable();
        let mut redacted = String::with_capacity(text.len());
        let mut end = 0;
        for (from, to) in spans {
            let (from, to) = (text.floor_char_boundary(from), text.ceil_char_boundary(to));
            if from > end || redacted.is_empty() {
                redacted.push_str(text.get(end..from).unwrap_or_default());
                redacted.push_str(REDACTED);
            }
            end = end.max(to);
        }
        redacted.push_str(text.get(end..).unwrap_or_default());
        Some(redacted)
    }

    /// Returns the start and the end of each credential in a text. They can overlap.
    fn spans(&self, text: &str) -> Vec<(usize, usize)> {
        let mut spans: Vec<(usize, usize)> = Vec::new();
        if !self.runs.is_empty() {
            for (at, run) in text.as_bytes().windows(RUN).enumerate() {
                if !self.runs.contains(run) {
                    continue;
                }
                match spans.last_mut() {
                    Some((_, to)) if *to >= at => *to = at + RUN,
                    _ => spans.push((at, at + RUN)),
                }
            }
        }
        for secret in &self.short {
            let found = text.match_indices(secret.as_str());
            let whole = found.filter(|(at, _)| is_whole(text, *at, at + secret.len()));
            spans.extend(whole.map(|(at, _)| (at, at + secret.len())));
        }
        spans
    }
}

/// Returns whether a run identifies a credential. Eight equal characters do not.
fn is_distinctive(run: &[u8; RUN]) -> bool {
    run.iter().any(|byte| *byte != run[0])
}

/// Returns whether a part of a text is a whole name: no letter or digit is beside it, nor after one `-`, `_` or `.`.
fn is_whole(text: &str, from: usize, to: usize) -> bool {
    let goes_on = |beside: &mut dyn Iterator<Item = char>| {
        let joins = |one: &char| matches!(one, '-' | '_' | '.');
        let next = match beside.next() {
            Some(one) if joins(&one) => beside.next(),
            other => other,
        };
        next.is_some_and(char::is_alphanumeric)
    };
    let before = text.get(..from).unwrap_or_default();
    let after = text.get(to..).unwrap_or_default();
    !goes_on(&mut before.chars().rev()) && !goes_on(&mut after.chars())
}

#[cfg(test)]
mod tests {
    use base64::engine::general_purpose::STANDARD;
    use proptest::prelude::*;

    use super::*;

    fn known(secrets: &[&str]) -> KnownCredentials {
        let mut known = KnownCredentials::default();
        secrets.iter().for_each(|secret| known.add(secret));
        known
    }

    #[test]
    fn a_secret_and_every_long_part_of_it_are_redacted() {
        let known = known(&["hunter2-hunter3", " s3cr3t\n"]);
        for (text, redacted) in [
            ("hunter2-hunter3", "(redacted)"),
            ("<hunter2-hunter3>", "<(redacted)>"),
            ("cut: hunter2-h…", "cut: (redacted)…"),
            ("…r2-hunter3 and unter2-hunter3!", "…(redacted) and (redacted)!"),
            ("a s3cr3t, and again s3cr3t", "a (redacted), and again (redacted)"),
        ] {
            assert_eq!(known.redact(text).as_deref(), Some(redacted), "{text}");
        }
        for text in ["", "hunter", "hunter2", "s3cr3ts", "ключи и замки"] {
            assert_eq!(known.redact(text), None, "{text}");
        }
    }

    #[test]
    fn an_encoded_secret_is_redacted() {
        let secret = "p@ss/w0rd+with=signs";
        let known = known(&[secret]);
        for prefix in ["", "u:", "user:", "me:"] {
            let encoded = STANDARD.encode(format!("{prefix}{secret}"));
            let text = known.redact(&encoded).unwrap();
            assert!(text.len() < REDACTED.len() + 12, "{text}");
        }
        let encoded = utf8_percent_encode(secret, NON_ALPHANUMERIC).to_string();
        assert_eq!(known.redact(&encoded).as_deref(), Some(REDACTED));
        let from_url = KnownCredentials::default();
        let mut from_url = from_url;
        from_url.add(&encoded);
        assert_eq!(from_url.redact(secret).as_deref(), Some(REDACTED));
    }

    #[test]
    fn short_words_and_rulers_are_unchanged() {
        let known = known(&["abc", "", "   ", "----------------", "test", "secret"]);
        for text in ["abc", "----------", "        ", "test", "a secret", "test-cluster"] {
            assert_eq!(known.redact(text), None, "{text}");
        }
    }

    #[test]
    fn a_short_secret_in_a_longer_name_is_unchanged() {
        let known = known(&["test1", "a-b-c"]);
        for text in [
            "test1-cluster",
            "my_test1",
            "test1.example.com",
            "v.test1",
            "test10",
            "a-b-c-d",
        ] {
            assert_eq!(known.redact(text), None, "{text}");
        }
        for (text, redacted) in [
            ("It is test1.", "It is (redacted)."),
            ("key=test1, a-b-c-", "key=(redacted), (redacted)-"),
            ("\"test1\"", "\"(redacted)\""),
        ] {
            assert_eq!(known.redact(text).as_deref(), Some(redacted), "{text}");
        }
    }

    /// A name that equals a credential cannot be distinguished from it. A name with fewer than eight of its characters is
    /// unchanged.
    #[test]
    fn a_long_secret_is_redacted_in_every_name() {
        let known = known(&["my-token"]);
        let redacted = known.redact("the organization my-token and my-token-2");
        assert_eq!(
            redacted.as_deref(),
            Some("the organization (redacted) and (redacted)-2")
        );
        assert_eq!(known.redact("my-tok and token"), None);
    }

    proptest! {
        #[test]
        fn no_eight_characters_of_a_secret_are_left(
            secret in "[ -~]{8,40}", before in "\\PC{0,12}", after in "\\PC{0,12}", from in 0usize..20,
        ) {
            let secret = secret.trim();
            prop_assume!(secret.len() >= RUN);
            let known = known(&[secret]);
            let part = secret.get(from.min(secret.len() - RUN)..).unwrap();
            let text = format!("{before}{part}{after}");
            let text = known.redact(&text).unwrap_or(text);
            let runs = secret.as_bytes().windows(RUN);
            for run in runs.filter(|run| is_distinctive((*run).try_into().unwrap())) {
                // A run can remain only if it is part of the replacement.
                let run = std::str::from_utf8(run).unwrap();
                prop_assert!(!text.replace(REDACTED, "").contains(run) || REDACTED.contains(run), "{text}");
            }
        }
    }
}
