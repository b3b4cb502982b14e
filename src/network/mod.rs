//! What all connections share: the log of calls, the proxy variables of the environment, and the causes of TLS failures.

pub(crate) mod call_log;
pub(crate) mod proxy;
pub(crate) mod tls;

use std::error::Error;
use std::io;

/// Returns an error and its causes, including an error that an [`io::Error`] wraps without naming it as its source.
pub(crate) fn causes<'a>(
    error: &'a (dyn Error + 'static),
) -> impl Iterator<Item = &'a (dyn Error + 'static)> {
    let next = |error: &&'a (dyn Error + 'static)| -> Option<&'a (dyn Error + 'static)> {
        let error: &'a (dyn Error + 'static) = *error;
        match error.downcast_ref::<io::Error>() {
            Some(wrapper) => wrapper.get_ref().map(|inner| inner as _),
            None => error.source(),
        }
    };
    std::iter::successors(Some(error), next)
}

/// Returns an error and its causes in one line, each of them once.
pub(crate) fn chain(error: &(dyn Error + 'static)) -> String {
    causes(error).fold(String::new(), |text, cause| {
        let cause = cause.to_string();
        match text.as_str() {
            "" => cause,
            _ if text.contains(&cause) => text,
            _ => format!("{text}: {cause}"),
        }
    })
}

/// Returns whether a `Content-Encoding` names an encoding.
pub(crate) fn is_encoded(encoding: &str) -> bool {
    let mut encodings = encoding.split(',').map(str::trim);
    encodings.any(|encoding| !encoding.is_empty() && !encoding.eq_ignore_ascii_case("identity"))
}
