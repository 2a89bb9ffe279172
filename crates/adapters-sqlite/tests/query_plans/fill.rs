//! A database with many users and todos.

use std::path::Path;

use adapters_sqlite::migrate;
use diesel::connection::SimpleConnection;
use diesel::prelude::*;

const USERS: u32 = 1000;
pub const TODOS: u32 = 1000;

/// Creates users with the ids 1 to [`USERS`], each with todos 1 to [`TODOS`]. Every tenth todo is a tombstone.
pub fn fill(path: &Path) {
    migrate(path).expect("migrates");
    let mut conn = SqliteConnection::establish(path.to_str().expect("UTF-8")).expect("connects");
    let live = TODOS - TODOS / 10;
    conn.batch_execute(&format!(
        "PRAGMA synchronous = OFF;
         BEGIN;
         WITH RECURSIVE n(i) AS (VALUES (1) UNION ALL SELECT i + 1 FROM n WHERE i < {USERS})
         INSERT INTO users (id, email, email_key, password_hash, email_verified, is_active,
             created_at, updated_at, sync_clock, sync_horizon, live_todos, tombstones)
         SELECT unhex(printf('%032x', i)), i || '@Example.com', i || '@example.com', 'hash', 0, 1,
             0, 0, {TODOS}, 0, {live}, {TODOS} - {live} FROM n;
         WITH RECURSIVE n(i) AS (VALUES (0) UNION ALL SELECT i + 1 FROM n WHERE i + 1 < {USERS} * {TODOS})
         INSERT INTO todos (user_id, id, number, created_at, updated_at, deleted_at, version, title_version,
             description_version, completed_version, deleted_version, client_id, title)
         SELECT unhex(printf('%032x', i / {TODOS} + 1)), unhex(printf('%032x', i % {TODOS} + 1)), i + 1,
             i % {TODOS} + 1, i % {TODOS} + 1, iif(i % 10 = 0, 1, NULL), 1, 1,
             1, 1, 1, 'phone', 'Buy milk ' || i FROM n;
         UPDATE todo_numbers SET next = {USERS} * {TODOS} + 1;
         COMMIT;"
    ))
    .expect("fills the database");
}
