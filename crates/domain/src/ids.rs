//! Ids as types, so that the id of a session can't be passed for the id of a user.
//!
//! Deliberately absent: a way to make a random id. Random ids come through the
//! [`SecretSource`](crate::secret::SecretSource) port.

use std::fmt;
use std::str::FromStr;

use uuid::Uuid;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(pub Uuid);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;

            fn from_str(text: &str) -> Result<Self, uuid::Error> {
                text.parse().map(Self)
            }
        }

        impl AsRef<Uuid> for $name {
            fn as_ref(&self) -> &Uuid {
                &self.0
            }
        }

        impl From<Uuid> for $name {
            fn from(id: Uuid) -> Self {
                Self(id)
            }
        }
    };
}

id!(
    /// The id of a user's account.
    UserId
);
id!(
    /// The id of a todo, unique within its user: two users may choose the same.
    TodoId
);
id!(
    /// The id of a session: one login on one device.
    SessionId
);
id!(
    /// The id of an access or refresh token (`jti`, RFC 7519 section 4.1.7).
    TokenId
);

id!(
    /// The id of a one-time token, from which its secret is derived.
    OneTimeTokenId
);

/// The namespace of the UUIDv5 that replaces an imported id which is not a UUID.
const IMPORT_NAMESPACE: Uuid = Uuid::from_u128(0x6f1c_2d0e_5b0b_4a53_9a64_3c1e_8f0d_7a21);

/// What identifies a todo of a foreign list, each value as that list has it.
///
/// Lists of two browsers often have the same ids, such as 1, 2 and 3. The creation time and the
/// text keep their todos apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ForeignKey<'a> {
    pub id: ForeignId<'a>,
    /// Empty if the list has no creation time.
    pub created_at: &'a str,
    pub text: &'a str,
}

/// The id of a todo in a foreign list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ForeignId<'a> {
    Given(&'a str),
    /// The list has no ids. As many todos with the same creation time and text precede this one.
    Missing {
        preceding: usize,
    },
}

impl TodoId {
    /// The id of a todo that is imported from a foreign list: a UUIDv5 (RFC 9562 section 5.5) of user
    /// and key, so that importing a list twice names the same todos.
    #[must_use]
    pub fn imported(user: UserId, key: &ForeignKey<'_>) -> Self {
        let of_user = Uuid::new_v5(&IMPORT_NAMESPACE, user.0.as_bytes());
        let id = match key.id {
            ForeignId::Given(id) => format!("={id}"),
            ForeignId::Missing { preceding } => format!("#{preceding}"),
        };
        // A length before each part keeps different keys different.
        let parts = [&*id, key.created_at, key.text].map(|part| format!("{}:{part}", part.len()));
        Self(Uuid::new_v5(&of_user, parts.concat().as_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANN: UserId = UserId(Uuid::from_u128(1));
    const BOB: UserId = UserId(Uuid::from_u128(2));

    fn key<'a>(id: &'a str, created_at: &'a str, text: &'a str) -> ForeignKey<'a> {
        ForeignKey { id: ForeignId::Given(id), created_at, text }
    }

    #[test]
    fn the_same_user_and_key_always_give_the_same_id() {
        let milk = key("1", "1714550400000", "milk");
        // Never change this value: another one would import every list a second time.
        assert_eq!(TodoId::imported(ANN, &milk).to_string(), "a4f37920-5aeb-59ae-8a3f-c19327650371");
        assert_eq!(TodoId::imported(ANN, &milk).0.get_version_num(), 5);
    }

    #[test]
    fn another_key_or_user_gives_another_id() {
        let missing = |preceding| ForeignKey { id: ForeignId::Missing { preceding }, ..key("", "", "milk") };
        let ids = [
            (ANN, key("1", "", "milk")),
            (BOB, key("1", "", "milk")),
            (ANN, key("01", "", "milk")),
            (ANN, key("1", "", "eggs")),
            (ANN, key("1", "2", "milk")),
            (ANN, key("12", "", "milk")),
            (ANN, key("", "", "milk")),
            (ANN, key("", "", "")),
            (ANN, key("", "milk", "")),
            (ANN, missing(0)),
            (ANN, missing(1)),
            (ANN, key("0", "", "milk")),
        ]
        .map(|(user, key)| TodoId::imported(user, &key));
        let distinct: std::collections::HashSet<_> = ids.into_iter().collect();
        assert_eq!(distinct.len(), ids.len());
    }
}
