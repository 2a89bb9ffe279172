//! The rules of the product, without any I/O.
//!
//! One person keeps one list of [`todo::Todo`]s on many devices. Every accepted change raises a todo's version
//! and takes the next [`time::Stamp`] of that person's clock; a device asks for everything after the stamp it has
//! seen and so misses nothing. What happens when two devices changed the same todo is decided by one pure function
//! in [`todo::resolve`], under the protection of the store's transaction, and its decision is a sealed
//! [`todo::plan::Plan`] that stores write and cannot alter.
//!
//! - [`todo`]: the todo, its changes, the conflict rule, the plan, queries, the store port
//! - [`sync`]: the exchange between a device and the server
//! - [`account`]: users, emails, passwords
//! - [`identity`]: users known by OAuth providers and external issuers
//! - [`mail`]: the outbox
//! - [`session`]: logins on devices, access and refresh tokens, revocation
//! - [`limits`]: what is limited, and how much
//! - [`event`]: what is told to open sockets
//! - [`code`]: the taxonomy of errors that clients see
//!
//! Deliberately absent: a clock, randomness, serialisation, HTTP statuses, SQL, an async runtime. Time and secrets
//! come in through the ports in [`time`] and [`secret`].

pub mod account;
pub mod code;
pub mod error;
pub mod event;
pub mod health;
pub mod identity;
pub mod ids;
pub mod limits;
pub mod mail;
pub mod secret;
pub mod session;
pub mod sync;
pub mod text;
pub mod time;
pub mod todo;

pub use error::StoreError;
pub use ids::{SessionId, TodoId, TokenId, UserId};
pub use time::{Clock, Stamp};
