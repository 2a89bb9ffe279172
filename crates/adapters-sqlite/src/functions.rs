//! SQL functions that statements call.

use diesel::prelude::*;
use diesel::sql_types::{Nullable, Text};

#[diesel::declare_sql_function]
extern "SQL" {
    /// Whether every word of `words`, separated by spaces, occurs in `title` or in `description`.
    ///
    /// One call tests all words, so the statement text does not depend on their number: SQLite's prepared
    /// statement is reused, and no limit on expression depth applies.
    fn contains_words(title: Text, description: Nullable<Text>, words: Text) -> Bool;
}

/// Registers the functions on a connection.
pub(crate) fn register(conn: &mut SqliteConnection) -> QueryResult<()> {
    contains_words_utils::register_impl(conn, |title: String, description: Option<String>, words: String| {
        words
            .split(' ')
            .all(|word| title.contains(word) || description.as_ref().is_some_and(|d| d.contains(word)))
    })
}
