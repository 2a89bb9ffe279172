//! Behaviour that is specific to a store in one file.

#![allow(clippy::expect_used, reason = "a test that can't set itself up should panic")]

mod access;
mod content;
mod keys;
mod migrations;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use adapters_sqlite::{OpenOptions, SqliteStore};
use diesel::prelude::*;
use domain::UserId;
use domain::account::AccountStore;
use domain_testkit::RecordingBus;
use domain_testkit::build::{T0, new_user};
use tempfile::TempDir;

fn folder() -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let path = folder.path().join("data").join("todos.db");
    (folder, path)
}

fn open(path: &Path) -> SqliteStore {
    SqliteStore::open(OpenOptions::new(path, Arc::new(RecordingBus::new()))).expect("opens")
}

fn raw(path: &Path) -> SqliteConnection {
    SqliteConnection::establish(path.to_str().expect("UTF-8")).expect("connects")
}

async fn user(store: &SqliteStore) -> UserId {
    let new = new_user();
    let id = new.id;
    store.register(new, None, T0).await.expect("registers");
    id
}
