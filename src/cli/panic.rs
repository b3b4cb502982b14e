//! Panics of the command. Every panic is a bug in the command, and never the user's fault.

use std::any::Any;
use std::fmt;
use std::panic::{self, AssertUnwindSafe};
use std::sync::{Mutex, PoisonError};

use crate::repository::ISSUES;
use crate::secrets::redacted;

/// The message of the last panic, and its place in the source.
static LAST: Mutex<Option<String>> = Mutex::new(None);

/// A defect, whose text is for the user.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Defect(String);

impl fmt::Display for Defect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Bug in eks-runner: {}\n\nYour input did not cause it. Report it at {} with the text \
             above and the command that you ran.",
            self.0, ISSUES,
        )
    }
}

/// Installs a hook that keeps each panic for [`catch`]. It replaces Rust's own report, which can contain a secret.
pub(super) fn install_hook() {
    panic::set_hook(Box::new(|info| {
        let place = info.location().map_or_else(String::new, |at| format!(" ({at})"));
        let text = redacted(format!("{}{place}", message(info.payload())));
        *LAST.lock().unwrap_or_else(PoisonError::into_inner) = Some(text);
    }));
}

/// Calls a function.
///
/// # Errors
/// The defect, if the function panics.
pub(super) fn catch<T>(run: impl FnOnce() -> T) -> Result<T, Defect> {
    panic::catch_unwind(AssertUnwindSafe(run)).map_err(|payload| {
        let last = LAST.lock().unwrap_or_else(PoisonError::into_inner).take();
        Defect(last.unwrap_or_else(|| redacted(message(&*payload))))
    })
}

fn message(payload: &(dyn Any + Send)) -> &str {
    let text = payload.downcast_ref::<&str>().copied();
    text.or_else(|| payload.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("a panic without a message")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_is_reported_without_its_secrets() {
        assert_eq!(catch(|| 1), Ok(1));
        let panics = || -> u8 { panic!("no {}", "eyJhbGciOiJSUzI1NiJ9.e30.c2ln") };
        let defect = catch(panics).unwrap_err();
        let text = defect.to_string();
        assert!(text.starts_with("Bug in eks-runner: "), "{text}");
        assert!(
            text.contains(&format!("Report it at {ISSUES} with")) && !text.contains("eyJ"),
            "{text}"
        );
    }
}
