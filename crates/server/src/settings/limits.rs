//! Limits on what the server stores and for how long.

use std::ops::RangeInclusive;
use std::time::Duration;

use domain::todo::StorageLimits;

use super::layers::Layers;
use super::parse::number;
use super::setting;

/// When the server deletes expired rows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Housekeeping {
    /// How long a tombstone is kept.
    pub tombstone_age: Duration,
    /// How long a tombstone keeps its texts.
    pub tombstone_text_age: Duration,
    /// The pause between two runs.
    pub period: Duration,
}

/// Limits on one user or one request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// What a user may store.
    pub storage: StorageLimits,
    /// Live sessions of a user.
    pub sessions_per_user: u32,
    /// Todos in one sync, and changes in one bulk request.
    pub batch_todos: usize,
    /// Todos in one bulk creation.
    pub bulk_todos: usize,
    /// Bytes of a request body.
    pub body_bytes: usize,
    /// Bytes of all request bodies in flight.
    pub bodies_in_flight_bytes: usize,
    /// Bytes of all responses that are in preparation or not read yet.
    pub unread_response_bytes: usize,
    /// Todos on a page of a list.
    pub page_size: u32,
}

/// The sizes of a memory budget, in bytes. A smaller one would refuse the largest responses.
const MEMORY: RangeInclusive<usize> = 32 * 1024 * 1024..=64 * 1024 * 1024 * 1024;

impl Housekeeping {
    pub(super) fn read(layers: &Layers) -> Self {
        let days: u64 = layers.get(&setting::TOMBSTONE_AGE_DAYS, number(1..=3650));
        let text_days: u64 = layers.get(&setting::TOMBSTONE_TEXT_DAYS, number(1..=3650));
        let seconds = layers.get(&setting::HOUSEKEEPING_PERIOD_SECONDS, number(1..=86_400));
        Self {
            tombstone_age: Duration::from_hours(24 * days),
            tombstone_text_age: Duration::from_hours(24 * text_days),
            period: Duration::from_secs(seconds),
        }
    }
}

impl Limits {
    pub(super) fn read(layers: &Layers) -> Self {
        Self {
            storage: StorageLimits {
                live: layers.get(&setting::MAX_TODOS_PER_USER, number(1..=10_000_000)),
                bytes: layers.get(&setting::MAX_TEXT_BYTES_PER_USER, number(1024..=1 << 40)),
                tombstones: layers.get(&setting::MAX_TOMBSTONES_PER_USER, number(1..=10_000_000)),
                sweep: layers.get(&setting::TOMBSTONE_SWEEP, number(1..=1_000_000)),
            },
            sessions_per_user: layers.get(&setting::MAX_SESSIONS_PER_USER, number(1..=10_000)),
            batch_todos: layers.get(&setting::MAX_BATCH_TODOS, number(1..=10_000)),
            bulk_todos: layers.get(&setting::MAX_BULK_TODOS, number(1..=100_000)),
            body_bytes: layers.get(&setting::MAX_BODY_BYTES, number(1024..=64 * 1024 * 1024)),
            bodies_in_flight_bytes: layers.get(&setting::MAX_BODIES_IN_FLIGHT_BYTES, number(MEMORY)),
            unread_response_bytes: layers.get(&setting::MAX_UNREAD_RESPONSE_BYTES, number(MEMORY)),
            page_size: layers.get(&setting::MAX_PAGE_SIZE, number(1..=1000)),
        }
    }
}
