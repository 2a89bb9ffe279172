//! What a client may ask to see of a list.

use crate::text::fold;
use crate::time::Stamp;

/// Which todos.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Filter {
    /// Whether done or not.
    #[default]
    All,
    /// Not yet done.
    Active,
    /// Done.
    Completed,
}

/// By what they are ordered; ties are by id, ascending.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum SortBy {
    /// By `created_at`.
    #[default]
    CreatedAt,
    /// By `completed_at`; those not done come last in either order.
    CompletedAt,
    /// By the folded title, code point by code point.
    Title,
}

/// In which direction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Order {
    /// Smallest or oldest first.
    Ascending,
    /// Largest or newest first.
    #[default]
    Descending,
}

/// Words that all have to occur, each in the title or the description, whatever their case. Every character stands for
/// itself.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Search(Vec<String>);

impl Search {
    /// The words of `text`, which white space separates.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let mut words: Vec<_> = fold(text).split_whitespace().map(str::to_owned).collect();
        words.sort_unstable();
        words.dedup();
        Self(words)
    }

    /// The folded words; none of them is empty.
    #[must_use]
    pub fn words(&self) -> &[String] {
        &self.0
    }
}

/// One page of a user's list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListQuery {
    /// Which todos.
    pub filter: Filter,
    /// The words they hold.
    pub search: Search,
    /// By what they are ordered.
    pub sort: SortBy,
    /// In which direction.
    pub order: Order,
    /// How many to leave out at the start.
    pub offset: u64,
    /// The most to give.
    pub limit: u32,
    /// Only those changed after this stamp.
    pub since: Option<Stamp>,
    /// Whether tombstones count.
    pub include_deleted: bool,
}

impl Default for ListQuery {
    fn default() -> Self {
        Self {
            filter: Filter::default(),
            search: Search::default(),
            sort: SortBy::default(),
            order: Order::default(),
            offset: 0,
            limit: 50,
            since: None,
            include_deleted: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        Search::parse(text).words().to_vec()
    }

    #[test]
    fn words_are_folded_and_each_stands_once() {
        assert_eq!(words("  Milk\tBREAD milk\u{3000}Öl "), ["bread", "milk", "öl"]);
    }

    #[test]
    fn white_space_alone_searches_for_nothing() {
        assert!(words("").is_empty() && words(" \n\u{a0}").is_empty());
    }

    #[test]
    fn no_character_has_a_meaning_of_its_own() {
        assert_eq!(words("50%_off c:\\dir \"a b\" -x"), ["\"a", "-x", "50%_off", "b\"", "c:\\dir"]);
    }
}
