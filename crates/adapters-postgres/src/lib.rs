//! The store ports on PostgreSQL.
//!
//! - [`PostgresStore`] implements the ports, over a connection pool for reads and accounts and a group commit
//!   for todos.
//! - [`PostgresBus`] carries messages between the instances on one database.
//! - [`migrate`], [`revert_last`], [`set_row_security`] and [`migration_status`] manage the schema, and
//!   [`wait_for`] waits for a server that starts.
//! - [`read_content`] and [`write_content`] exchange the content of a database with other stores; [`check`] and
//!   [`repair`] look for rows that disagree.
//! - [`begin_epoch`] begins another history of the database; [`EpochSource`] selects how a store notices one.
//! - [`RowSecurity`] selects the statements that row-level security restricts, in addition to the `WHERE`
//!   clause of each.
//!
//! Deliberately absent: business rules. The adapter takes locks and loads rows, calls a pure function of
//! [`domain`] and writes its decision, all in one transaction.

mod accounts;
mod bus;
mod committer;
mod connections;
mod connector;
mod content;
mod epochs;
mod error;
mod identities;
mod migrations;
mod one_time;
mod outbox;
mod pool;
mod pooler;
#[cfg(test)]
mod query_plan_tests;
mod row_security;
mod rows;
mod schema;
mod session;
mod sessions;
mod sql;
mod statement_log;
mod store;
mod tables;
#[cfg(test)]
mod test_support;
mod tls;
mod todos;
mod turns;
mod url;

pub use self::bus::PostgresBus;
pub use self::content::{ContentError, check, end_all_sessions, read_content, repair, write_content};
pub use self::epochs::{EpochSource, begin_epoch};
pub use self::error::ConnectError;
pub use self::migrations::{
    Contents, MigrateError, MigrationState, Reversion, migrate, migration_status, revert_last,
    set_row_security, wait_for,
};
pub use self::row_security::RowSecurity;
pub use self::store::{Options, PostgresStore};
pub use self::tls::TlsError;
pub use self::url::{Tls, UrlError, check_url, tls_to_another_machine};
