//! Stopping: one signal that every task can wait for.

use tokio::sync::watch;

/// Says stop.
#[derive(Debug)]
pub struct Stopper(watch::Sender<bool>);

/// Hears stop.
#[derive(Debug, Clone)]
pub struct Stop(watch::Receiver<bool>);

/// A stopper with its first listener.
#[must_use]
pub fn pair() -> (Stopper, Stop) {
    let (sender, receiver) = watch::channel(false);
    (Stopper(sender), Stop(receiver))
}

impl Stopper {
    /// Says stop, once and for all.
    pub fn stop(&self) {
        self.0.send_replace(true);
    }

    /// Another listener.
    #[must_use]
    pub fn listen(&self) -> Stop {
        Stop(self.0.subscribe())
    }
}

impl Stop {
    /// Whether stop was said.
    #[must_use]
    pub fn is_stopped(&self) -> bool {
        *self.0.borrow()
    }

    /// Waits until stop is said (or nobody is left to say it).
    pub async fn wait(&mut self) {
        // An error means that the stopper is gone: that is a stop too.
        let _ = self.0.wait_for(|stopped| *stopped).await;
    }
}

/// Waits for the operating system to ask the process to stop (SIGTERM, SIGINT).
///
/// # Errors
/// When no handler can be installed.
pub async fn asked_by_system() -> std::io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    Ok(())
}
