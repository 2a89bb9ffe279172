//! Passwords that are guessed first.

use std::collections::HashSet;
use std::sync::LazyLock;

/// Common leaked passwords, folded, one per line, the most common first: the entries of Django's
/// list (BSD licence) that satisfy the rules, or are a word that satisfies them with a little
/// decoration.
const COMMON: &str = include_str!("common-passwords.txt");

/// The words of [`COMMON`], as [`letters`] reads them. Short ones stand in too many other words.
static COMMON_WORDS: LazyLock<HashSet<String>> = LazyLock::new(|| {
    let words = COMMON.lines().map(|common| letters(common.trim_matches(is_decoration)));
    words.filter(|word| word.len() >= MIN_WORD).collect()
});

/// The minimum length of a common word, in bytes.
const MIN_WORD: usize = 4;
/// More characters around a word than these make it hard to guess.
const MAX_DECORATION: usize = 8;

/// Whether a folded password is on the list, with special characters or without, or is a word of
/// the list with digits and special characters around it or in place of letters: `admin@123`,
/// `p@ssw0rd!1`, `summer2024!`. Where a rule demands such characters, people add them to a word.
pub(super) fn is_common(folded: &str) -> bool {
    let plain: String = folded.chars().filter(|c| c.is_alphanumeric()).collect();
    if COMMON.lines().any(|common| common == folded || common == plain) {
        return true;
    }
    // A decoration may also stand for the first letter: `$ecret99`.
    let from_start = folded.trim_end_matches(is_decoration);
    let word = from_start.trim_start_matches(is_decoration);
    folded.chars().count() - word.chars().count() <= MAX_DECORATION
        && [from_start, word].iter().any(|word| COMMON_WORDS.contains(&letters(word)))
}

fn is_decoration(c: char) -> bool {
    !c.is_alphabetic()
}

/// The letters of a folded text, with digits and special characters read as the letters that they
/// look like. I, l and what looks like them become one letter.
fn letters(text: &str) -> String {
    let read = |c: char| match c {
        '@' | '4' => 'a',
        '3' => 'e',
        '0' => 'o',
        '$' | '5' => 's',
        '7' => 't',
        '1' | '!' | '|' | 'i' => 'l',
        other => other,
    };
    text.chars().map(read).filter(|c| c.is_alphabetic()).collect()
}

#[cfg(test)]
mod tests {
    use crate::user::{NewPassword, PasswordPolicy, WeakPassword};

    #[test]
    fn common_passwords_with_a_special_character_are_refused() {
        let policy = PasswordPolicy { special: true };
        for text in [
            "Admin@123",
            "Password@123",
            "Passw0rd!",
            "Abcd@1234",
            "Test@123",
            "Qwerty@123",
            "Welcome1!",
            "P@ssw0rd",
            "P@ssw0rd1",
            "P@$$w0rd!",
            "Password1!",
            "!Qwerty123",
            "Pass@123",
            "Abc@1234",
            "Letmein1#",
            "Iloveyou1!",
            "P@ssw0rd123",
            "Welcome@2024",
            "We1come#24",
            "Summer2024!",
            "2024-Summer",
            "Root@123",
            "User@1234",
            "Adm1n@2024",
            "$Ecret_99",
        ] {
            assert_eq!(NewPassword::parse(text, None, policy).err(), Some(WeakPassword::Common), "{text}");
        }
        for text in ["Zebra-Stripe-7", "Correct-Horse-7", "Admin@123-lake", "Tr0ub4dor&3", "Summer-174639582"]
        {
            assert!(NewPassword::parse(text, None, policy).is_ok(), "{text}");
        }
    }
}
