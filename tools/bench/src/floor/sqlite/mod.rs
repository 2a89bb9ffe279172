//! The baseline on SQLite: as many reader threads as cores, and one writer thread that commits each
//! request in its own transaction with `synchronous=FULL`.

mod statements;

use std::path::Path;
use std::thread;

use crossbeam_channel::{Sender, bounded};
use diesel::connection::SimpleConnection as _;
use diesel::prelude::*;
use domain::Stamp;
use tokio::sync::oneshot;
use uuid::Uuid;

use self::statements::{Insert, NextNumber, Row, Update, todos, users};
use super::{Floor, PAGE, Todo};
use crate::Result;

type Job = Box<dyn FnOnce(&mut SqliteConnection) + Send>;

/// The queues to the reader threads and to the writer thread.
pub struct SqliteFloor {
    reads: Sender<Job>,
    writes: Sender<Job>,
}

/// Opens a connection with the server's settings.
pub fn connect(file: &Path) -> Result<SqliteConnection> {
    let mut conn = SqliteConnection::establish(file.to_str().ok_or("a path that is no text")?)?;
    conn.batch_execute(
        "PRAGMA busy_timeout = 5000; PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
         PRAGMA wal_autocheckpoint = 4096; PRAGMA cache_size = -16384; PRAGMA temp_store = MEMORY;
         PRAGMA foreign_keys = ON;",
    )?;
    Ok(conn)
}

impl SqliteFloor {
    /// Opens the file and starts the threads.
    pub fn open(file: &Path) -> Result<Self> {
        let cores = thread::available_parallelism().map_or(1, usize::from);
        Ok(Self { reads: start(file, cores)?, writes: start(file, 1)? })
    }
}

fn start(file: &Path, threads: usize) -> Result<Sender<Job>> {
    let (sender, jobs) = bounded::<Job>(1024);
    for _ in 0..threads {
        let mut conn = connect(file)?;
        let jobs = jobs.clone();
        thread::spawn(move || jobs.into_iter().for_each(|job| job(&mut conn)));
    }
    Ok(sender)
}

async fn run<T: Send + 'static>(
    queue: &Sender<Job>,
    work: impl FnOnce(&mut SqliteConnection) -> QueryResult<T> + Send + 'static,
) -> Result<T> {
    let (caller, answer) = oneshot::channel();
    // The caller may have disconnected.
    queue.try_send(Box::new(move |conn| drop(caller.send(work(conn)))))?;
    Ok(answer.await??)
}

/// The page and the total, read in one snapshot.
fn page(conn: &mut SqliteConnection, user: Uuid) -> QueryResult<Vec<Row>> {
    conn.batch_execute("BEGIN")?;
    users::table
        .filter(users::id.eq(user.as_bytes().as_slice()))
        .select((users::sync_clock, users::sync_horizon, users::live_todos))
        .first::<(i64, i64, i64)>(conn)?;
    let rows = todos::table
        .filter(todos::user_id.eq(user.as_bytes().as_slice()))
        .filter(todos::deleted_at.is_null())
        .order((todos::created_at.desc(), todos::id.asc()))
        .limit(PAGE)
        .offset(0)
        .select(Row::as_select())
        .load(conn)?;
    conn.batch_execute("COMMIT")?;
    Ok(rows)
}

fn update(
    conn: &mut SqliteConnection,
    (user, id): (Uuid, Uuid),
    (text, base): (&str, i64),
    now: Stamp,
) -> QueryResult<Option<Row>> {
    conn.immediate_transaction(|conn| {
        let current: Option<i64> = todos::table
            .filter(todos::user_id.eq(user.as_bytes().as_slice()))
            .filter(todos::id.eq(id.as_bytes().as_slice()))
            .select(todos::version)
            .first(conn)
            .optional()?;
        if current != Some(base) {
            return Ok(None);
        }
        let update = Update {
            user: user.into_bytes(),
            id: id.into_bytes(),
            title: text.to_owned(),
            now: now.as_micros(),
            base,
        };
        update.get_result(conn).optional()
    })
}

impl Floor for SqliteFloor {
    async fn get(&self, user: Uuid, id: Uuid) -> Result<Option<Todo>> {
        let row = run(&self.reads, move |conn| {
            todos::table
                .filter(todos::user_id.eq(user.as_bytes().as_slice()))
                .filter(todos::id.eq(id.as_bytes().as_slice()))
                .select(Row::as_select())
                .first(conn)
                .optional()
        });
        Ok(row.await?.map(Todo::from))
    }

    async fn list(&self, user: Uuid) -> Result<Vec<Todo>> {
        let rows = run(&self.reads, move |conn| page(conn, user));
        Ok(rows.await?.into_iter().map(Todo::from).collect())
    }

    async fn patch(
        &self,
        user: Uuid,
        id: Uuid,
        text: String,
        version: i64,
        now: Stamp,
    ) -> Result<Option<Todo>> {
        let row = run(&self.writes, move |conn| update(conn, (user, id), (&text, version), now));
        Ok(row.await?.map(Todo::from))
    }

    async fn create(&self, user: Uuid, id: Uuid, text: String, now: Stamp) -> Result<Todo> {
        let row = run(&self.writes, move |conn| {
            conn.immediate_transaction(|conn| {
                let [.., a, b, c] = user.into_bytes();
                let insert = Insert {
                    cluster: i64::from_be_bytes([0, 0, 0, 0, 0, a, b, c]) << 39,
                    user: user.into_bytes(),
                    id: id.into_bytes(),
                    title: text,
                    now: now.as_micros(),
                };
                let row: Row = insert.get_result(conn)?;
                NextNumber.execute(conn)?;
                Ok(row)
            })
        });
        Ok(row.await?.into())
    }
}
