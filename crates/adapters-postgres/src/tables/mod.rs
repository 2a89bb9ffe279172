//! Statements that more than one port needs, one module per table.
//!
//! Each function runs inside the caller's transaction. Locks are taken in one order: an identity, its user, and
//! then the user's sessions, tokens and emails.

pub(crate) mod external_identities;
pub(crate) mod mail_outbox;
pub(crate) mod one_time_tokens;
pub(crate) mod sessions;
pub(crate) mod users;
