//! A frame, and the memory that was reserved for it.

use std::sync::Arc;

use actix_web::web::Bytes;

use crate::memory_budget::Reservation;

/// A frame of a socket. Clones share its bytes, and its memory counts until the last one is dropped.
#[derive(Clone, Debug)]
pub struct Frame {
    bytes: Bytes,
    _memory: Option<Arc<Reservation>>,
}

impl Frame {
    /// A frame whose bytes are a part of `memory`.
    pub const fn counted(bytes: Bytes, memory: Arc<Reservation>) -> Self {
        Self { bytes, _memory: Some(memory) }
    }

    /// The bytes as the client receives them.
    pub const fn bytes(&self) -> &Bytes {
        &self.bytes
    }
}

/// A frame that is too small to count: one without a todo.
impl From<Bytes> for Frame {
    fn from(bytes: Bytes) -> Self {
        Self { bytes, _memory: None }
    }
}
