//! Panics: a call that panics returns a diagnostic, and a panic elsewhere is reported to Terraform as a crash.
//!
//! Terraform tells its user that a plugin crashed, and shows the text, where a line on stderr begins
//! with `panic: `. That is right for a panic that nobody answers: one while starting, or in a task
//! of the background. A panic within a call is answered as an error diagnostic and the process lives
//! on; a crash report beside it would be a second story, and a wrong one. It goes to the log.

use std::any::Any;
use std::backtrace::{Backtrace, BacktraceStatus};
use std::cell::RefCell;
use std::fmt;
use std::io::Write;
use std::panic::{AssertUnwindSafe, Location};
use std::thread;

use futures_util::FutureExt;

use crate::secrets::redact;

tokio::task_local! {
    /// Set while a call runs whose panic will be answered; the hook leaves the panic here.
    static ANSWERED: RefCell<Option<Panicked>>;
}

/// A panic: its message, and where it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Panicked(String);

impl Panicked {
    fn new(message: &str, location: Option<&Location<'_>>) -> Self {
        let message = redact(message);
        Self(match location {
            Some(location) => format!("{message} ({location})"),
            None => message.into_owned(),
        })
    }
}

impl fmt::Display for Panicked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Runs a call. A panic in it, but not in tasks that it spawns, is the error, for the caller to
/// answer.
///
/// # Errors
/// If the call panics.
pub async fn catch<T>(call: impl Future<Output = T>) -> Result<T, Panicked> {
    ANSWERED
        .scope(RefCell::default(), async {
            AssertUnwindSafe(call)
                .catch_unwind()
                .await
                .map_err(|payload| {
                    let seen = ANSWERED.with(RefCell::take);
                    // Without the hook what is known is the message.
                    seen.unwrap_or_else(|| Panicked::new(message(&*payload), None))
                })
        })
        .await
}

/// From here on a panic is written as Terraform reads it, unless [`catch`] has it answered.
pub(super) fn install_hook() {
    std::panic::set_hook(Box::new(|info| {
        let panicked = Panicked::new(message(info.payload()), info.location());
        // Only where the person who looks for the cause asked for it (RUST_BACKTRACE).
        let backtrace = Backtrace::capture();
        let backtrace = match backtrace.status() {
            BacktraceStatus::Captured => format!("\n{backtrace}"),
            _ => String::new(),
        };
        let answered = ANSWERED.try_with(|answered| answered.replace(Some(panicked.clone())));
        if answered.is_ok() {
            tracing::error!(%backtrace, "a call panicked: {panicked}");
        } else {
            let thread = thread::current();
            let thread = thread.name().unwrap_or("without a name");
            let report = format!("panic: {panicked}\n\nthread {thread}{backtrace}\n");
            // With stderr closed there is nobody left to tell.
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
    use std::process::Command;

    use super::*;

    #[tokio::test]
    async fn a_panic_in_a_call_is_its_error() {
        assert_eq!(catch(async { 1 }).await, Ok(1));

        let call = async {
            tokio::task::yield_now().await;
            panic!("no {}", "eyJhbGciOiJSUzI1NiJ9.e30.c2ln");
        };
        let panicked = catch(call).await.map(|()| 0).unwrap_err();
        assert!(
            panicked.to_string().starts_with("no (redacted)"),
            "{panicked}"
        );
    }

    /// Runs the test `name` in a process of its own, as the hook is one for a whole process.
    fn stderr_of(name: &str) -> String {
        let output = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", &format!("plugin::panic::tests::{name}")])
            .args(["--ignored", "--nocapture"])
            .env("TF_LOG", "ERROR")
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stderr).unwrap()
    }

    #[tokio::test]
    #[ignore = "run by answered_panics_are_logged_and_are_no_crash"]
    async fn panic_in_a_call() {
        install_hook();
        crate::plugin::log::install();
        let panicked = catch(async { panic!("in a call") }).await;
        let panicked = panicked.map(|()| 0).unwrap_err().to_string();
        assert!(
            panicked.starts_with("in a call (src/plugin/panic.rs:"),
            "{panicked}"
        );
    }

    #[test]
    fn answered_panics_are_logged_and_are_no_crash() {
        let stderr = stderr_of("panic_in_a_call");
        assert!(stderr.contains("a call panicked: in a call"), "{stderr}");
        assert!(!stderr.contains("panic: "), "{stderr}");
    }

    #[test]
    #[ignore = "run by other_panics_are_a_crash"]
    #[should_panic = "elsewhere"]
    fn panic_elsewhere() {
        install_hook();
        panic!("elsewhere");
    }

    #[test]
    fn other_panics_are_a_crash() {
        let stderr = stderr_of("panic_elsewhere");
        assert!(
            stderr.starts_with("panic: elsewhere (src/plugin/panic.rs:"),
            "{stderr}"
        );
    }
}
