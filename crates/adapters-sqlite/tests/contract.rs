//! The contract that every store is held to, on a file in a temporary folder.

#![allow(clippy::expect_used, reason = "a test that can't set itself up should panic")]

use std::sync::Arc;

use adapters_sqlite::{OpenOptions, SqliteStore, migrate};
use domain_testkit::{Harness, RecordingBus, store_contract};

async fn harness() -> Harness {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("todos.db");
    migrate(&path).expect("migrates");
    let bus = Arc::new(RecordingBus::new());
    let store = Arc::new(SqliteStore::open(OpenOptions::new(path, bus.clone())).expect("opens"));
    Harness {
        todos: store.clone(),
        accounts: store.clone(),
        sessions: store.clone(),
        probe: store,
        bus,
        guard: Box::new(folder),
    }
}

store_contract!(harness);
