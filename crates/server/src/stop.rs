//! Asks background workers to stop, so that each ends between two units of work.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::timeout;

/// Dropping the handle asks every subscribed worker to stop.
pub struct ShutdownHandle(watch::Sender<()>);

/// A worker's subscription.
#[derive(Clone)]
pub struct Stop(watch::Receiver<()>);

impl ShutdownHandle {
    /// Creates a handle without subscribers.
    pub fn new() -> Self {
        Self(watch::Sender::new(()))
    }

    /// Creates a subscription for a worker.
    pub fn subscribe(&self) -> Stop {
        Stop(self.0.subscribe())
    }
}

impl Stop {
    /// Whether the worker has to stop.
    pub fn is_requested(&self) -> bool {
        self.0.has_changed().is_err()
    }

    /// Sleeps for `duration`, or until the worker has to stop.
    pub async fn sleep(&mut self, duration: Duration) {
        // No value is ever sent; the receiver is notified only when the sender is dropped.
        let _ = timeout(duration, self.0.changed()).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_sleep_ends_when_a_stop_is_requested() {
        let shutdown = ShutdownHandle::new();
        let mut stop = shutdown.subscribe();
        assert!(!stop.is_requested());
        let sleeping = tokio::spawn(async move {
            stop.sleep(Duration::from_hours(1)).await;
            stop.is_requested()
        });
        drop(shutdown);
        assert!(sleeping.await.expect("no panic"));
    }
}
