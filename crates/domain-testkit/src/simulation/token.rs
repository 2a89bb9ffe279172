//! The identities of values, for [`ghosts`](super::ghosts).

/// The identity of one value that a user typed, or of one deletion or restoration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Token(pub(super) u32);

impl Token {
    /// Stands for a value whose origin is not recorded.
    pub const NONE: Self = Self(0);
}
