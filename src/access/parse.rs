//! The parsers of settings that people write as text. The provider and the command use the same ones, and differ only
//! in how they report an [`InvalidValue`].

use std::net::IpAddr;
use std::time::Duration;

use ipnet::IpNet;
use url::Url;

/// Why a text cannot be used as the value of a setting.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("it {finding}. {expected}")]
pub struct InvalidValue {
    /// What is wrong, as a clause whose subject is the value: `is not an OIDC issuer`.
    pub finding: String,
    /// How to write such a value, as a sentence.
    pub expected: &'static str,
}

impl InvalidValue {
    fn new(finding: impl Into<String>, expected: &'static str) -> Self {
        Self {
            finding: finding.into(),
            expected,
        }
    }

    /// Returns the error as sentences that begin with the value, for a report that does not show the value itself.
    #[must_use]
    pub fn about(&self, value: &str) -> String {
        format!("{value:?} {}. {}", self.finding, self.expected)
    }
}

/// Returns an issuer as tokens and IAM write it: an `https` URL without a slash at its end.
///
/// # Errors
/// If the text is not `https://` and a host, perhaps with a port and a path. IAM accepts no other parts of a URL.
pub fn issuer(text: &str) -> Result<String, InvalidValue> {
    const EXPECTED: &str =
        "Write it as https:// and a host, with a path if it has one: \"https://oidc.humanitec.dev\".";
    let issuer = text.trim_end_matches('/');
    let allowed = |c: char| c.is_ascii_alphanumeric() || "-._~/:%".contains(c);
    let has_host = |url: Url| url.scheme() == "https" && url.has_host();
    // `Url` also parses `https:host` and `https:///host`, which no token has.
    let is_issuer = issuer
        .strip_prefix("https://")
        .is_some_and(|rest| !rest.starts_with('/') && rest.chars().all(allowed))
        && Url::parse(issuer).is_ok_and(has_host);
    if is_issuer {
        Ok(issuer.to_owned())
    } else {
        Err(InvalidValue::new("is not an OIDC issuer", EXPECTED))
    }
}

/// Returns a range of addresses. A single address is a range of one.
///
/// # Errors
/// If the text is neither a CIDR nor an address.
pub fn cidr(text: &str) -> Result<IpNet, InvalidValue> {
    const EXPECTED: &str = "Use a CIDR block such as \"203.0.113.0/24\", or a single IP address.";
    let address = || text.parse::<IpAddr>().ok().map(IpNet::from);
    let range: Option<IpNet> = text.parse().ok().or_else(address);
    range.ok_or_else(|| InvalidValue::new("is not a valid CIDR block", EXPECTED))
}

/// Returns the name of a container image, as it is written.
///
/// Kubernetes accepts any name without spaces, and the registry's own rules are not checked before the image is pulled.
///
/// # Errors
/// If the text is empty, or contains a space or a character outside ASCII.
pub fn image(text: &str) -> Result<String, InvalidValue> {
    const EXPECTED: &str = "Write it without spaces: \"registry.example.com/humanitec-runner:v1.2.3\".";
    if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic()) {
        Ok(text.to_owned())
    } else {
        Err(InvalidValue::new("is not the name of an image", EXPECTED))
    }
}

/// Returns the name of a session of a role that the caller assumes.
///
/// # Errors
/// If STS does not accept it (`RoleSessionName` of `AssumeRole` in its API reference).
pub fn role_session_name(text: &str) -> Result<String, InvalidValue> {
    const EXPECTED: &str = "Use 2 to 64 ASCII letters, digits, and characters of _+=,.@- (no spaces).";
    characters(text, 64, "_+=,.@-").ok_or_else(|| InvalidValue::new("is not the name of a session", EXPECTED))
}

/// Returns the external ID that the trust policy of a role requires.
///
/// # Errors
/// If STS does not accept it (`ExternalId` of `AssumeRole` in its API reference).
pub fn external_id(text: &str) -> Result<String, InvalidValue> {
    const EXPECTED: &str = "Use 2 to 1,224 ASCII letters, digits, and characters of _+=,.@:/- (no spaces).";
    characters(text, 1224, "_+=,.@:/-").ok_or_else(|| InvalidValue::new("is not an external ID", EXPECTED))
}

/// Returns a text of 2 to `most` letters, digits, and these other characters.
fn characters(text: &str, most: usize, others: &str) -> Option<String> {
    let is_allowed = |c: char| c.is_ascii_alphanumeric() || others.contains(c);
    let is_valid = (2..=most).contains(&text.len()) && text.chars().all(is_allowed);
    is_valid.then(|| text.to_owned())
}

/// The longest duration that [`duration`] returns: a century. Deadlines are computed from durations, and a deadline in
/// a century can be computed on every system.
const LONGEST: Duration = Duration::from_secs(100 * 365 * 24 * 3600);

/// Returns a duration of more than zero, as Go's `time.ParseDuration` reads it, which Terraform's timeouts use: numbers
/// with units that are added up, with an optional sign before them. The result is at most a century.
///
/// # Errors
/// What is wrong with the text.
pub fn duration(text: &str) -> Result<Duration, InvalidValue> {
    const EXPECTED: &str = "Write a number and a unit (ms, s, m, h), or several of them: \"30s\", \"2m\", \"1h30m\".";
    go_duration(text).map_err(|why| InvalidValue::new(format!("cannot be used: {why}"), EXPECTED))
}

