//! The port that checks whether the database can be reached.

use async_trait::async_trait;

use crate::error::StoreError;

/// How busy a store is at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Load {
    /// Connections that requests are using.
    pub in_use: usize,
    /// How many there can be at once.
    pub max: usize,
    /// Reads that wait for a connection, and writes that wait for their commit to begin.
    pub waiting: usize,
}

/// Checks a store for readiness and health. MUST answer within the store's own time-out.
#[async_trait]
pub trait Probe: Send + Sync {
    /// Makes the smallest query that needs the database, in one round trip. Fails as well if the store is known
    /// to accept no writes: its disk is full, it is read-only, or what writes has ended.
    async fn probe(&self) -> Result<(), StoreError>;

    /// The current load. The default is for stores in which no request waits for a connection.
    fn load(&self) -> Load {
        Load::default()
    }
}
