//! PostgreSQL behind `PgBouncer`, as hosting services offer it.

use std::process::Output;

use blackbox_tests::Server;
use blackbox_tests::server::{SECRET_KEY, command};
use futures_util::future::join_all;
use postgres_testbed::{PoolMode, Pooler, Role, Testbed};
use serde_json::json;
use tempfile::TempDir;
use tokio_postgres::{NoTls, SimpleQueryMessage};

use crate::row_security::everything_works;
use crate::support::{add, everything, texts};

const REFUSED: &str =
    "loses prepared statements; use PgBouncer 1.21 or newer with max_prepared_statements above 0";

/// Runs a command that connects to these URLs.
fn run(app: &str, owner: &str, arguments: &[&str]) -> Output {
    let folder = TempDir::new().expect("a temporary folder");
    let settings = [("SECRET_KEY", SECRET_KEY), ("DATABASE_URL", app), ("MIGRATION_DATABASE_URL", owner)];
    let settings = settings.map(|(name, value)| (name.to_owned(), value.to_owned()));
    command(folder.path(), &settings).args(arguments).output().expect("it runs")
}

/// `PgBouncer` 1.18, which Debian 12 has, is refused at start; a newer one changes nothing for clients.
#[tokio::test(flavor = "multi_thread")]
async fn a_pooler_in_transaction_mode_works_if_it_carries_prepared_statements() {
    let database = Testbed::shared().create_database("pooled");
    let pooler = Pooler::start(&database, PoolMode::Transaction);
    let (app, owner) = (pooler.url(Role::App), pooler.url(Role::Owner));
    if !Pooler::carries_prepared_statements() {
        for (app, owner) in [(&app, &owner), (&app, &database.owner_url())] {
            let output = run(app, owner, &["serve"]);
            let printed = String::from_utf8_lossy(&output.stderr).into_owned();
            assert!(!output.status.success() && printed.contains(REFUSED), "{printed}");
            assert!(printed.lines().last().is_some_and(|line| line.contains("DATABASE_URL")), "{printed}");
        }
        return;
    }
    let server = Server::start_on(&app, &owner, &[]).await;
    everything_works(&server).await;
    let second = Server::start_on(&app, &owner, &[]).await;
    many_requests_at_once(&[&server, &second]).await;
    run(&app, &owner, &["migrate", "row-security", "all"]);
    let third = Server::start_on(&app, &owner, &[("DATABASE_ROW_SECURITY", "all")]).await;
    many_requests_at_once(&[&third]).await;
    drop((server, second, third));
    nothing_is_left(&pooler, &database).await;
}

/// In this mode every version works. The pooler keeps the sessions as the server leaves them.
#[tokio::test(flavor = "multi_thread")]
async fn the_sessions_of_a_pooler_are_left_as_they_were() {
    let database = Testbed::shared().create_database("pooled_sessions");
    let pooler = Pooler::start(&database, PoolMode::Session);
    let (app, owner) = (pooler.url(Role::App), pooler.url(Role::Owner));
    // More connections than the pooler has sessions would wait for one another.
    let few = [("DATABASE_POOL_SIZE", "1")];
    let server = Server::start_on(&app, &owner, &few).await;
    let (ann, _) = server.client().register("ann@example.com").await;
    add(&ann, "milk").await;
    assert_eq!(texts(&everything(&ann).await), ["milk"]);
    drop(server);
    nothing_is_left(&pooler, &database).await;
}

async fn many_requests_at_once(servers: &[&Server]) {
    let requests =
        servers.iter().enumerate().flat_map(|(n, server)| (0..8).map(move |user| (n, user, server)));
    join_all(requests.map(async |(n, user, server)| {
        let email = format!("user{n}{user}{}@example.com", server.pid());
        let (client, _) = server.client().register(&email).await;
        for todo in 0..20 {
            add(&client, &format!("todo {todo}")).await;
            client.get("/api/v1/todos?search=todo").await.expect(200);
        }
        assert_eq!(texts(&everything(&client).await).len(), 20);
        client.post("/api/v1/auth/logout", json!({"all": true})).await.expect(204);
    }))
    .await;
}

/// Fails if the server has changed a setting in one of the sessions, or has left a lock. `PgBouncer` itself sets
/// what it reports to its clients, and each transaction begins with a mode of its own.
async fn nothing_is_left(pooler: &Pooler, database: &postgres_testbed::Database) {
    let changed =
        "select string_agg(name || ' = ' || setting, ', ') from pg_settings where source = 'session'
        and name not in ('application_name', 'client_encoding', 'DateStyle', 'IntervalStyle', 'TimeZone',
            'standard_conforming_strings', 'search_path', 'default_transaction_read_only', 'scram_iterations',
            'transaction_isolation', 'transaction_read_only', 'transaction_deferrable')";
    for role in [Role::App, Role::Owner] {
        let mut sessions = Vec::new();
        for _ in 0..Pooler::POOL_SIZE {
            // A client that keeps its session makes the pooler hand out another one.
            let (client, connection) =
                tokio_postgres::connect(&pooler.url(role), NoTls).await.expect("connects");
            tokio::spawn(connection);
            client.batch_execute("begin").await.expect("begins");
            let rows = client.simple_query(changed).await.expect("an answer");
            let found = rows.iter().find_map(|row| match row {
                SimpleQueryMessage::Row(row) => row.get(0),
                _ => None,
            });
            assert_eq!(found, None, "{role:?}");
            sessions.push(client);
        }
    }
    let locks = "select count(*) from pg_locks l join pg_database d on d.oid = l.database
        where d.datname = current_database() and l.locktype = 'advisory'";
    assert_eq!(database.sql(Role::Owner, locks).as_deref(), Ok("0"));
}
