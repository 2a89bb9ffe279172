//! Queries on a user's list: filter, search, order, page.

use super::entity::Todo;
use crate::ids::TodoId;
use crate::text::fold;
use crate::time::Stamp;

/// Selects todos by whether they are completed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Filter {
    #[default]
    All,
    Active,
    Completed,
}

/// The sort key. Ties are broken by id, ascending.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum SortBy {
    #[default]
    CreatedAt,
    /// Active todos come last in either direction.
    CompletedAt,
    /// [`sort_key`](crate::text::sort_key) of the title. A tombstone without a title comes first, ascending.
    Title,
}

/// The direction of the sort.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Order {
    Ascending,
    #[default]
    Descending,
}

/// Words, each of which must occur in the title or the description. Case does not matter. No
/// character is a wildcard.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Search(Vec<String>);

impl Search {
    /// Splits `text` into words at white space.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let mut words: Vec<_> = fold(text).split_whitespace().map(str::to_owned).collect();
        words.sort_unstable();
        words.dedup();
        Self(words)
    }

    /// The folded words, in ascending order, each once. None is empty.
    #[must_use]
    pub fn words(&self) -> &[String] {
        &self.0
    }
}

/// The place of a todo in the list of the newest todos, which a change of the todo does not move.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ListKey {
    pub created_at: Stamp,
    pub id: TodoId,
}

impl From<&Todo> for ListKey {
    fn from(todo: &Todo) -> Self {
        Self { created_at: todo.created_at(), id: todo.id() }
    }
}

/// One page of a user's list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListQuery {
    pub filter: Filter,
    pub search: Search,
    pub sort: SortBy,
    pub order: Order,
    /// The number of todos to skip.
    pub offset: u64,
    /// The maximum number of todos on the page.
    pub limit: u32,
    /// Selects only todos that changed after this stamp.
    pub since: Option<Stamp>,
    pub include_deleted: bool,
}

impl ListQuery {
    /// The largest page that counts as cheap.
    pub const LARGEST_CHEAP_PAGE: u32 = 100;
    /// The largest number of skipped todos that counts as cheap.
    const LARGEST_CHEAP_OFFSET: u64 = 1000;

    /// Whether the page may require a store to read all of the user's todos: every list except the first
    /// pages of the newest live todos.
    #[must_use]
    pub fn is_costly(&self) -> bool {
        let is_newest = self.sort == SortBy::CreatedAt && self.order == Order::Descending;
        let is_whole_list = self.filter == Filter::All
            && self.search.words().is_empty()
            && self.since.is_none()
            && !self.include_deleted;
        !is_newest
            || !is_whole_list
            || self.offset > Self::LARGEST_CHEAP_OFFSET
            || self.limit > Self::LARGEST_CHEAP_PAGE
    }
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
    fn words_are_folded_and_deduplicated() {
        assert_eq!(words("  Milk\tBREAD milk\u{3000}Öl "), ["bread", "milk", "öl"]);
    }

    #[test]
    fn white_space_alone_searches_for_nothing() {
        assert!(words("").is_empty() && words(" \n\u{a0}").is_empty());
    }

    #[test]
    fn no_character_is_a_wildcard_or_an_operator() {
        assert_eq!(words("50%_off c:\\dir \"a b\" -x"), ["\"a", "-x", "50%_off", "b\"", "c:\\dir"]);
    }
}
