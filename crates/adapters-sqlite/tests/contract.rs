//! The contract that every store is held to, on a file in a temporary folder.

#![allow(clippy::expect_used, reason = "a test that can't set itself up should panic")]

use std::path::PathBuf;
use std::sync::Arc;

use adapters_sqlite::{OpenOptions, SqliteStore, migrate};
use async_trait::async_trait;
use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::{Binary, Bool};
use domain::UserId;
use domain_testkit::{Harness, Operator, RecordingBus, store_contract};

/// An operator with a connection of their own to the file.
struct ByHand(PathBuf);

#[async_trait]
impl Operator for ByHand {
    async fn set_active(&self, user: UserId, active: bool) {
        let path = self.0.to_str().expect("UTF-8");
        let mut conn = SqliteConnection::establish(path).expect("connects");
        conn.batch_execute("PRAGMA busy_timeout = 5000").expect("is set");
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
    let store = Arc::new(SqliteStore::open(OpenOptions::new(&path, bus.clone())).expect("opens"));
    Harness {
        todos: store.clone(),
        accounts: store.clone(),
        sessions: store.clone(),
        one_time: store.clone(),
        outbox: store.clone(),
        identities: store.clone(),
        operator: Arc::new(ByHand(path)),
        probe: store,
        bus,
        guard: Box::new(folder),
    }
}

store_contract!(harness);
