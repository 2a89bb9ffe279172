//! The key by which texts are sorted.

use std::sync::LazyLock;

use icu_collator::options::{CollatorOptions, Strength};
use icu_collator::{Collator, CollatorBorrowed, CollatorPreferences};

use super::fold;

/// A key whose order, byte by byte, is the order in which people sort `text`: the root collation of
/// CLDR, without regard to case. Stores keep it beside the text, so that the order is the same on
/// every database. A later version of the collation gives other keys; a key is comparable only with
/// keys of the same version.
#[must_use]
pub fn sort_key(text: &str) -> Vec<u8> {
    // A server that writes many todos would spend a fifth of its time in the general way.
    if text.is_ascii() { ASCII.key(text) } else { collated(text) }
}

fn collated(text: &str) -> Vec<u8> {
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

static ASCII: LazyLock<Ascii> = LazyLock::new(Ascii::new);

/// The root collation of the ASCII characters. The weight of each does not depend on its neighbours, and all are
/// without accents, so the key of several is made of theirs.
struct Ascii {
    /// What orders each character before accents are looked at: at most two bytes, which are never 0.
    weights: [[u8; 2]; 128],
}

impl Ascii {
    /// Stands before the accents.
    const SEPARATOR: u8 = 1;
    /// One character without accents. The next numbers stand for as many more, and a long run is divided.
    const PLAIN: u8 = 5;
    /// The longest run of characters without accents, and what stands for it if more follow.
    const RUN: (usize, u8) = (33, Self::PLAIN + 32);

    fn new() -> Self {
        let mut weights = [[0; 2]; 128];
        for (c, weight) in ('\0'..).zip(&mut weights) {
            let key = collated(c.encode_utf8(&mut [0; 4]));
            let bytes = key.into_iter().take_while(|byte| *byte != Self::SEPARATOR);
            weight.iter_mut().zip(bytes).for_each(|(to, byte)| *to = byte);
        }
        Self { weights }
    }

    fn key(&self, text: &str) -> Vec<u8> {
        let mut key = Vec::with_capacity(2 * text.len() + 2);
        let mut plain = 0_usize;
        for byte in text.bytes() {
            let [first, second] = self.weights.get(usize::from(byte)).copied().unwrap_or_default();
            if first != 0 {
                key.push(first);
                plain += 1;
            }
            if second != 0 {
                key.push(second);
            }
        }
        key.push(Self::SEPARATOR);
        let Some(mut more) = plain.checked_sub(1) else { return key };
        let (length, run) = Self::RUN;
        while more >= length {
            key.push(run);
            more -= length;
        }
        key.extend((Self::PLAIN..).nth(more));
        key
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

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

    #[test]
    fn two_ascii_characters_sort_as_in_the_root_collation() {
        let ascii = || (0..128_u8).map(char::from);
        for pair in ascii().flat_map(|first| ascii().map(move |second| String::from_iter([first, second]))) {
            assert_eq!(sort_key(&pair), collated(&pair), "{pair:?}");
        }
    }

    proptest! {
        #[test]
        fn ascii_texts_sort_as_in_the_root_collation(text in "[\\x00-\\x7f]{0,600}") {
            prop_assert_eq!(sort_key(&text), collated(&text));
        }
    }
}
