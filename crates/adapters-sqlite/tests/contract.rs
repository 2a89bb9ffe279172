//! The contract of every store, on a file in a temporary folder.

#![allow(clippy::expect_used, reason = "a test that can't set itself up should panic")]

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use adapters_sqlite::{OpenOptions, SqliteStore, migrate};
use async_trait::async_trait;
use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::{Binary, Bool};
use domain::UserId;
use domain_testkit::{Harness, Operator, RecordingBus, store_contract};

/// No guarantee of the contract is about time-outs, so a busy machine must not meet one.
const TIMEOUT: Duration = Duration::from_mins(2);

/// An operator who changes the file on a connection of its own.
struct FileOperator(PathBuf);

#[async_trait]
impl Operator for FileOperator {
    async fn set_active(&self, user: UserId, active: bool) {
        let path = self.0.to_str().expect("UTF-8");
        let mut conn = SqliteConnection::establish(path).expect("connects");
        conn.batch_execute("PRAGMA busy_timeout = 120000").expect("is set");
        let updated = diesel::sql_query("UPDATE users SET is_active = ? WHERE id = ?")
            .bind::<Bool, _>(active)
            .bind::<Binary, _>(user.0.as_bytes().as_slice())
            .execute(&mut conn);
        assert_eq!(updated, Ok(1), "the user exists");
    }
}

async fn harness() -> Harness {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("todos.db");
    migrate(&path).expect("migrates");
    let bus = Arc::new(RecordingBus::new());
    let options = OpenOptions { timeout: TIMEOUT, ..OpenOptions::new(&path, bus.clone()) };
    let store = Arc::new(SqliteStore::open(options).expect("opens"));
    Harness {
        todos: store.clone(),
        accounts: store.clone(),
        sessions: store.clone(),
        one_time: store.clone(),
        outbox: store.clone(),
        identities: store.clone(),
        operator: Arc::new(FileOperator(path)),
        probe: store,
        bus,
        guard: Box::new(folder),
    }
}

store_contract!(harness);
