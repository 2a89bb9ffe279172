//! Defaults of the database and role that differ from PostgreSQL's.

use adapters_postgres::{ConnectError, MigrateError, PostgresStore, begin_epoch, migrate, migration_status};
use domain::account::AccountStore as _;
use domain::todo::{Commit, TodoStore as _};
use domain_testkit::RecordingBus;
use domain_testkit::build::{T0, batch, create, new_user, todo_id};
use postgres_testbed::{Database, Role, Testbed};
use std::sync::Arc;

use crate::support::{client, options, store_at, url_of};

/// Everything that a transaction, a read, a time, an array or a text could depend on.
const DEFAULTS: [(&str, &str); 20] = [
    ("default_transaction_isolation", "serializable"),
    ("default_transaction_read_only", "on"),
    ("default_transaction_deferrable", "on"),
    ("synchronous_commit", "off"),
    ("statement_timeout", "'1ms'"),
    ("lock_timeout", "'1ms'"),
    ("idle_in_transaction_session_timeout", "'1ms'"),
    ("plan_cache_mode", "force_custom_plan"),
    ("row_security", "off"),
    ("standard_conforming_strings", "off"),
    ("backslash_quote", "off"),
    ("transform_null_equals", "on"),
    ("array_nulls", "off"),
    ("client_encoding", "latin1"),
    ("datestyle", "'SQL, DMY'"),
    ("intervalstyle", "sql_standard"),
    ("timezone", "'Asia/Kathmandu'"),
    ("bytea_output", "escape"),
    ("extra_float_digits", "-15"),
    ("enable_sort", "off"),
];

/// Undoes them for a connection of the test.
const NORMAL: &str =
    "set default_transaction_read_only = off; set statement_timeout = 0; set lock_timeout = 0;
    set idle_in_transaction_session_timeout = 0; set row_security = on; set client_encoding = utf8";

/// What a transaction of each table saw: its isolation, and the settings that it needs.
const WATCH: &str = "create table seen (what text);
    create function watch() returns trigger language plpgsql security definer as $$ begin
        insert into seen values (concat_ws(' ', tg_table_name, current_setting('transaction_isolation'),
            current_setting('synchronous_commit'), current_setting('statement_timeout'),
            current_setting('plan_cache_mode')));
        return new;
    end $$;
    create trigger watch after insert on users for each row execute function watch();
    create trigger watch after insert on todos for each row execute function watch();
    create trigger watch after insert on epochs for each row execute function watch()";

fn with_defaults(hint: &str) -> Database {
    let database = Testbed::shared().create_database(hint);
    let set = |(name, value)| format!("alter database \"{}\" set {name} = {value};\n", database.name());
    // In one session: a later one would have these defaults.
    let all: String = DEFAULTS.into_iter().map(set).collect();
    database.sql(Role::Owner, &all).expect("the owner may set them");
    database
}

#[tokio::test(flavor = "multi_thread")]
async fn every_transaction_is_durable_and_read_committed_whatever_the_defaults() {
    let database = with_defaults("defaults");
    let (owner, app) = (database.owner_url(), database.app_url());
    migrate(&owner, &app).await.expect("migrates");
    assert!(migration_status(&owner).await.expect("status").iter().all(|migration| migration.applied));
    let client = client(&owner).await;
    for statements in [NORMAL, WATCH] {
        client.batch_execute(statements).await.expect("watches");
    }

    begin_epoch(&owner).await.expect("an epoch begins");
    let (one, _) = store_at(app.clone()).await;
    let (other, _) = store_at(app).await;
    let user = new_user();
    let id = user.id;
    one.register(user, None, T0).await.expect("registers");
    // Under another isolation, the second of two instances would not see what the first one wrote.
    let writes = (0..20).map(|n| {
        let store = if n % 2 == 0 { one.clone() } else { other.clone() };
        async move { store.commit(id, batch([create(todo_id(), "žluťoučký 🎉")]), T0).await }
    });
    for commit in domain_testkit::all(writes).await {
        assert!(matches!(commit, Ok(Commit::Done(_))), "{commit:?}");
    }
    for todo in one.changes(id, None, false, 100).await.expect("reads").expect("the user exists").todos {
        assert_eq!(todo.title().as_str(), "žluťoučký 🎉");
    }
    let question = "select distinct what from seen order by 1";
    let seen: Vec<String> =
        client.query(question, &[]).await.expect("seen").iter().map(|row| row.get(0)).collect();
    assert_eq!(
        seen,
        [
            "epochs read committed on 0 force_generic_plan",
            "todos read committed on 5s force_generic_plan",
            "users read committed on 5s force_generic_plan"
        ]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stricter_durability_stays() {
    let database = crate::support::database("remote_apply");
    let stricter = format!("alter database \"{}\" set synchronous_commit = remote_apply", database.name());
    database.sql(Role::Owner, &stricter).expect("the owner may set it");
    let client = client(&database.owner_url()).await;
    client.batch_execute(WATCH).await.expect("watches");
    let (store, _) = store_at(database.app_url()).await;
    store.register(new_user(), None, T0).await.expect("registers");
    let seen: String = client.query_one("select what from seen", &[]).await.expect("seen").get(0);
    assert!(seen.contains(" remote_apply "), "{seen}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_of_another_encoding_is_refused_before_anything_is_written() {
    let database = Testbed::shared().create_database("encoding");
    let root = client(&url_of(&database, "postgres")).await;
    let name = format!("{}_latin", database.name());
    let create = format!(
        "create database {name} owner todo_owner encoding 'LATIN1' template template0
         lc_collate 'C' lc_ctype 'C'"
    );
    root.batch_execute(&create).await.expect("created");
    let [owner, app] =
        [database.owner_url(), database.app_url()].map(|url| url.replace(database.name(), &name));
    let store = PostgresStore::connect(options(app.clone(), &Arc::new(RecordingBus::new()))).await;
    let errors = [
        migrate(&owner, &app).await.expect_err("refused"),
        migrate(&app, &app).await.expect_err("refused"),
        MigrateError::Connect(store.err().expect("refused")),
    ];
    for error in errors {
        assert!(matches!(&error, MigrateError::Connect(ConnectError::Encoding(_))), "{error:?}");
        let text = error.to_string();
        assert!(text.contains("encoding LATIN1") && text.contains("ENCODING 'UTF8'"), "{text}");
    }
    root.batch_execute(&format!("drop database {name} with (force)")).await.expect("dropped");
}
