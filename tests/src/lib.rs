//! Helpers of the black-box tests: the real binary on its own database, an HTTP client whose answers
//! print as transcripts, and a WebSocket client.
//!
//! Deliberately absent: the crates of the product. The tests see what a client sees; they borrow only
//! the simulated devices and their stamps.
#![expect(clippy::missing_panics_doc, reason = "a test helper that can't go on fails the test")]
#![expect(clippy::print_stderr, reason = "a failing test shows the server's log")]
#![expect(clippy::expect_used, reason = "a test helper that can't go on fails the test")]

mod backup;
pub mod binary;
pub mod client;
mod database;
pub mod device;

pub mod launch;
pub mod proxy;
pub mod raw;
pub mod server;
pub mod socket;
mod statements;
mod transcript;

pub use backup::Backup;
pub use client::{Answer, Client};
pub use device::Device;
pub use proxy::Proxy;
pub use raw::Wire;
pub use server::{Database, Server};
pub use socket::Socket;

/// Defines a test for each database: `name::sqlite` and `name::postgres`. The test receives a new
/// server or, to start one with settings, the kind of database.
#[macro_export]
macro_rules! on_both_databases {
    (@given Server, $database:expr) => { $crate::Server::start($database).await };
    (@given Database, $database:expr) => { $database };
    ($($(#[$attr:meta])* async fn $name:ident($given:ident: $kind:ident) $body:block)+) => {$(
        $(#[$attr])*
        mod $name {
            #[allow(unused_imports, reason = "not every test needs what its neighbours import")]
            use super::*;

            async fn run($given: $crate::$kind) $body

            #[tokio::test(flavor = "multi_thread")]
            async fn sqlite() {
                run($crate::on_both_databases!(@given $kind, $crate::Database::Sqlite)).await;
            }

            #[tokio::test(flavor = "multi_thread")]
            async fn postgres() {
                run($crate::on_both_databases!(@given $kind, $crate::Database::Postgres)).await;
            }
        }
    )+};
}

/// Defines tests that need several instances: on PostgreSQL alone, because an SQLite file belongs to one
/// process. Each test receives a new server and is named `name::postgres`.
#[macro_export]
macro_rules! on_postgres {
    ($($(#[$attr:meta])* async fn $name:ident($server:ident: Server) $body:block)+) => {$(
        $(#[$attr])*
        mod $name {
            #[allow(unused_imports, reason = "not every test needs what its neighbours import")]
            use super::*;

            #[tokio::test(flavor = "multi_thread")]
            async fn postgres() {
                let $server = $crate::Server::start($crate::Database::Postgres).await;
                $body
            }
        }
    )+};
}
