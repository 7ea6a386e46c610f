//! The signals that ask the process to end.

use std::{io, process};

use tokio::signal::unix::{self, SignalKind};

/// SIGTERM and SIGINT, from the moment on at which this was made.
pub(crate) struct Signals {
    terminate: unix::Signal,
    interrupt: unix::Signal,
}

/// One of the signals that ask the process to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    /// SIGTERM, a service manager's way.
    Terminate,
    /// SIGINT, what Ctrl-C sends.
    Interrupt,
}

impl Signals {
    /// Begins to catch the signals; without that they end the process on the spot.
    pub(crate) fn catch() -> io::Result<Self> {
        Ok(Self {
            terminate: unix::signal(SignalKind::terminate())?,
            interrupt: unix::signal(SignalKind::interrupt())?,
        })
    }

    /// Waits for the next one.
    pub(crate) async fn next(&mut self) -> Asked {
        tokio::select! {
            _ = self.terminate.recv() => Asked::Terminate,
            _ = self.interrupt.recv() => Asked::Interrupt,
        }
    }
}

impl Asked {
    /// The signal's name.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Terminate => "SIGTERM",
            Self::Interrupt => "SIGINT",
        }
    }

    /// Ends the process at once, with the status that a shell shows for that signal.
    pub(crate) fn end_at_once(self) -> ! {
        let kind = match self {
            Self::Terminate => SignalKind::terminate(),
            Self::Interrupt => SignalKind::interrupt(),
        };
        process::exit(128 + kind.as_raw_value())
    }
}
