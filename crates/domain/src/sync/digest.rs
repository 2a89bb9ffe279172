//! The digest of a user's list: one number that shows whether a device and the server hold the same
//! todos.

use std::fmt;

use crate::ids::TodoId;
use crate::time::Stamp;

/// A sum, modulo 2^64, over the live todos of a user. Each todo adds a hash of its id, version and
/// stamp, so writing a todo moves the sum without reading the others. An empty list has the digest
/// 0.
///
/// Two lists with the same digest are equal, except by accident: the hash does not resist a
/// client that looks for collisions in its own list, and does not need to.
///
/// ```
/// use domain::sync::Digest;
///
/// let hash = Digest::of("0198a7c5-6a10-7cc3-a5b2-0d5f7e6c1b2a".parse()?, 3, "2026-01-09T10:15:00Z".parse()?);
/// assert_eq!(hash.to_string(), "0cb768816dcee777");
/// assert_eq!((Digest::EMPTY + hash).to_string(), "0cb768816dcee777");
/// assert_eq!((hash - hash).to_string(), "0000000000000000");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Digest(u64);

impl Digest {
    /// The digest of a list without live todos.
    pub const EMPTY: Self = Self(0);

    /// The digest of a list with this live todo alone: the hash of its id, version and stamp.
    #[must_use]
    pub fn of(id: TodoId, version: i64, updated_at: Stamp) -> Self {
        let (high, low) = id.0.as_u64_pair();
        let words = [high, low, version.cast_unsigned(), updated_at.as_micros().cast_unsigned()];
        Self(words.into_iter().fold(0, |hash, word| mix(hash ^ word)))
    }

    /// The digest as a signed 64-bit column holds it.
    #[must_use]
    pub const fn to_i64(self) -> i64 {
        self.0.cast_signed()
    }

    /// The digest that [`Digest::to_i64`] stored.
    #[must_use]
    pub const fn from_i64(stored: i64) -> Self {
        Self(stored.cast_unsigned())
    }
}

/// The digest of two lists without a common todo, taken together.
impl std::ops::Add for Digest {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self(self.0.wrapping_add(other.0))
    }
}

/// The digest of a list without the todos of another one, all of which it contains.
impl std::ops::Sub for Digest {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self(self.0.wrapping_sub(other.0))
    }
}

impl std::iter::Sum for Digest {
    fn sum<I: Iterator<Item = Self>>(hashes: I) -> Self {
        hashes.fold(Self::EMPTY, std::ops::Add::add)
    }
}

/// Sixteen lower-case hexadecimal digits.
impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// One step of the generator `SplitMix64` (Steele, Lea and Flood, 2014).
const fn mix(word: u64) -> u64 {
    let word = word.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    word ^ (word >> 31)
}
