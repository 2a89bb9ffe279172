//! Stores on databases of their own, with the role of a server in production.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::time::Duration;

use adapters_postgres::{
    EpochSource, Options, PostgresStore, RowSecurity, begin_epoch, migrate, set_row_security,
};
use async_trait::async_trait;
use domain::account::AccountStore;
use domain::sync::{Digest, History};
use domain::text::{fold, sort_key};
use domain::todo::UserRow;
use domain::{Stamp, TodoId, UserId};
use domain_testkit::{Harness, Operator, RecordingBus};
use postgres_testbed::{Database, Testbed};

pub const TIMEOUT: Duration = Duration::from_secs(5);

/// Creates a database with the current schema.
pub fn database(hint: &str) -> Database {
    let mut hash = DefaultHasher::new();
    for migration in migrations() {
        migration.hash(&mut hash);
    }
    let testbed = Testbed::shared();
    let template = testbed.ensure_template(&format!("adapters-postgres {:x}", hash.finish()), |empty| {
        let (owner, app) = (empty.owner_url(), empty.app_url());
        // `block_on` must not run on the caller's runtime.
        let migrated = std::thread::spawn(move || {
            tokio::runtime::Runtime::new().expect("a runtime").block_on(migrate(&owner, &app))
        });
        migrated.join().expect("no panic").expect("the schema is made");
    });
    testbed.create_database_from(&template, hint)
}

/// The statements of every migration.
fn migrations() -> Vec<String> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../migrations/postgres");
    let folders = std::fs::read_dir(folder).expect("the migrations are there");
    let file = |entry: std::io::Result<std::fs::DirEntry>| entry.expect("an entry").path().join("up.sql");
    let mut files: Vec<_> = folders.map(file).collect();
    files.sort_unstable();
    files.into_iter().map(|file| std::fs::read_to_string(file).expect("a migration")).collect()
}

pub fn options(url: String, bus: &Arc<RecordingBus>) -> Options {
    Options {
        url,
        pool_size: 8,
        timeout: TIMEOUT,
        row_security: RowSecurity::Writes,
        epoch_source: EpochSource::Stored,
        bus: Arc::clone(bus) as _,
        echo: false,
        background: None,
    }
}

pub async fn connect(options: Options) -> Arc<PostgresStore> {
    Arc::new(PostgresStore::connect(options).await.expect("the database is there"))
}

/// Opens a store on `url`, with a bus of its own.
pub async fn store_at(url: String) -> (Arc<PostgresStore>, Arc<RecordingBus>) {
    let bus = Arc::new(RecordingBus::new());
    (connect(options(url, &bus)).await, bus)
}

/// An operator who connects as the owner of the tables.
struct Owner {
    url: String,
}

#[async_trait]
impl Operator for Owner {
    async fn set_active(&self, user: UserId, active: bool) {
        let update = format!("update users set is_active = {active} where id = '{user}'");
        let changed = client(&self.url).await.execute(&update, &[]).await.expect("the owner may write");
        assert_eq!(changed, 1, "the user exists");
    }

    async fn overwrite_title(&self, user: UserId, id: TodoId, title: &str) {
        let client = client(&self.url).await;
        let drop = "alter table todos drop constraint if exists todos_title_check";
        client.batch_execute(drop).await.expect("the owner may alter the table");
        let update = format!(
            "update todos set title = $1, title_folded = $2, title_key = $3 where user_id = '{user}' and id = '{id}'"
        );
        let changed = client
            .execute(&update, &[&title, &fold(title), &sort_key(title)])
            .await
            .expect("the owner may write");
        assert_eq!(changed, 1, "the todo exists");
    }

    async fn begin_epoch(&self) {
        begin_epoch(&self.url).await.expect("an epoch begins");
    }

    async fn accounts(&self) -> Option<Arc<dyn AccountStore>> {
        let (store, _) = store_at(self.url.clone()).await;
        Some(store)
    }

