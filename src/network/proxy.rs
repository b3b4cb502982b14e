//! The proxy variables of the environment.
//!
//! The HTTP libraries ignore a variable that they cannot parse, and connect directly. A user who sets a proxy does not want
//! that, so each client checks the variable first.

use http::Uri;
use hyper_util::client::proxy::matcher::Matcher;

/// The proxy schemes that a client without SOCKS supports.
pub(crate) const HTTP: &[&str] = &["http", "https"];
/// The proxy schemes that a client with SOCKS 5 supports.
pub(crate) const HTTP_AND_SOCKS: &[&str] = &["http", "https", "socks5", "socks5h"];

/// Returns the variable that sets the proxy for URLs with this scheme.
pub(crate) fn variable(scheme: &str) -> &'static str {
    if scheme == "http" { "HTTP_PROXY" } else { "HTTPS_PROXY" }
}

/// Returns what to do about a proxy that does not open connections for URLs with this scheme.
pub(crate) fn next_step(scheme: &str) -> String {
    format!(
        "Check the proxy in {} (or ALL_PROXY), or name the host in NO_PROXY to connect directly.",
        variable(scheme)
    )
}

/// A proxy variable that applies to a URL, but cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the environment variable {variable} cannot be used as a proxy: {problem}")]
pub(crate) struct UnusableProxy {
    /// The variable's name.
    pub(crate) variable: &'static str,
    /// What is wrong with its value. The value itself is not repeated, because it can contain a password.
    pub(crate) problem: String,
}

/// Checks the variable that applies to a URL, if one does, against the schemes that a client knows.
///
/// # Errors
/// The variable's value is not the URL of such a proxy.
pub(crate) fn check(url: &Uri, schemes: &[&str]) -> Result<(), UnusableProxy> {
    check_in(url, schemes, |name| {
        std::env::var_os(name).map(|value| value.to_string_lossy().into_owned())
    })
}

fn check_in(url: &Uri, schemes: &[&str], variable: impl Fn(&str) -> Option<String>) -> Result<(), UnusableProxy> {
    // In a CGI program, HTTP_PROXY can be a header of the request (CVE-2016-5385), so the libraries use no proxy.
    if variable("REQUEST_METHOD").is_some() {
        return Ok(());
    }
    let set = |names: [&'static str; 2]| {
        let first = names.into_iter().find_map(|name| Some((name, variable(name)?)));
        first.filter(|(_, value)| !value.is_empty())
    };
    let of_scheme = match url.scheme_str() {
        Some("http") => ["HTTP_PROXY", "http_proxy"],
        _ => ["HTTPS_PROXY", "https_proxy"],
    };
    let Some((name, value)) = set(of_scheme).or_else(|| set(["ALL_PROXY", "all_proxy"])) else {
        return Ok(());
    };
    let excepted = ["NO_PROXY", "no_proxy"].into_iter().find_map(&variable);
    let matcher = Matcher::builder()
        .all("http://proxy.invalid")
        .no(excepted.unwrap_or_default());
    if matcher.build().intercept(url).is_none() {
        return Ok(());
    }
    problem(&value, schemes).map_or(Ok(()), |problem| {
        Err(UnusableProxy {
            variable: name,
            problem,
        })
    })
}

/// Returns what is wrong with the URL of a proxy. `None` if it can be used.
pub(crate) fn problem(value: &str, schemes: &[&str]) -> Option<String> {
    if value.chars().any(char::is_whitespace) {
        return Some("its value contains a space or a line break".to_owned());
    }
    let Ok(uri) = value.parse::<Uri>() else {
        return Some("its value is not a URL such as http://proxy.example.com:3128".to_owned());
    };
    let authority = uri.authority().filter(|found| !found.host().is_empty());
    let Some(authority) = authority else {
        return Some("its value has no host, as in http://proxy.example.com:3128".to_owned());
    };
    let after_host = authority.as_str().rsplit_once(authority.host());
    if after_host.is_some_and(|(_, port)| !port.is_empty()) && authority.port_u16().is_none() {
        return Some("its port is not a number up to 65535".to_owned());
    }
    let scheme = uri.scheme_str().unwrap_or("http");
    (!schemes.contains(&scheme)).then(|| format!("the proxy scheme {scheme:?} is not supported; use {}", list(schemes)))
}

/// Returns the schemes as a list in a sentence.
fn list(schemes: &[&str]) -> String {
    match schemes {
        [] => String::new(),
        [only] => (*only).to_owned(),
        [rest @ .., last] => format!("{} or {last}", rest.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    fn checked(url: &str, variables: &[(&str, &str)]) -> Result<(), UnusableProxy> {
        let variables: HashMap<_, _> = variables.iter().copied().collect();
        let variable = |name: &str| variables.get(name).map(|value| (*value).to_owned());
        check_in(&url.parse().unwrap(), HTTP, variable)
    }

    #[test]
    fn the_error_names_the_variable_that_applies() {
        let bad = "ftp://me:s3cret@proxy";
        for (url, variables, named) in [
            ("http://a.example", &[("HTTP_PROXY", bad)][..], "HTTP_PROXY"),
            ("http://a.example", &[("http_proxy", bad)], "http_proxy"),
            ("https://a.example", &[("HTTPS_PROXY", bad)], "HTTPS_PROXY"),
            ("https://a.example", &[("ALL_PROXY", bad)], "ALL_PROXY"),
            (
                "https://a.example",
                &[("HTTPS_PROXY", ""), ("all_proxy", bad)],
                "all_proxy",
            ),
        ] {
            let error = checked(url, variables).unwrap_err();
            assert_eq!(error.variable, named, "{url} {variables:?}");
            assert!(!error.to_string().contains("s3cret"), "{error}");
        }
    }

    #[test]
    fn a_variable_that_does_not_apply_is_ignored() {
        let bad = "ftp://proxy";
        for (url, variables) in [
            ("https://a.example", &[("HTTP_PROXY", bad)][..]),
            ("http://a.example", &[("HTTPS_PROXY", bad)]),
            (
                "https://a.example",
                &[("HTTPS_PROXY", bad), ("NO_PROXY", "b.example,a.example")],
            ),
            (
                "https://a.example",
                &[("HTTPS_PROXY", "http://p:1"), ("ALL_PROXY", bad)],
            ),
            ("https://a.example", &[("HTTPS_PROXY", bad), ("NO_PROXY", "*")]),
            ("http://a.example", &[("HTTP_PROXY", bad), ("REQUEST_METHOD", "GET")]),
        ] {
            assert_eq!(checked(url, variables), Ok(()), "{url} {variables:?}");
        }
    }

    #[test]
    fn each_problem_is_described() {
        for (value, part) in [
            ("http://a b", "space"),
            ("http://proxy:3128\n", "line break"),
            ("http://", "not a URL"),
            ("http://proxy:port", "port"),
            ("http://proxy:99999", "port"),
            ("/proxy", "no host"),
            ("ftp://proxy", "scheme \"ftp\" is not supported; use http or https"),
            ("socks5://proxy:1080", "socks5"),
        ] {
            let found = problem(value, HTTP).unwrap_or_default();
            assert!(found.contains(part), "{value}: {found}");
        }
        for value in ["http://proxy:3128", "https://me:pw@proxy", "proxy:3128", "10.0.0.1:80"] {
            assert_eq!(problem(value, HTTP), None, "{value}");
        }
        assert_eq!(problem("socks5h://me:pw@proxy:1080", HTTP_AND_SOCKS), None);
    }
}
