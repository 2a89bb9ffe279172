//! Where the rows of todos are in their table.

/// The bits of the key that hold the number. More todos than that are never created.
const NUMBER_BITS: u32 = 39;

/// The key of a todo's row. Neighbouring keys are on the same page, so the key begins with 24 bits of its
/// user's id, the last ones: the first bits of a UUID tell the time. The number, which is unique across all users,
/// makes the key unique, too.
pub(crate) fn row_key(user: &[u8], number: i64) -> i64 {
    let cluster = user.iter().rev().take(3).rev().fold(0, |bits, byte| (bits << 8) | i64::from(*byte));
    (cluster << NUMBER_BITS) | (number & ((1 << NUMBER_BITS) - 1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_keys_of_a_user_are_neighbours_in_the_order_of_numbers() {
        let [ann, bob] = [[1, 2, 3, 4], [9, 255, 255, 255]];
        assert_eq!(row_key(&ann, 5), (0x02_03_04 << 39) | 5);
        assert!(row_key(&ann, 5) < row_key(&ann, 1_000_000) && row_key(&ann, 1_000_000) < row_key(&bob, 1));
        assert_eq!(row_key(&bob, (1 << 39) - 1), i64::MAX);
        assert_eq!(row_key(&[], i64::MAX), (1 << 39) - 1);
    }
}
