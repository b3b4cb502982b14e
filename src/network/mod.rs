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
