//! Temporary PostgreSQL clusters for tests and benchmarks. They need only the PostgreSQL programs.
//!
//! [`Testbed::shared`] joins the cluster that all test processes of this checkout share, or starts it. [`PrivateCluster`] is a
//! private one, which can be stopped and started again, and [`Standby`] follows one until it is promoted. A [`Pooler`] stands in front of a database. All listen on a free port of 127.0.0.1 and on a Unix socket, trust
//! every client, and end within seconds after their last process, even if that was killed (see `liveness_pipe.rs`).
//!
//! A cluster has two roles: [`Role::Owner`] owns the databases and migrates them; [`Role::App`] may read and write
//! the owner's tables but owns nothing and can't bypass row-level security.
//!
//! Deliberately absent: the use of a PostgreSQL that already runs, crates other than the standard library, and error types.
//! Only tests use this crate, so a failure panics with a message that says what to do.

mod binaries;
mod cluster;
mod database;
mod host;
mod instance;
mod liveness_pipe;
mod pooler;
mod standby;

pub use binaries::Binaries;
pub use cluster::{PrivateCluster, Template, Testbed};
pub use database::{Database, Role};
pub use host::Durability;
pub use pooler::{PoolMode, Pooler};
pub use standby::Standby;