/// Returns the duration, or what is wrong with the text, as a clause.
fn go_duration(text: &str) -> Result<Duration, String> {
    const TOO_SHORT: &str = "it must be more than zero";
    if text.is_empty() {
        return Err("it is empty".to_owned());
    }
    if text.starts_with('-') {
        return Err(TOO_SHORT.to_owned());
    }
    let mut rest = text.strip_prefix('+').unwrap_or(text);
    if rest.is_empty() {
        return Err("there is no number in it".to_owned());
    }
    let mut total = 0.0;
    while !rest.is_empty() {
        let digits = rest
            .find(|c: char| !c.is_ascii_digit() && c != '.')
            .unwrap_or(rest.len());
        let number: f64 = rest[..digits]
            .parse()
            .map_err(|_| format!("there is no number before {:?}", &rest[digits..]))?;
        rest = &rest[digits..];
        let letters = rest
            .find(|c: char| c.is_ascii_digit() || c == '.')
            .unwrap_or(rest.len());
        total += number * seconds_of(&rest[..letters])?;
        rest = &rest[letters..];
    }
    match Duration::try_from_secs_f64(total) {
        Ok(Duration::ZERO) => Err(TOO_SHORT.to_owned()),
        Ok(duration) => Ok(duration.min(LONGEST)),
        Err(_) => Err("it is too long".to_owned()),
    }
}

/// Returns how many seconds a unit of time has.
fn seconds_of(unit: &str) -> Result<f64, String> {
    Ok(match unit {
        "ns" => 1e-9,
        "us" | "µs" | "μs" => 1e-6,
        "ms" => 1e-3,
        "s" => 1.0,
        "m" => 60.0,
        "h" => 3600.0,
        "" => return Err("a number has no unit".to_owned()),
        unit => return Err(format!("{unit:?} is not a unit of time")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_issuer_loses_its_last_slash() {
        for (text, expected) in [
            ("https://oidc.example.com", "https://oidc.example.com"),
            ("https://oidc.example.com/", "https://oidc.example.com"),
            (
                "https://oidc.example.com:8443/id/x",
                "https://oidc.example.com:8443/id/x",
            ),
        ] {
            assert_eq!(issuer(text), Ok(expected.to_owned()));
        }
        for text in [
            "",
            "https://",
            "https:///x",
            "oidc.example.com",
            "http://oidc.example.com",
            "https://user:password@oidc.example.com",
            "https://oidc.example.com?a=b",
            "https://oidc.example.com#a",
            "https://oidc example.com",
            "https://oidc.example.com:port",
        ] {
            assert!(issuer(text).is_err(), "{text}");
        }
    }

    #[test]
    fn an_address_is_a_range_of_one() {
        assert_eq!(cidr("203.0.113.7"), Ok("203.0.113.7/32".parse().unwrap()));
        assert_eq!(cidr("2001:db8::/32"), Ok("2001:db8::/32".parse().unwrap()));
        for text in ["", "here", "203.0.113.0/33", "203.0.113"] {
            assert!(cidr(text).is_err(), "{text}");
        }
    }

    #[test]
    fn an_image_has_no_spaces() {
        assert!(image("a/b:1").is_ok());
        assert!(image("").is_err() && image("a b").is_err());
    }

    #[test]
    fn durations_are_read_as_terraform_writes_them() {
        for (text, seconds) in [
            ("30s", 30.0),
            ("2m", 120.0),
            ("1h30m", 5400.0),
            ("1m30s", 90.0),
            ("1.5h", 5400.0),
            ("250ms", 0.25),
            (".5s", 0.5),
            ("+5s", 5.0),
        ] {
            let expected = Duration::from_secs_f64(seconds);
            assert_eq!(duration(text), Ok(expected), "{text}");
        }
    }

    #[test]
    fn an_error_names_what_is_wrong_with_a_duration() {
        for (text, why) in [
            ("", "it is empty"),
            ("30", "a number has no unit"),
            ("30 s", "\" s\" is not a unit of time"),
            ("5 minutes", "\" minutes\" is not a unit of time"),
            ("400000000000y", "\"y\" is not a unit of time"),
            ("m", "there is no number before \"m\""),
            ("soon", "there is no number before \"soon\""),
            ("-5s", "it must be more than zero"),
            ("+", "there is no number in it"),
            ("+-5s", "there is no number before \"-5s\""),
            ("0s", "it must be more than zero"),
            ("1..2s", "there is no number before \"s\""),
            ("99999999999999999999999999999h", "it is too long"),
        ] {
            let finding = format!("cannot be used: {why}");
            assert_eq!(duration(text).unwrap_err().finding, finding, "{text}");
        }
    }

    #[test]
    fn a_deadline_in_the_longest_duration_can_be_computed() {
        let longest = duration("9999999999h").unwrap();
        assert_eq!(longest, LONGEST);
        assert!(std::time::Instant::now().checked_add(longest).is_some());
    }
}
