//! Text forms for comparison: composed, folded for search, and the key for sorting.

use std::borrow::Cow;
use std::sync::LazyLock;

use icu_collator::options::{CollatorOptions, Strength};
use icu_collator::{Collator, CollatorBorrowed, CollatorPreferences};
use icu_normalizer::ComposingNormalizerBorrowed;

/// Composes `text` to Unicode's normalization form C. Systems type the same letters in different
/// forms: macOS decomposes `ü` into two characters, others do not.
#[must_use]
pub fn compose(text: &str) -> Cow<'_, str> {
    const NFC: ComposingNormalizerBorrowed<'static> = ComposingNormalizerBorrowed::new_nfc();
    NFC.normalize(text)
}

/// Folds `text` for search without regard to case or to the form in which a letter is typed, by
/// Unicode's full lower-case mapping. Stores keep the folded form beside the text, so that search
/// is the same on every database.
#[must_use]
pub fn fold(text: &str) -> String {
    // The same for ASCII, at a fraction of the time.
    if text.is_ascii() {
        return text.to_ascii_lowercase();
    }
    let lower = compose(text).to_lowercase();
    match compose(&lower) {
        Cow::Borrowed(_) => lower,
        Cow::Owned(composed) => composed,
    }
}

/// A key whose order, byte by byte, is the order in which people sort `text`: the root collation of
/// CLDR, without regard to case. Stores keep it beside the text, so that the order is the same on
/// every database. A later version of the collation gives other keys; a key is comparable only with
/// keys of the same version.
#[must_use]
pub fn sort_key(text: &str) -> Vec<u8> {
    static ROOT: LazyLock<Option<CollatorBorrowed<'static>>> = LazyLock::new(|| {
        let mut options = CollatorOptions::default();
        options.strength = Some(Strength::Secondary);
        Collator::try_new(CollatorPreferences::default(), options).ok()
    });
    let mut key = Vec::new();
    match ROOT.as_ref() {
        Some(collator) => {
            let Ok(()) = collator.write_sort_key_to(text, &mut key);
        }
        None => key.extend_from_slice(fold(text).as_bytes()),
    }
    key
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folding_follows_unicode() {
        assert_eq!(fold("MILK ÄÖÜ ΣΑΣ"), "milk äöü σας");
        assert_eq!(fold("İ"), "i\u{307}");
        let ascii: String = (0..128_u8).map(char::from).collect();
        assert_eq!(fold(&(ascii.clone() + "é")), fold(&ascii) + "é");
        assert_eq!(fold("Mu\u{308}sli E\u{301}CLAIR"), fold("müsli éclair"), "both forms of a letter");
    }

    #[test]
    fn titles_sort_as_people_sort_them() {
        let mut titles =
            ["zoo", "Äpfel", "éclair", "Zebra", "apple", "Émile", "ñandú", "nandu", "10", "A\u{308}pfel"];
        titles.sort_by_key(|title| sort_key(title));
        assert_eq!(
            titles,
            ["10", "Äpfel", "A\u{308}pfel", "apple", "éclair", "Émile", "nandu", "ñandú", "Zebra", "zoo"]
        );
        assert_eq!(sort_key("MILK"), sort_key("milk"));
        assert!(sort_key("a") < sort_key("a b") && sort_key("résumé") > sort_key("resume"));
    }
}
