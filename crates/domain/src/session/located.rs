//! Refresh tokens that say which one they are.
//!
//! A store forgets replaced tokens soon, however often a session is refreshed. Their reuse must
//! still end the session, even if a thief who rotates all the time made the store forget the
//! owner's. So a token carries its session and its position there after the secret. Neither is
//! secret or trusted: the server derives the secret of the position again to check it.

use uuid::Uuid;

use super::RefreshSecret;
use crate::ids::{SessionId, UserId};

/// The place of a refresh token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Location {
    pub user: UserId,
    pub session: SessionId,
    pub generation: u32,
}

impl Location {
    /// The number of characters of a location: two ids and the generation, in hexadecimal, whose
    /// characters are also those of base64url.
    const LEN: usize = 32 + 32 + 8;

    /// The token as a client gets it: the secret, and where it belongs.
    #[must_use]
    pub fn mark(&self, secret: &RefreshSecret) -> RefreshSecret {
        let Self { user, session, generation } = self;
        let [user, session] = [user.0.simple(), session.0.simple()];
        RefreshSecret(format!("{}{user}{session}{generation:08x}", secret.0))
    }

    /// The secret of a presented token, and what the token claims to be. `None` if it claims
    /// nothing: the tokens of earlier versions, and those in JWT form.
    #[must_use]
    pub fn split(token: &str) -> (&str, Option<Self>) {
        let end = token.len().checked_sub(Self::LEN).filter(|end| *end > 0);
        let Some((secret, text)) = end.and_then(|end| token.split_at_checked(end)) else {
            return (token, None);
        };
        match Self::parse(text) {
            Some(location) => (secret, Some(location)),
            None => (token, None),
        }
    }

    fn parse(text: &str) -> Option<Self> {
        if !text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f')) {
            return None;
        }
        let id = |text: &str| Uuid::try_parse(text).ok();
        Some(Self {
            user: UserId(id(text.get(..32)?)?),
            session: SessionId(id(text.get(32..64)?)?),
            generation: u32::from_str_radix(text.get(64..)?, 16).ok()?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn location() -> Location {
        Location {
            user: UserId(Uuid::from_u128(1 << 100)),
            session: SessionId(Uuid::from_u128(2)),
            generation: u32::MAX - 1,
        }
    }

    #[test]
    fn a_marked_token_is_split_into_its_secret_and_its_place() {
        let marked = location().mark(&RefreshSecret("s-_3cret".to_owned()));
        assert!(marked.0.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_'));
        assert_eq!(Location::split(&marked.0), ("s-_3cret", Some(location())));
    }

    #[test]
    fn a_token_without_a_place_is_its_secret() {
        let hexadecimal = "0".repeat(Location::LEN);
        let long = "A".repeat(200);
        let upper = format!("secret{}", hexadecimal.replace('0', "A"));
        let broken = format!("ü{}", &hexadecimal[1..]);
        for token in ["", "A", &"A".repeat(43), &hexadecimal, &long, &upper, &broken, "a.b.c"] {
            assert_eq!(Location::split(token), (token, None));
        }
    }
}
