//! Ends statements that read many rows, at their time limit or once no caller waits for their
//! result, and lets other threads run between their rows.
//!
//! Diesel offers no access to `sqlite3_interrupt`, and this workspace forbids unsafe code.
//! Therefore a statement that may read many rows has the condition `not_interrupted()`. SQLite
//! evaluates it for every row, and an error of the function ends the statement.
//!
//! On a busy machine, the kernel lets a thread run for a whole time slice, 3 to 4 ms, before it
//! runs one that has just become ready. The function therefore offers the processor every
//! [`STRETCH`]: a short request waits for a fraction of a slice. Where no other thread is ready,
//! that costs less than a microsecond.

use std::cell::{Cell, RefCell};
use std::thread;
use std::time::{Duration, Instant};

use diesel::prelude::*;
use diesel::serialize::{self, IsNull, Output, ToSql};
use diesel::sql_types::Bool;
use diesel::sqlite::Sqlite;

/// How long a statement runs before it gives way.
const STRETCH: Duration = Duration::from_micros(250);

thread_local! {
    /// Whether the work that runs on this thread must stop; `None` outside of such work.
    static MUST_STOP: RefCell<Option<Box<dyn Fn() -> bool>>> = const { RefCell::new(None) };
    /// When the work of this thread began or last gave way.
    static RUNS_SINCE: Cell<Option<Instant>> = const { Cell::new(None) };
}

#[diesel::declare_sql_function]
extern "SQL" {
    /// True for every row. Fails once the work of this thread must stop.
    fn not_interrupted() -> Bool;
}

/// Registers the function on a connection.
pub(crate) fn register(conn: &SqliteConnection) -> QueryResult<()> {
    not_interrupted_utils::register_nondeterministic_impl(conn, || NotInterrupted)
}

/// Runs `work`. Its statements end with an error once `must_stop` returns `true`.
pub(crate) fn until<T>(must_stop: impl Fn() -> bool + 'static, work: impl FnOnce() -> T) -> T {
    struct Reset;
    impl Drop for Reset {
        fn drop(&mut self) {
            MUST_STOP.set(None);
            RUNS_SINCE.set(None);
        }
    }
    MUST_STOP.set(Some(Box::new(must_stop)));
    RUNS_SINCE.set(Some(Instant::now()));
    let _reset = Reset;
    work()
}

#[derive(Debug)]
struct NotInterrupted;

impl ToSql<Bool, Sqlite> for NotInterrupted {
    fn to_sql<'b>(&'b self, out: &mut Output<'b, '_, Sqlite>) -> serialize::Result {
        if MUST_STOP.with_borrow(|must_stop| must_stop.as_ref().is_some_and(|must_stop| must_stop())) {
            return Err("interrupted: the time limit has passed, or the caller has gone".into());
        }
        give_way();
        out.set_value(1);
        Ok(IsNull::No)
    }
}

/// Gives way to other threads, if this thread runs work and has not done so for [`STRETCH`].
pub(crate) fn give_way() {
    if RUNS_SINCE.get().is_some_and(|since| since.elapsed() >= STRETCH) {
        thread::yield_now();
        RUNS_SINCE.set(Some(Instant::now()));
    }
}
