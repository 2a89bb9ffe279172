//! How workers hear that the server stops, so that each ends between two pieces of work and not within one.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::timeout;

/// Ends every worker that holds a [`Stop`] of it when it is dropped.
pub struct Stopper(watch::Sender<()>);

/// One worker's ear.
#[derive(Clone)]
pub struct Stop(watch::Receiver<()>);

impl Stopper {
    /// Nobody is asked to stop yet.
    pub fn new() -> Self {
        Self(watch::Sender::new(()))
    }

    /// For a worker to listen.
    pub fn ear(&self) -> Stop {
        Stop(self.0.subscribe())
    }
}

impl Stop {
    /// Whether the server stops.
    pub fn requested(&self) -> bool {
        self.0.has_changed().is_err()
    }

    /// Waits for `pause`, or less where the server stops.
    pub async fn pause(&mut self, pause: Duration) {
        // Nothing is ever sent: the only change is that the other end goes.
        let _ = timeout(pause, self.0.changed()).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_pause_ends_at_once_when_the_server_stops() {
        let stopper = Stopper::new();
        let mut stop = stopper.ear();
        assert!(!stop.requested());
        let waiting = tokio::spawn(async move {
            stop.pause(Duration::from_hours(1)).await;
            stop.requested()
        });
        drop(stopper);
        assert!(waiting.await.expect("no panic"));
    }
}
