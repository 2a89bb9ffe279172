//! Text forms for comparison: composed, and folded for search.

use std::borrow::Cow;

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
}
