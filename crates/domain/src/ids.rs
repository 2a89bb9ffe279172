//! Ids as types, so that a session's id can't stand where a user's belongs.

use std::fmt;

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
    };
}

id!(
    /// A person's account.
    UserId
);
id!(
    /// A todo, unique within its user: two users may choose the same.
    TodoId
);
id!(
    /// One login on one device.
    SessionId
);
id!(
    /// One access or refresh token (`jti`, RFC 7519 section 4.1.7).
    TokenId
);

/// Namespace of the UUIDv5 that stands for an imported id which is no UUID.
const IMPORT_NAMESPACE: Uuid = Uuid::from_u128(0x6f1c_2d0e_5b0b_4a53_9a64_3c1e_8f0d_7a21);

impl TodoId {
    /// The id of a todo imported under a foreign key such as `1` or `"milk"`: a UUIDv5 (RFC 9562 section 5.5)
    /// of user and key, so that importing the same list twice names the same todos.
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
    fn the_same_key_of_the_same_user_is_always_the_same_todo() {
        // Fixed for ever: another value would import every list a second time.
        assert_eq!(TodoId::imported(ANN, "1").to_string(), "89bd0699-916a-517a-ba1f-7ccf4a18993a");
        assert_eq!(TodoId::imported(ANN, "1"), TodoId::imported(ANN, "1"));
        assert_eq!(TodoId::imported(ANN, "milk").0.get_version_num(), 5);
    }

    #[test]
    fn other_keys_and_other_users_have_other_todos() {
        let ids =
            [(ANN, "1"), (ANN, "01"), (ANN, ""), (BOB, "1")].map(|(user, key)| TodoId::imported(user, key));
        let distinct: std::collections::HashSet<_> = ids.into_iter().collect();
        assert_eq!(distinct.len(), ids.len());
    }
}
