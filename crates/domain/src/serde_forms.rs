//! serde for values, behind the feature `serde`: text as a string, a number as a number.
//!
//! Deserialising parses, so it applies the rules for input.

use std::borrow::Cow;

use ::serde::de::Error as _;
use ::serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::ids::{OneTimeTokenId, SessionId, TodoId, TokenId, UserId};
use crate::sync::{Epoch, SyncTimestamp};
use crate::text::ClientId;
use crate::time::Stamp;
use crate::todo::{Description, InvalidTodoNumber, Strategy, Title, TodoNumber};
use crate::user::{DisplayName, Email};

macro_rules! as_text {
    ($($value:ty),+ $(,)?) => {$(
        impl Serialize for $value {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $value {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                Cow::<str>::deserialize(deserializer)?.parse().map_err(D::Error::custom)
            }
        }
    )+};
}

as_text!(
    ClientId,
    Description,
    DisplayName,
    Email,
    Epoch,
    OneTimeTokenId,
    SessionId,
    Stamp,
    Strategy,
    SyncTimestamp,
    Title,
    TodoId,
    TokenId,
    UserId,
);

impl Serialize for TodoNumber {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_i64(self.0)
    }
}

impl<'de> Deserialize<'de> for TodoNumber {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let number = i64::deserialize(deserializer)?;
        if number >= 1 { Ok(Self(number)) } else { Err(D::Error::custom(InvalidTodoNumber)) }
    }
}
