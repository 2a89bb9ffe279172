//! SQL functions that statements call.

use std::cell::RefCell;
use std::collections::HashSet;

use aho_corasick::{AhoCorasick, AhoCorasickKind};
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Binary, Nullable, Text};
use domain::text::{fold, sort_key};

use crate::interrupt;
use crate::row_key::row_key;

#[diesel::declare_sql_function]
extern "SQL" {
    /// Whether every word of `words`, folded and separated by spaces, occurs in `title` or in `description`,
    /// whose letters may be of either case.
    ///
    /// One call tests all words, so the statement text does not depend on their number: SQLite's prepared
    /// statement is reused, and no limit on expression depth applies.
    fn contains_words(title: Nullable<Text>, description: Nullable<Text>, words: Text) -> Bool;

    /// The key by which `title` is sorted. Computed as it is needed, it is always of the program's version of the
    /// collation.
    fn title_key(title: Nullable<Text>) -> Nullable<Binary>;

    /// The form of a text that searches compare.
    fn folded(text: Nullable<Text>) -> Nullable<Text>;

    /// The key of the row of this user's todo with this number.
    fn todo_key(user_id: Binary, number: BigInt) -> BigInt;

    /// The greater of two numbers. SQLite has this function.
    #[sql_name = "max"]
    fn greater(a: BigInt, b: BigInt) -> BigInt;
}

/// Registers the functions on a connection.
pub(crate) fn register(conn: &mut SqliteConnection) -> QueryResult<()> {
    type Text = Option<String>;
    interrupt::register(conn)?;
    title_key_utils::register_impl(conn, |title: Text| title.as_deref().map(sort_key))?;
    folded_utils::register_impl(conn, |text: Text| text.as_deref().map(fold))?;
    todo_key_utils::register_impl(conn, |user: Vec<u8>, number: i64| row_key(&user, number))?;
    contains_words_utils::register_impl(conn, |title: Text, description: Text, words: String| {
        MATCHER.with_borrow_mut(|matcher| {
            let matcher = match matcher {
                Some(matcher) if matcher.words == words => matcher,
                other => other.insert(Matcher::new(words)),
            };
            matcher.matches(title.as_deref().unwrap_or_default(), description.as_deref())
        })
    })
}

thread_local! {
    /// The matcher of the last search, which the next row of the same search needs again.
    static MATCHER: RefCell<Option<Matcher>> = const { RefCell::new(None) };
}

/// Searches for all words in one pass, so the time depends on the length of the text, and neither on the
/// number of words nor on how nearly they match.
struct Matcher {
    words: String,
    /// `None` if no automaton can be built.
    automaton: Option<AhoCorasick>,
}

impl Matcher {
    fn new(words: String) -> Self {
        // The other kinds are faster to run, but take time and memory to build.
        let kind = Some(AhoCorasickKind::ContiguousNFA);
        let automaton = AhoCorasick::builder().kind(kind).build(longest(&words)).ok();
        Self { words, automaton }
    }

    fn matches(&self, title: &str, description: Option<&str>) -> bool {
        let Some(automaton) = &self.automaton else { return false };
        let mut missing: HashSet<_> = (0..automaton.patterns_len()).collect();
        for text in [Some(title), description].into_iter().flatten() {
            for found in automaton.find_overlapping_iter(&fold(text)) {
                if missing.remove(&found.pattern().as_usize()) && missing.is_empty() {
                    return true;
                }
            }
        }
        missing.is_empty()
    }
}

/// The words that no other word contains. A text that contains all of these contains the others too, and
/// at most one of these ends at each position of a text.
fn longest(words: &str) -> Vec<&str> {
    let words: Vec<_> = words.split(' ').collect();
    let contained = |word: &str| words.iter().any(|other| *other != word && other.contains(word));
    words.iter().filter(|word| !contained(word)).copied().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(words: &str, title: &str, description: Option<&str>) -> bool {
        Matcher::new(words.to_owned()).matches(title, description)
    }

    #[test]
    fn every_word_must_occur_in_one_of_the_texts() {
        assert!(matches("milk oat", "oat", Some("milk")));
        assert!(matches("oat", "float", None));
        assert!(!matches("milk oat", "oat milc", None));
        assert!(!matches("ab bc", "ab", Some("c")), "no word spans two texts");
        assert!(matches("abc bcd", "xabcdx", None), "words may overlap");
        assert!(matches("milk äpfel", "MILK", Some("A\u{308}PFEL")), "in either case and form");
        assert!(matches("a aa aaa", "aaa", None) && !matches("a aa aaa", "aa", Some("a")));
    }

    #[test]
    fn no_word_that_another_one_contains_is_searched_for() {
        assert_eq!(longest("a ab abc b x"), ["abc", "x"]);
    }
}
