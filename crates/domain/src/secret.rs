//! Where ids and random secrets come from.

use uuid::Uuid;

/// Makes ids. An implementation MUST make every id unique and impossible to guess.
pub trait SecretSource: Send + Sync {
    /// A new UUIDv7 (RFC 9562 section 5.7).
    fn uuid(&self) -> Uuid;
}
