//! The forms that values have with the feature `serde`.

#![allow(clippy::expect_used, reason = "a form that can't be read should fail the test")]

use std::fmt::Debug;

use domain::sync::{Epoch, SyncTimestamp};
use domain::text::ClientId;
use domain::todo::{Description, Strategy, Title, TodoNumber};
use domain::user::{DisplayName, Email};
use domain::{OneTimeTokenId, SessionId, Stamp, TodoId, TokenId, UserId};
use serde::Serialize;
use serde::de::DeserializeOwned;

#[track_caller]
fn survives<T: Serialize + DeserializeOwned + Debug + PartialEq>(json: &str) {
    let value: T = serde_json::from_str(json).expect("it can be read");
    assert_eq!(serde_json::to_string(&value).expect("it can be written"), json);
}

#[track_caller]
fn is_refused<T: DeserializeOwned + Debug>(json: &str, because: &str) {
    let error = serde_json::from_str::<T>(json).expect_err("it is refused").to_string();
    assert!(error.contains(because), "{error}");
}

#[test]
fn values_survive_their_form() {
    survives::<Title>(r#""Buy \"milk\"""#);
    survives::<Description>(r#""""#);
    survives::<ClientId>(r#""phone""#);
    survives::<DisplayName>(r#""Ann""#);
    survives::<Email>(r#""Ann@example.com""#);
    survives::<TodoNumber>("7");
    survives::<Stamp>(r#""2026-01-09T10:15:00.000000Z""#);
    survives::<SyncTimestamp>(r#""2026-01-09T10:15:00.000000007Z""#);
    survives::<Epoch>(r#""0b5a3c1e""#);
    for strategy in Strategy::ALL {
        survives::<Strategy>(&format!("{:?}", strategy.as_str()));
    }
    let id = r#""550e8400-e29b-41d4-a716-446655440000""#;
    survives::<TodoId>(id);
    survives::<UserId>(id);
    survives::<SessionId>(id);
    survives::<TokenId>(id);
    survives::<OneTimeTokenId>(id);
}

#[test]
fn input_that_breaks_a_rule_is_refused_with_the_reason() {
    is_refused::<Title>(r#"" ""#, "must not be blank");
    is_refused::<ClientId>(
        &format!("{:?}", "d".repeat(101)),
        "must be at most 100 characters long; it has 101",
    );
    is_refused::<TodoNumber>("0", "must be a positive integer");
    is_refused::<Stamp>(r#""2026-01-09""#, "must be an RFC 3339 timestamp");
    is_refused::<Strategy>(r#""theirs""#, "must be manual, merge, last_write_wins or client_wins");
}
