//! When the plugin ends without being asked through the connection.

use std::io;
use std::time::Duration;

/// How often the parent is looked for. Long for a machine, short for a person.
#[cfg(unix)]
const PARENT_EVERY: Duration = Duration::from_millis(500);

/// Watches for the end: signals and, for a plugin, the death of the process that started it.
///
/// Ctrl-C at a terminal reaches a plugin too, since it shares Terraform's process group. Terraform
/// then asks it to stop what is in flight, and still needs it: a plugin stays. In debug mode Ctrl-C
/// is the way to end it.
///
/// On Windows the parent is not watched: a process there has none to ask for.
pub(super) struct End {
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
impl End {
    /// From here on signals no longer kill the process.
    ///
    /// # Errors
    /// If the system refuses a handler.
    pub(super) fn watch(debug: bool) -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};

        Ok(Self {
            debug,
            parent: std::os::unix::process::parent_id(),
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
            hangup: signal(SignalKind::hangup())?,
        })
    }

    /// Waits for the end and answers its cause.
    pub(super) async fn reached(mut self) -> &'static str {
        let interrupted = async {
            loop {
                self.interrupt.recv().await;
                if self.debug {
                    break;
                }
                tracing::debug!("left an interrupt to Terraform");
            }
        };
        let orphaned = async {
            // A debugger may well be a parent that goes away.
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
impl End {
    /// From here on Ctrl-C no longer ends the process.
    ///
    /// # Errors
    /// If the system refuses a handler.
    pub(super) fn watch(debug: bool) -> io::Result<Self> {
        let interrupt = tokio::signal::windows::ctrl_c()?;
        Ok(Self { debug, interrupt })
    }

    /// Waits for the end and answers its cause.
    pub(super) async fn reached(mut self) -> &'static str {
        loop {
            self.interrupt.recv().await;
            if self.debug {
                return "interrupted";
            }
        }
    }
}
