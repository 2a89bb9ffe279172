//! The contract of every store, on a file in a temporary folder.

#![allow(clippy::expect_used, reason = "a test that can't set itself up should panic")]

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use adapters_sqlite::{OpenOptions, SqliteStore, begin_epoch, migrate};
use async_trait::async_trait;
use diesel::connection::SimpleConnection;
use diesel::prelude::*;
use diesel::sql_types::{BigInt, Binary, Bool, Nullable, Text};
use domain::sync::{Digest, History};
use domain::todo::UserRow;
use domain::{Stamp, TodoId, UserId};
use domain_testkit::{Harness, Operator, RecordingBus, store_contract};
use uuid::Uuid;

/// No guarantee of the contract is about time-outs, so a busy machine must not meet one.
const TIMEOUT: Duration = Duration::from_mins(2);

/// An operator who changes the file on a connection of its own.
struct FileOperator(PathBuf);

#[async_trait]
impl Operator for FileOperator {
    async fn set_active(&self, user: UserId, active: bool) {
        let mut conn = self.connect();
        let updated = diesel::sql_query("UPDATE users SET is_active = ? WHERE id = ?")
            .bind::<Bool, _>(active)
            .bind::<Binary, _>(user.0.as_bytes().as_slice())
            .execute(&mut conn);
        assert_eq!(updated, Ok(1), "the user exists");
    }

    async fn overwrite_title(&self, user: UserId, id: TodoId, title: &str) {
        let mut conn = self.connect();
        // SQLite can't drop a constraint. The change of the schema version makes every connection read the new definition.
        conn.batch_execute(
            "PRAGMA writable_schema = ON;
             UPDATE sqlite_schema SET sql = replace(sql, ' CHECK (length(title) BETWEEN 1 AND 500)', '')
             WHERE name = 'todos';
             PRAGMA schema_version = 1000000;
             PRAGMA writable_schema = RESET",
        )
        .expect("the definition may be written");
        let update = "UPDATE todos SET title = ? WHERE user_id = ? AND id = ?";
        let updated = diesel::sql_query(update)
            .bind::<Text, _>(title)
            .bind::<Binary, _>(user.0.as_bytes().as_slice())
            .bind::<Binary, _>(id.0.as_bytes().as_slice())
            .execute(&mut conn);
        assert_eq!(updated, Ok(1), "the todo exists");
    }

    async fn begin_epoch(&self) {
        begin_epoch(&self.0).expect("an epoch begins");
    }

    async fn user_rows(&self) -> BTreeMap<UserId, UserRow> {
        let rows: Vec<Row> =
            diesel::sql_query("SELECT * FROM users").load(&mut self.connect()).expect("reads");
        rows.into_iter().map(Row::into_domain).collect()
    }
}

#[derive(QueryableByName)]
struct Row {
    #[diesel(sql_type = Binary)]
    id: Vec<u8>,
    #[diesel(sql_type = BigInt)]
    sync_clock: i64,
    #[diesel(sql_type = BigInt)]
    sync_horizon: i64,
    #[diesel(sql_type = BigInt)]
    live_todos: i64,
    #[diesel(sql_type = BigInt)]
    tombstones: i64,
    #[diesel(sql_type = BigInt)]
    stored_bytes: i64,
    #[diesel(sql_type = BigInt)]
    digest: i64,
    #[diesel(sql_type = BigInt)]
    epoch_ordinal: i64,
    #[diesel(sql_type = BigInt)]
    epoch_counter: i64,
    #[diesel(sql_type = Nullable<Text>)]
    partings: Option<String>,
}

impl Row {
    fn into_domain(self) -> (UserId, UserRow) {
        let partings = self.partings.as_deref();
        let row = UserRow {
            clock: Stamp::from_micros(self.sync_clock).expect("a stamp"),
            horizon: Stamp::from_micros(self.sync_horizon).expect("a stamp"),
            live: self.live_todos.try_into().expect("a count"),
            tombstones: self.tombstones.try_into().expect("a count"),
            stored_bytes: self.stored_bytes.try_into().expect("a count"),
            digest: Digest::from_i64(self.digest),
            history: History::from_stored(self.epoch_ordinal, self.epoch_counter, partings)
                .expect("a history"),
        };
        (UserId(Uuid::from_slice(&self.id).expect("an id")), row)
    }
}

impl FileOperator {
    fn connect(&self) -> SqliteConnection {
        let path = self.0.to_str().expect("UTF-8");
        let mut conn = SqliteConnection::establish(path).expect("connects");
        conn.batch_execute("PRAGMA busy_timeout = 120000").expect("is set");
        conn
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
        guard: Arc::new(folder),
    }
}

store_contract!(harness);
