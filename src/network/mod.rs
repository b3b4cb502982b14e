//! What all connections have in common: the proxy that the environment names, and why TLS fails.

pub(crate) mod proxy;
pub(crate) mod tls;

use std::error::Error;
use std::io;

/// An error and its causes, with those that an [`io::Error`] wraps and does not call its source.
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
