//! When to stop: Ctrl-C and SIGTERM, once or twice.

use std::io;

use tokio_util::sync::CancellationToken;

/// What was asked for from outside.
#[derive(Clone, Default)]
pub(crate) struct Stop {
    /// Once: nothing new.
    pub(crate) soon: CancellationToken,
    /// Twice: at once.
    pub(crate) now: CancellationToken,
}

impl Stop {
    /// Listens from now on, for as long as the program runs.
    pub(crate) fn listen() -> io::Result<Self> {
        let stop = Self::default();
        let mut signals = Signals::new()?;
        let heard = stop.clone();
        tokio::spawn(async move {
            signals.next().await;
            heard.soon.cancel();
            signals.next().await;
            heard.now.cancel();
        });
        Ok(stop)
    }

    pub(crate) fn is_soon(&self) -> bool {
        self.soon.is_cancelled()
    }

    pub(crate) fn is_now(&self) -> bool {
        self.now.is_cancelled()
    }
}

#[cfg(unix)]
struct Signals {
    interrupt: tokio::signal::unix::Signal,
    terminate: tokio::signal::unix::Signal,
}

#[cfg(unix)]
impl Signals {
    fn new() -> io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        Ok(Self {
            interrupt: signal(SignalKind::interrupt())?,
            terminate: signal(SignalKind::terminate())?,
        })
    }

    async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
        }
    }
}

#[cfg(not(unix))]
struct Signals;

#[cfg(not(unix))]
impl Signals {
    fn new() -> io::Result<Self> {
        Ok(Self)
    }

    async fn next(&mut self) {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
