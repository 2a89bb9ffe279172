//! Throw-away PostgreSQL clusters for tests and benchmarks, from nothing but the PostgreSQL programs.
//!
//! [`Testbed::shared`] joins the one cluster that all test processes of this checkout share, and starts it when
//! there is none. [`PrivateCluster`] is one of your own, which can be stopped and started again. Both listen on
//! 127.0.0.1 at a free port and on a socket in their folder, trust every caller, and are gone within seconds
//! after their last process ended, even when that process was killed (`holders.rs` tells how).
//!
//! A cluster has two roles: [`Role::Owner`] owns the databases and migrates them; [`Role::App`] may read and write
//! the owner's tables but owns nothing and can't bypass row-level security.
//!
//! Deliberately absent: any use of a PostgreSQL that happens to run, any crate beside the standard library, and any
//! error type. Nothing here is needed outside tests, so whatever fails panics with a sentence that says what to do.

mod binaries;
mod cluster;
mod database;
mod holders;
mod host;
mod instance;

pub use binaries::Binaries;
pub use cluster::{PrivateCluster, Template, Testbed};
pub use database::{Database, Role};
pub use instance::Durability;
