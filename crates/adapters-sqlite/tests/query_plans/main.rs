//! Query plans of every statement that the store runs, with 1,000 users of 1,000 todos each: none reads
//! another user's rows.

#![allow(clippy::expect_used, reason = "a test that can't set itself up should panic")]

mod accounts;
mod fill;
mod mail;
mod planner;
mod sessions;
mod todos;

use std::sync::Arc;

use adapters_sqlite::{OpenOptions, SqliteStore};
use domain::health::Probe;
use domain::session::{EndReason, Ending};
use domain::{Stamp, TodoId, UserId};
use domain_testkit::RecordingBus;
use uuid::Uuid;

use self::fill::fill;
use self::planner::Planner;

pub const ANN: UserId = UserId(Uuid::from_u128(500));
pub const MILK: TodoId = TodoId(Uuid::from_u128(700));
pub const BREAD: TodoId = TodoId(Uuid::from_u128(702));

/// The end of a session at an instant.
fn over(at: Stamp) -> Ending {
    domain_testkit::build::ending(EndReason::Logout, at)
}

#[tokio::test]
async fn no_statement_reads_rows_of_other_users() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("todos.db");
    fill(&path);
    let mut planner = Planner::new(&path);
    let store = SqliteStore::open(OpenOptions::new(&path, Arc::new(RecordingBus::new()))).expect("opens");
    planner::ran();

    todos::reads(&store, &mut planner).await;
    todos::lists(&store, &mut planner).await;
    todos::commits(&store, &mut planner).await;
    accounts::accounts(&store, &mut planner).await;
    sessions::sessions(&store, &mut planner).await;
    mail::one_time(&store, &mut planner).await;
    mail::outbox(&store, &mut planner).await;
    accounts::identities(&store, &mut planner).await;
    sessions::housekeeping(&store, &mut planner).await;
    todos::tombstones(&store, &mut planner).await;
    accounts::deletion(&store, &mut planner).await;
    store.probe().await.expect("answers");
    planner.check_all("the probe");
}
