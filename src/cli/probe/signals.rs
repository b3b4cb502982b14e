//! The signals that end a probe.

use std::io;

#[cfg(unix)]
use tokio::signal::unix::{Signal, SignalKind, signal};

/// The signals. As long as this exists, none of them ends the process by itself.
pub(super) struct Signals {
    #[cfg(unix)]
    signals: [Signal; 3],
}

impl Signals {
    /// Returns the signals from now on.
    ///
    /// # Errors
    /// If the system refuses to deliver them.
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self {
            #[cfg(unix)]
            signals: [
                signal(SignalKind::interrupt())?,
                signal(SignalKind::terminate())?,
                signal(SignalKind::hangup())?,
            ],
        })
    }

    /// Waits for the next signal: Ctrl-C, SIGTERM, or the end of the terminal.
    #[cfg(unix)]
    pub(super) async fn next(&mut self) {
        let [interrupt, terminate, hangup] = &mut self.signals;
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = hangup.recv() => {}
        }
    }

    /// Waits for the next Ctrl-C.
    #[cfg(not(unix))]
    pub(super) async fn next(&mut self) {
        // If Ctrl-C cannot be observed, it ends the process, and the Job's deadline ends the Job.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
