//! Panics: a call that panics returns a diagnostic, and a panic elsewhere is reported to Terraform as a crash.
//!
//! If a line on stderr begins with `panic: `, Terraform reports to the user that the plugin crashed and shows the text. That
//! is right for a panic outside of calls: during the start, or in a background task. A panic in a call becomes an error
//! diagnostic and the process lives on, so a crash report beside it would be wrong: such a panic goes to the log.

use std::any::Any;
use std::backtrace::{Backtrace, BacktraceStatus};
use std::cell::RefCell;
use std::fmt;
use std::io::Write;
use std::panic::{AssertUnwindSafe, Location};
use std::thread;

use futures_util::FutureExt;

use crate::redaction::Redact;

tokio::task_local! {
    /// Set while a call runs whose panic is caught. The hook leaves the panic here.
    static CAUGHT: RefCell<Option<Panicked>>;
}

/// A panic: its message and its place in the source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Panicked(String);

impl Panicked {
    fn new(message: &str, location: Option<&Location<'_>>) -> Self {
        Self(match location {
            Some(location) => format!("{message} ({location})"),
            None => message.to_owned(),
        })
    }
}

impl fmt::Display for Panicked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Runs a call.
///
/// # Errors
/// Returns the panic if the call panics. Panics in tasks that it spawns are not caught. The text is not redacted: it
/// becomes a diagnostic, and every diagnostic is.
pub(crate) async fn catch<T>(call: impl Future<Output = T>) -> Result<T, Panicked> {
    CAUGHT
        .scope(RefCell::default(), async {
            AssertUnwindSafe(call).catch_unwind().await.map_err(|payload| {
                let seen = CAUGHT.with(RefCell::take);
                // Without the hook, only the message is known.
                seen.unwrap_or_else(|| Panicked::new(message(&*payload), None))
            })
        })
        .await
}

/// Writes panics in the form that Terraform reads from now on, unless [`catch`] catches them.
pub(crate) fn install_hook(redact: Redact) {
    std::panic::set_hook(Box::new(move |info| {
        let panicked = Panicked::new(message(info.payload()), info.location());
        // Empty unless the user has set RUST_BACKTRACE.
        let backtrace = Backtrace::capture();
        let backtrace = match backtrace.status() {
            BacktraceStatus::Captured => format!("\n{backtrace}"),
            _ => String::new(),
        };
        let caught = CAUGHT.try_with(|caught| caught.replace(Some(panicked.clone())));
        if caught.is_ok() {
            tracing::error!(%backtrace, "a call panicked: {panicked}");
        } else {
            let thread = thread::current();
            let thread = thread.name().unwrap_or("without a name");
            let panicked = panicked.to_string();
            let panicked = redact(&panicked);
            let report = format!("panic: {panicked}\n\nthread {thread}{backtrace}\n");
            // If stderr is closed, nothing can read the report.
            let _ = std::io::stderr().lock().write_all(report.as_bytes());
        }
    }));
}

fn message(payload: &(dyn Any + Send)) -> &str {
    let text = payload.downcast_ref::<&str>().copied();
    text.or_else(|| payload.downcast_ref::<String>().map(String::as_str))
        .unwrap_or("a panic without a message")
}

#[cfg(test)]
mod tests {
    use std::borrow::Cow;
    use std::process::Command;

    use super::*;

    fn redact(text: &str) -> Cow<'_, str> {
        Cow::Owned(text.replace("s3cr3t", "(redacted)"))
    }

    #[tokio::test]
    async fn a_panic_in_a_call_is_its_error() {
        assert_eq!(catch(async { 1 }).await, Ok(1));

        let call = async {
            tokio::task::yield_now().await;
            panic!("no {}", "way");
        };
        let panicked = catch(call).await.map(|()| 0).unwrap_err();
        assert!(panicked.to_string().starts_with("no way"), "{panicked}");
    }

    /// Runs the test `name` in a process of its own, because the hook belongs to a whole process.
    fn stderr_of(name: &str) -> String {
        let output = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", &format!("panic::tests::{name}")])
            .args(["--ignored", "--nocapture"])
            .env("TF_LOG", "ERROR")
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stderr).unwrap()
    }

    #[tokio::test]
    #[ignore = "run by caught_panics_are_logged_and_are_not_a_crash"]
    async fn panic_in_a_call() {
        install_hook(redact);
        crate::log::install("", redact);
        let panicked = catch(async { panic!("in a call: s3cr3t") }).await;
        let panicked = panicked.map(|()| 0).unwrap_err().to_string();
        assert!(panicked.contains("panic.rs:"), "{panicked}");
    }

    #[test]
    fn caught_panics_are_logged_and_are_not_a_crash() {
        let stderr = stderr_of("panic_in_a_call");
        assert!(stderr.contains("a call panicked: in a call: (redacted)"), "{stderr}");
        assert!(!stderr.contains("panic: "), "{stderr}");
    }

    #[test]
    #[ignore = "run by other_panics_are_reported_as_a_crash"]
    #[should_panic = "elsewhere"]
    fn panic_elsewhere() {
        install_hook(redact);
        panic!("elsewhere: s3cr3t");
    }

    #[test]
    fn other_panics_are_reported_as_a_crash() {
        let stderr = stderr_of("panic_elsewhere");
        assert!(stderr.starts_with("panic: elsewhere: (redacted) ("), "{stderr}");
        assert!(stderr.lines().next().unwrap().contains("panic.rs:"), "{stderr}");
    }
}
