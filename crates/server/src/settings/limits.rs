//! How much is kept, and for how long.

use std::time::Duration;

use super::layers::Layers;
use super::{SettingsError, known, read};

/// When what is of no more use is removed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Housekeeping {
    /// How long a tombstone is kept.
    pub tombstone_age: Duration,
    /// How long from one tidying to the next.
    pub period: Duration,
}

/// What one user or one request may hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Live todos of a user.
    pub todos_per_user: u32,
    /// Live sessions of a user.
    pub sessions_per_user: u32,
    /// Todos in one bulk or sync request.
    pub batch_todos: usize,
    /// Bytes of a request body.
    pub body_bytes: usize,
    /// Todos on a page of a list.
    pub page_size: u32,
}

impl Housekeeping {
    pub fn read(layers: &Layers) -> Result<Self, SettingsError> {
        let days: u64 = read::number(layers, known::TOMBSTONE_AGE_DAYS, 1..=3650)?.unwrap_or(90);
        let seconds = read::number(layers, known::HOUSEKEEPING_PERIOD_SECONDS, 1..=86_400)?.unwrap_or(300);
        Ok(Self { tombstone_age: Duration::from_hours(24 * days), period: Duration::from_secs(seconds) })
    }
}

impl Limits {
    pub fn read(layers: &Layers) -> Result<Self, SettingsError> {
        Ok(Self {
            todos_per_user: read::number(layers, known::MAX_TODOS_PER_USER, 1..=10_000_000)?
                .unwrap_or(10_000),
            sessions_per_user: read::number(layers, known::MAX_SESSIONS_PER_USER, 1..=10_000)?.unwrap_or(20),
            batch_todos: read::number(layers, known::MAX_BATCH_TODOS, 1..=10_000)?.unwrap_or(1000),
            body_bytes: read::number(layers, known::MAX_BODY_BYTES, 1024..=64 * 1024 * 1024)?
                .unwrap_or(2 * 1024 * 1024),
            page_size: read::number(layers, known::MAX_PAGE_SIZE, 1..=1000)?.unwrap_or(100),
        })
    }
}
