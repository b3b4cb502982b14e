//! What all connections share: the log of calls, the proxy variables of the environment, and the causes of TLS failures.

pub(crate) mod call_log;
pub(crate) mod proxy;
pub(crate) mod tls;

use std::error::Error;
use std::io;

/// Returns an error and its causes, including an error that an [`io::Error`] wraps without naming it as its source.
pub(crate) fn causes<'a>(error: &'a (dyn Error + 'static)) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    let next = |error: &&'a (dyn Error + 'static)| -> Option<&'a (dyn Error + 'static)> {
        let error: &'a (dyn Error + 'static) = *error;
        match error.downcast_ref::<io::Error>() {
            Some(wrapper) => wrapper.get_ref().map(|inner| inner as _),
            None => error.source(),
        }
    };
    std::iter::successors(Some(error), next)
}

/// Returns an error and its causes in one line, each of them once. A cause that only wraps another one is left out.
pub(crate) fn chain(error: &(dyn Error + 'static)) -> String {
    let texts: Vec<String> = causes(error).map(|cause| cause.to_string()).collect();
    let last = texts.len() - 1;
    let texts = texts.into_iter().enumerate();
    let kept = texts.filter(|(index, text)| *index == last || !WRAPPERS.contains(&text.as_str()));
    kept.fold(String::new(), |chain, (_, text)| {
        let text = plain(text);
        match chain.as_str() {
            "" => text,
            _ if chain.contains(&text) => chain,
            _ => format!("{chain}: {text}"),
        }
    })
}

/// The texts of errors that say nothing without their causes: those of `SdkError` and `ConnectorError` in aws-smithy-runtime-api, of
/// the client in hyper-util, and of kube.
const WRAPPERS: &[&str] = &[
    "dispatch failure",
    "io error",
    "client error (Connect)",
    "client error (SendRequest)",
    "tcp connect error",
    "ServiceError: client error (Connect)",
    "ServiceError: client error (SendRequest)",
];

/// Returns the text of an error in the words of the other messages. The texts are those of the connectors in hyper-util.
fn plain(text: String) -> String {
    match text.strip_prefix(TUNNEL_ERROR) {
        Some(": failed to create underlying connection" | ": unsuccessful" | "") => NO_TUNNEL.to_owned(),
        Some(why) => format!("{NO_TUNNEL}{why}"),
        None if text == "dns error" => "the host name could not be resolved".to_owned(),
        None => text,
    }
}

/// What the error of a proxy that opens no connection begins with.
const TUNNEL_ERROR: &str = "tunnel error";
const NO_TUNNEL: &str = "the proxy did not open a connection";

/// Returns whether a cause is a proxy that did not open a connection. hyper-util has no public type for it.
pub(crate) fn is_tunnel(cause: &(dyn Error + 'static)) -> bool {
    cause.to_string().starts_with(TUNNEL_ERROR)
}

/// Returns whether a `Content-Encoding` names an encoding.
pub(crate) fn is_encoded(encoding: &str) -> bool {
    let mut encodings = encoding.split(',').map(str::trim);
    encodings.any(|encoding| !encoding.is_empty() && !encoding.eq_ignore_ascii_case("identity"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An error with a cause.
    #[derive(Debug, thiserror::Error)]
    #[error("{0}")]
    struct Wrapped(&'static str, #[source] Option<Box<Wrapped>>);

    #[test]
    fn a_chain_has_no_wrapper_without_content() {
        for (texts, expected) in [
            (
                &[
                    "dispatch failure",
                    "io error",
                    "client error (Connect)",
                    "tunnel error: failed to create underlying connection",
                    "tcp connect error",
                    "Connection refused (os error 111)",
                ][..],
                "the proxy did not open a connection: Connection refused (os error 111)",
            ),
            (
                &["io error", "client error (Connect)", "tunnel error: unsuccessful"],
                "the proxy did not open a connection",
            ),
            (
                &["client error (Connect)", "tunnel error: proxy authorization required"],
                "the proxy did not open a connection: proxy authorization required",
            ),
            (
                &[
                    "client error (Connect)",
                    "dns error",
                    "failed to lookup address information: Name or service not known",
                ],
                "the host name could not be resolved: failed to lookup address information: Name or service not known",
            ),
            (&["a: b", "b", "c"], "a: b: c"),
            (&["dispatch failure"], "dispatch failure"),
        ] {
            let wrap = |inner, text: &&'static str| Some(Box::new(Wrapped(text, inner)));
            let error = texts.iter().rev().fold(None, wrap).unwrap();
            assert_eq!(chain(&*error), expected);
            let is_of_proxy = causes(&*error).any(is_tunnel);
            assert_eq!(is_of_proxy, expected.contains("proxy"), "{expected}");
        }
    }
}
