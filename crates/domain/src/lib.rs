//! The rules of the product, without any I/O.
//!
//! A user keeps one list of todos on many devices. This crate decides what a change does to a todo,
//! who may do what, and what a database has to guarantee. Databases, hashers, clocks and HTTP are
//! adapters around it.
//!
//! # The model
//!
//! A [`Todo`](todo::Todo) has fields, and each [`Field`](todo::Field) has a version: the todo's
//! version at which the field last changed. Every accepted change raises the todo's version by one
//! and takes the next [`Stamp`] of the user's clock. A deleted todo stays as a tombstone.
//!
//! A device asks for everything after the stamp that it has seen, its [`Cursor`](sync::Cursor). The
//! store hands out the stamps of one user under that user's lock, so commit order is stamp order
//! and the device misses nothing. [`sync`] explains the protocol.
//!
//! # The rule
//!
//! [`todo::resolve()`] decides one [`Change`](todo::Change) of one todo. It is a pure function;
//! [its module](mod@todo::resolve) is one page with an example of each
//! [`Strategy`](todo::Strategy). [`todo::plan::Plan`] applies it to all changes of a
//! [`Batch`](todo::Batch): a sealed decision that stores write and can't alter.
//!
//! The examples in this crate show the rule at work: `resolve_a_conflict` and
//! `simulate_two_devices`.
//!
//! # Users
//!
//! From the bottom up; each module uses only those above it in this list:
//!
//! - [`limits`]: rate limits
//! - [`user`]: users, addresses, passwords
//! - [`session`]: logins on devices, access and refresh tokens, revocation
//! - [`mail`]: the outbox
//! - [`one_time`]: one-time tokens, such as those that emails carry
//! - [`identity`]: users known to OAuth providers and external issuers; authenticating requests
//! - [`account`]: the use cases of accounts
//!
//! [`instances`] has the messages between the instances of one database. [`snapshot`] is the content of a whole
//! database.
//!
//! [`housekeeping`] deletes the expired rows of all of them.
//!
//! # The ports
//!
//! A port is a trait that an adapter implements; its documentation states what an implementation
//! MUST guarantee, and the contract suite in `domain-testkit` checks that.
//!
//! | port | provides |
//! |---|---|
//! | [`todo::TodoStore`], [`account::AccountStore`], [`one_time::OneTimeStore`], [`session::SessionStore`], [`identity::IdentityStore`], [`mail::Outbox`] | the database |
//! | [`todo::EventBus`] | delivery of events to open sockets |
//! | [`instances::Bus`] | messages between the instances of one database |
//! | [`user::PasswordHasher`], [`secret::SecretSource`] | cryptography and randomness |
//! | [`limits::RateLimiter`] | counters of requests |
//! | [`Clock`] | the time |
//!
//! A port to the database fails with a [`StoreError`], the hasher with a
//! [`HasherError`](user::HasherError), a mailer with a [`MailError`](mail::MailError), a provider
//! with a [`ProviderError`](identity::ProviderError). A caller's mistake is an outcome, never an
//! error.
//!
//! # Values
//!
//! Values are parsed once and can't hold nonsense: see [`text`], [`ids`] and [`time`]. They have
//! `FromStr` and `Display`, and with the feature `serde` also `Serialize` and `Deserialize`.
//! [`code`] lists the error codes that clients see.
//!
//! # Deliberately absent
//!
//! A clock, randomness, wire formats, HTTP statuses, SQL, an async runtime. Time and secrets come
//! in as arguments or through ports.

pub mod account;
pub mod code;
pub mod error;
pub mod health;
pub mod housekeeping;
pub mod identity;
pub mod ids;
pub mod instances;
pub mod limits;
pub mod mail;
pub mod one_time;
pub mod secret;
#[cfg(feature = "serde")]
mod serde_forms;
pub mod session;
pub mod snapshot;
pub mod sync;
pub mod text;
pub mod time;
pub mod todo;
pub mod user;

pub use error::StoreError;
pub use ids::{OneTimeTokenId, SessionId, TodoId, TokenId, UserId};
pub use time::{Clock, Stamp};
