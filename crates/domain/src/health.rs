//! Whether what a process depends on is there.

use async_trait::async_trait;

use crate::error::StoreError;

/// Asked by readiness and health checks. MUST answer within the store's own time-out.
#[async_trait]
pub trait Probe: Send + Sync {
    /// Does the least that needs the database: one round trip.
    async fn probe(&self) -> Result<(), StoreError>;
}
