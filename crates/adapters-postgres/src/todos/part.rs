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

/// Ends the selection. The first row past the size is selected too; it only shows that there are more.
macro_rules! part_end {
    () => {
        // `PART_BYTES`, and the largest todo on top.
        ") p where coalesce(p.bytes_before, 0) < 2097152 + 131072)"
    };
}

pub(crate) use {part_end, part_of_todos};

#[cfg(test)]
mod tests {
    #[test]
    fn the_statement_ends_after_a_part() {
        assert!(part_end!().contains(&domain::todo::PART_BYTES.to_string()));
    }
}
