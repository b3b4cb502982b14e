//! The signals that end a subcommand.

use std::fmt;
use std::io;

#[cfg(unix)]
use std::{future::poll_fn, task::Poll};
#[cfg(unix)]
use tokio::signal::unix::{SignalKind, signal};

/// What ends a subcommand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Signal {
    /// Ctrl-C.
    Interrupt,
    /// SIGTERM, which a CI system sends when a job is canceled or its time is over.
    Terminate,
}

impl fmt::Display for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Interrupt => "Ctrl-C",
            Self::Terminate => "SIGTERM",
        })
    }
}

/// The signals. Once this exists, none of them ends the process by itself.
pub(super) struct Signals {
    #[cfg(unix)]
    signals: Vec<(Signal, tokio::signal::unix::Signal)>,
}

impl Signals {
    /// Returns the signals from now on: Ctrl-C and SIGTERM.
    ///
    /// # Errors
    /// If the system refuses to deliver them.
    pub(super) fn new() -> io::Result<Self> {
        Ok(Self {
            #[cfg(unix)]
            signals: vec![
                (Signal::Interrupt, signal(SignalKind::interrupt())?),
                (Signal::Terminate, signal(SignalKind::terminate())?),
            ],
        })
    }

    /// Adds SIGHUP, the end of the terminal. A process that `nohup` starts ignores it otherwise.
    ///
    /// # Errors
    /// If the system refuses to deliver it.
    #[cfg(unix)]
    pub(super) fn and_hangup(mut self) -> io::Result<Self> {
        let hangup = signal(SignalKind::hangup())?;
        self.signals.push((Signal::Terminate, hangup));
        Ok(self)
    }

    /// Returns the same signals: there is no SIGHUP.
    ///
    /// # Errors
    /// Never.
    #[cfg(not(unix))]
    pub(super) fn and_hangup(self) -> io::Result<Self> {
        Ok(self)
    }

    /// Waits for the next signal.
    #[cfg(unix)]
    pub(super) async fn next(&mut self) -> Signal {
        poll_fn(|context| {
            let received = self.signals.iter_mut().find_map(|(signal, received)| {
                let is_received = received.poll_recv(context).is_ready();
                is_received.then_some(*signal)
            });
            received.map_or(Poll::Pending, Poll::Ready)
        })
        .await
    }

    /// Waits for the next Ctrl-C.
    #[cfg(not(unix))]
    pub(super) async fn next(&mut self) -> Signal {
        // If Ctrl-C cannot be observed, it ends the process, and the deadline of a Job ends the Job.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
        Signal::Interrupt
    }
}
