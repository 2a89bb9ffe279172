//! Parts of long reads: the first rows of a statement, until their texts reach
//! [`PART_BYTES`](domain::todo::PART_BYTES).
//!
//! The driver loads every row that a statement returns, so the statement itself has to end. It adds up the
//! lengths in the order of the rows; PostgreSQL knows the length of a long text without reading it.

/// Begins a selection of todos in the given order. The conditions, the same order and a limit follow, and then
/// [`part_end`].
macro_rules! part_of_todos {
    ($order:literal) => {
        concat!(
            "select p.* from (select t.*, sum(",
            stored_bytes!(),
            ") over (order by ",
            $order,
            " rows between unbounded preceding and 1 preceding) as bytes_before from todos t"
        )
    };
}

/// [`PART_BYTES`](domain::todo::PART_BYTES).
macro_rules! part_bytes {
    () => {
        2_097_152
    };
}

/// How many of the largest todos, of 128 KiB, the driver may load: a part, and one more.
macro_rules! largest_rows {
    () => {
        17
    };
}

/// Ends the selection. The first row past the size is selected too; it only shows that there are more.
macro_rules! part_end {
    () => {
        // The largest todo on top.
        concat!(") p where coalesce(p.bytes_before, 0) < ", part_bytes!(), " + 131072)")
    };
}

pub(crate) use {largest_rows, part_bytes, part_end, part_of_todos};

#[cfg(test)]
mod tests {
    #[test]
    fn the_statement_ends_after_a_part() {
        assert_eq!(part_bytes!(), domain::todo::PART_BYTES);
        assert_eq!((largest_rows!() - 1) * 131_072, domain::todo::PART_BYTES);
    }
}
