//! Text of any length as a title and a description, for imports: what can be kept is kept.

use super::values::{Description, Title};
use crate::text::{TextError, is_visible, newlines, trim};

/// A title and a description that keep all of a text and its notes.
///
/// A text that is too long for a title begins the description, and its first 499 characters and `…` are the
/// title. Without a text, the first line of the notes is the title.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fitted {
    /// Fails for a text that even a description can't hold, and if there is neither text nor notes.
    pub title: Result<Title, TextError>,
    pub description: Result<Option<Description>, TextError>,
}

impl Fitted {
    /// Fits `text` and `notes`.
    ///
    /// ```
    /// use domain::todo::Fitted;
    ///
    /// let fitted = Fitted::new("", Some("Buy milk\nand eggs"));
    /// assert_eq!(fitted.title?.as_str(), "Buy milk");
    /// # Ok::<(), domain::text::TextError>(())
    /// ```
    #[must_use]
    pub fn new(text: &str, notes: Option<&str>) -> Self {
        let (text, notes) = (trim(text), notes.map(newlines));
        let notes = notes.as_deref();
        let first_line = || notes.and_then(|notes| notes.lines().map(trim).find(|line| is_visible(line)));
        let has_text = is_visible(text);
        let line = if has_text { text } else { first_line().unwrap_or_default() };
        let fits = line.chars().nth(Title::MAX).is_none();
        let title =
            if fits { line.to_owned() } else { line.chars().take(Title::MAX - 1).chain(['…']).collect() };
        let title = Title::parse(&title);
        if fits || !has_text {
            return Self { title, description: notes.map(Description::parse).transpose() };
        }
        let notes = notes.filter(|notes| is_visible(notes));
        let whole = notes.map_or_else(|| text.to_owned(), |notes| format!("{text}\n\n{notes}"));
        match Description::parse(&whole) {
            Ok(description) => Self { title, description: Ok(Some(description)) },
            // It is the text that does not fit.
            Err(error) => Self { title: title.and(Err(error)), description: Ok(None) },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(text: &str, notes: Option<&str>) -> (String, Option<String>) {
        let fitted = Fitted::new(text, notes);
        let description = fitted.description.expect("a description");
        (fitted.title.expect("a title").into(), description.map(Into::into))
    }

    #[test]
    fn a_text_of_any_length_that_a_description_can_hold_is_kept() {
        let long = "é".repeat(501);
        let shortened = format!("{}…", "é".repeat(499));
        assert_eq!(kept(&"é".repeat(500), None), ("é".repeat(500), None));
        assert_eq!(kept(&format!(" {long} "), None), (shortened.clone(), Some(long.clone())));
        assert_eq!(kept(&long, Some(" \n")), (shortened.clone(), Some(long.clone())));
        assert_eq!(kept(&long, Some(" notes")), (shortened, Some(format!("{long}\n\n notes"))));
        assert_eq!(kept("milk", Some("")), ("milk".to_owned(), Some(String::new())));
        let longest = "x".repeat(10_000);
        assert_eq!(kept(&longest, None).1, Some(longest.clone()));
        let too_long = |got| Err(TextError::TooLong { max: Description::MAX, got });
        assert_eq!(Fitted::new(&format!("{longest}y"), None).title, too_long(10_001));
        assert_eq!(Fitted::new(&longest, Some("z")).title, too_long(10_003));
        let notes = Fitted::new("milk", Some(&format!("{longest}y")));
        assert_eq!(notes.description.map(|_| ()), too_long(10_001).map(|_: Title| ()));
    }

    #[test]
    fn a_blank_text_takes_the_first_line_of_the_notes() {
        let notes = " \n  Buy milk \nand eggs";
        assert_eq!(kept(" ", Some(notes)), ("Buy milk".to_owned(), Some(notes.to_owned())));
        assert_eq!(kept("\u{feff}", Some("one\rtwo")), ("one".to_owned(), Some("one\ntwo".to_owned())));
        assert_eq!(kept("", Some("one\u{b}two")).0, "one");
        let line = "y".repeat(600);
        let shortened = format!("{}…", "y".repeat(499));
        assert_eq!(kept("", Some(&line)), (shortened, Some(line)));
        for (text, notes) in [("", None), (" ", Some("")), ("\u{a0}", Some(" \n\t")), ("\u{200b}", None)] {
            assert_eq!(Fitted::new(text, notes).title, Err(TextError::Blank), "{text:?}");
        }
    }
}
