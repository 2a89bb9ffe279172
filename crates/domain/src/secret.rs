//! The port to the source of ids.

use uuid::Uuid;

/// Makes ids. Every id MUST be unique and impossible to guess.
pub trait SecretSource: Send + Sync {
    /// A new UUIDv7 (RFC 9562 section 5.7).
    fn uuid(&self) -> Uuid;
}
