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

impl TodoId {
    /// The id of a todo that is imported under a foreign key such as `1` or `"milk"`: a UUIDv5 (RFC
    /// 9562 section 5.5) of user and key, so that importing a list twice names the same todos.
    #[must_use]
    pub fn imported(user: UserId, key: &str) -> Self {
        let of_user = Uuid::new_v5(&IMPORT_NAMESPACE, user.0.as_bytes());
        Self(Uuid::new_v5(&of_user, key.as_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANN: UserId = UserId(Uuid::from_u128(1));
    const BOB: UserId = UserId(Uuid::from_u128(2));

    #[test]
    fn the_same_user_and_key_always_give_the_same_id() {
        // Never change this value: another one would import every list a second time.
        assert_eq!(TodoId::imported(ANN, "1").to_string(), "89bd0699-916a-517a-ba1f-7ccf4a18993a");
        assert_eq!(TodoId::imported(ANN, "1"), TodoId::imported(ANN, "1"));
        assert_eq!(TodoId::imported(ANN, "milk").0.get_version_num(), 5);
    }

    #[test]
    fn another_key_or_user_gives_another_id() {
        let ids =
            [(ANN, "1"), (ANN, "01"), (ANN, ""), (BOB, "1")].map(|(user, key)| TodoId::imported(user, key));
        let distinct: std::collections::HashSet<_> = ids.into_iter().collect();
        assert_eq!(distinct.len(), ids.len());
    }
}
