//! The store ports on an embedded SQLite file.
//!
//! - [`SqliteStore`] implements the ports.
//! - [`FileLock`] keeps other servers off the file.
//! - [`migrate`], [`revert_last`] and [`migration_status`] manage the schema.
//! - [`begin_epoch`] begins another history of the database.
//! - [`back_up`], [`restore`], [`check`] and [`repair`] work on whole files; [`read_content`] and
//!   [`write_content`] exchange the content with other stores.
//!
//! One thread writes. It takes up to 64 waiting jobs into one transaction, so that they share one
//! flush to disk; a large batch is a transaction of its own. Another thread writes the log back
//! into the file. A few threads read, each on a connection of its own. Users take turns, and one
//! thread never reads for users, so no user's reads hold up the reads of others or of the server
//! itself. Both queues are bounded: a call returns
//! [`StoreError::Unavailable`](domain::StoreError::Unavailable) at once if its queue is full.
//!
//! Deliberately absent: business rules. The adapter loads rows, calls a pure function of [`domain`]
//! and writes its decision, all in one transaction.

mod accounts;
mod cached_statement;
mod checkpointer;
mod connection;
mod epochs;
mod error;
mod files;
mod functions;
mod identities;
mod interrupt;
mod lock;
mod migrations;
mod one_time;
mod outbox;
mod readers;
mod row_key;
mod rows;
mod schema;
mod sessions;
mod statements;
mod store;
mod tables;
mod todos;
mod writer;

pub use self::epochs::begin_epoch;
pub use self::error::OpenError;
pub use self::files::{
    FileError, Restoration, back_up, back_up_to, check, end_all_sessions, read_content, repair, restore,
    write_content,
};
pub use self::lock::FileLock;
pub use self::migrations::{
    Contents, MigrateError, MigrationState, Reversion, migrate, migration_status, revert_last,
};
pub use self::store::{OpenOptions, SqliteStore};
