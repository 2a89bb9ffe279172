//! The digest as a client computes it, written anew from its description rather than taken from the
//! server's code.

use super::values::Row;

/// The digest of the live todos among `rows`.
pub fn digest<'a>(rows: impl IntoIterator<Item = &'a Row>) -> u64 {
    rows.into_iter().filter(|row| !row.is_tombstone()).map(of_todo).fold(0, u64::wrapping_add)
}

fn of_todo(row: &Row) -> u64 {
    let (high, low) = row.id.0.as_u64_pair();
    let words = [high, low, row.version.cast_unsigned(), row.updated_at.as_micros().cast_unsigned()];
    words.into_iter().fold(0, |hash, word| mix(hash ^ word))
}

/// The finalizer of `SplitMix64`.
const fn mix(word: u64) -> u64 {
    let z = word.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}