    async fn user_rows(&self) -> BTreeMap<UserId, UserRow> {
        let query = "select id::text, (extract(epoch from sync_clock) * 1000000)::bigint,
            (extract(epoch from sync_horizon) * 1000000)::bigint, live_todos, tombstones, stored_bytes, digest,
            epoch_ordinal, epoch_counter, partings from users";
        let rows = client(&self.url).await.query(query, &[]).await.expect("the owner may read");
        let stamp = |micros| Stamp::from_micros(micros).expect("a stamp");
        let count = |count: i32| u32::try_from(count).expect("a count");
        let row = |row: &tokio_postgres::Row| {
            let partings: Option<String> = row.get(9);
            let history = History::from_stored(row.get(7), row.get(8), partings.as_deref());
            let user_row = UserRow {
                clock: stamp(row.get(1)),
                horizon: stamp(row.get(2)),
                live: count(row.get(3)),
                tombstones: count(row.get(4)),
                stored_bytes: u64::try_from(row.get::<_, i64>(5)).expect("a count"),
                digest: Digest::from_i64(row.get(6)),
                history: history.expect("a history"),
            };
            (UserId(row.get::<_, &str>(0).parse().expect("an id")), user_row)
        };
        rows.iter().map(row).collect()
    }
}

/// The harness of the test kit for one store.
pub fn harness_of(
    store: &Arc<PostgresStore>,
    bus: Arc<RecordingBus>,
    database: &Database,
    guard: impl Send + Sync + 'static,
) -> Harness {
    Harness {
        todos: Arc::clone(store) as _,
        accounts: Arc::clone(store) as _,
        sessions: Arc::clone(store) as _,
        one_time: Arc::clone(store) as _,
        outbox: Arc::clone(store) as _,
        identities: Arc::clone(store) as _,
        operator: Arc::new(Owner { url: database.owner_url() }),
        probe: Arc::clone(store) as _,
        bus,
        guard: Arc::new(guard),
    }
}

/// Opens a store under `row_security` on a new database with such a schema.
pub async fn fresh(hint: &str, row_security: RowSecurity) -> (Harness, Database) {
    fresh_with(hint, row_security, false).await
}

/// As [`fresh`]; with `echo`, it logs its statements.
pub async fn fresh_with(hint: &str, row_security: RowSecurity, echo: bool) -> (Harness, Database) {
    let database = database(hint);
    if row_security == RowSecurity::All {
        set_row_security(&database.owner_url(), row_security).await.expect("set");
    }
    let bus = Arc::new(RecordingBus::new());
    let store = connect(Options { row_security, echo, ..options(database.app_url(), &bus) }).await;
    assert!(
        store.row_security_active().await.expect("an answer"),
        "the test's role is bound by the policies"
    );
    (harness_of(&store, bus, &database, ()), database)
}

/// The URL of the database for another role, such as the superuser `postgres`.
pub fn url_of(database: &Database, role: &str) -> String {
    database.owner_url().replacen("todo_owner@", &format!("{role}@"), 1)
}

/// Opens a connection in addition to the store's.
pub async fn client(url: &str) -> tokio_postgres::Client {
    let (client, connection) =
        tokio_postgres::connect(url, tokio_postgres::NoTls).await.expect("PostgreSQL is there");
    tokio::spawn(connection);
    client
}

/// Repeats a query until its answer is true.
pub async fn until(client: &tokio_postgres::Client, question: &str) {
    let asking = async {
        while !client.query_one(question, &[]).await.expect("an answer").get::<_, bool>(0) {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(RecordingBus::TIMEOUT, asking)
        .await
        .unwrap_or_else(|_| panic!("never true: {question}"));
}

/// A query for [`until`]: whether exactly `count` connections of the store wait for a lock.
pub fn waiting_for_locks(count: usize) -> String {
    format!(
        "select count(*) = {count} from pg_stat_activity
          where datname = current_database() and usename = 'todo_app' and wait_event_type = 'Lock'"
    )
}
