//! The reasons to exit that do not come through the connection: signals, and the death of the parent process.

use std::io;
#[cfg(unix)]
use std::time::Duration;

/// How often the parent process is checked.
#[cfg(unix)]
const PARENT_EVERY: Duration = Duration::from_millis(500);

/// Watches for signals and, unless in debug mode, for the death of the parent process.
///
/// Ctrl-C in a terminal also reaches the plugin, because it shares the process group of Terraform. Terraform then tells
/// it to stop the calls in flight and still needs it, so the plugin ignores Ctrl-C. In debug mode, Ctrl-C ends it.
///
/// On Windows, the parent is not watched, because a process cannot look it up there.
pub(super) struct ExitSignal {
    debug: bool,
    #[cfg(unix)]
    parent: u32,
    #[cfg(unix)]
    interrupt: tokio::signal::unix::Signal,
    #[cfg(unix)]
    terminate: tokio::signal::unix::Signal,
    #[cfg(unix)]
    hangup: tokio::signal::unix::Signal,
    #[cfg(windows)]
    interrupt: tokio::signal::windows::CtrlC,
}

#[cfg(unix)]
impl ExitSignal {
    /// Installs the handlers. Signals no longer kill the process from now on.
    ///
    /// # Errors
    /// Returns an error if the system refuses a handler.
    pub(super) fn install(debug: bool) -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};

        Ok(Self {
            debug,
            parent: std::os::unix::process::parent_id(),
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }

    /// Waits for a reason to exit, and returns it.
    pub(super) async fn wait(mut self) -> &'static str {
        let interrupted = async {
            loop {
                self.interrupt.recv().await;
                if self.debug {
                    break;
                }
                tracing::debug!("ignored an interrupt, which Terraform handles");
            }
        };
        let orphaned = async {
            // The parent can be a debugger that detaches.
            while self.debug || std::os::unix::process::parent_id() == self.parent {
                tokio::time::sleep(PARENT_EVERY).await;
            }
        };
        tokio::select! {
            () = interrupted => "interrupted",
            () = orphaned => "the process that started the plugin is gone",
            _ = self.terminate.recv() => "terminated",
            _ = self.hangup.recv() => "hung up",
        }
    }
}

#[cfg(windows)]
impl ExitSignal {
    /// Installs the handler. Ctrl-C no longer ends the process from now on.
    ///
    /// # Errors
    /// Returns an error if the system refuses the handler.
    pub(super) fn install(debug: bool) -> io::Result<Self> {
        let interrupt = tokio::signal::windows::ctrl_c()?;
        Ok(Self { debug, interrupt })
    }

    /// Waits for a reason to exit, and returns it.
    pub(super) async fn wait(mut self) -> &'static str {
        loop {
            self.interrupt.recv().await;
            if self.debug {
                return "interrupted";
            }
        }
    }
}
