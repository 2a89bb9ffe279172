//! Whether what a process depends on is there.

use async_trait::async_trait;

use crate::error::StoreError;

/// How busy a store is at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Load {
    /// Connections at work for requests.
    pub in_use: usize,
    /// Requests that wait for one.
    pub waiting: usize,
}

/// Asked by readiness and health checks. MUST answer within the store's own time-out.
#[async_trait]
pub trait Probe: Send + Sync {
    /// Does the least that needs the database: one round trip.
    async fn probe(&self) -> Result<(), StoreError>;

    /// How busy the store is, asked for each time that figures are read. A store that makes nobody wait is idle.
    fn load(&self) -> Load {
        Load::default()
    }
}
