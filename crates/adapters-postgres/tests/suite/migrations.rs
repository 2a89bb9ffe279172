//! Migrations: up, down and concurrently.

use adapters_postgres::{MigrateError, RowSecurity, migrate, migration_status, revert_last};
use domain::identity::Linked;
use domain::mail::Template;
use domain::one_time::Purpose;
use domain::session::{Cutoffs, EndReason};
use domain::todo::{Base, Edit};
use domain_testkit::build::{
    T0, at, complete, create, description, edit as edit_of, email_token, ending, identity, new_session,
    notice, todo_id,
};
use postgres_testbed::{Database, Role, Testbed};
use tokio_postgres::error::SqlState;

use crate::support::{client, fresh, harness_of, store_at, url_of};

/// The objects that the migrations create, as the catalogue describes them.
fn schema(database: &Database) -> String {
    let sql = "
        select 'column', table_name, column_name, data_type, is_nullable, coalesce(column_default, ''), \
               coalesce(collation_name, ''), coalesce(generation_expression, '')
          from information_schema.columns where table_schema = 'public' and table_name not like '\\_\\_%' order by 2, 3;
        select 'compression', attrelid::regclass, attname, attcompression from pg_attribute
         where attrelid::regclass::text = 'todos' and attcompression <> '' order by 2, 3;
        select 'constraint', conrelid::regclass, conname, pg_get_constraintdef(oid) from pg_constraint
         where connamespace = 'public'::regnamespace and conrelid::regclass::text not like '\\_\\_%' order by 2, 3;
        select 'index', indexdef from pg_indexes where schemaname = 'public' and tablename not like '\\_\\_%' order by 2;
        select 'policy', tablename, policyname, cmd, qual, with_check from pg_policies order by 2, 3;
        select 'row security', relname from pg_class where relrowsecurity order by 2;
        select 'function', proname, prosrc from pg_proc where pronamespace = 'public'::regnamespace order by 2;
        select 'sequence', sequencename from pg_sequences where schemaname = 'public' order by 2;
        select 'grant', table_name, grantee, privilege_type from information_schema.role_table_grants
         where table_schema = 'public' and table_name not like '\\_\\_%' order by 2, 3, 4";
    database.sql(Role::Owner, sql).expect("the catalogue can be read")
}

#[tokio::test]
async fn down_reverts_everything_and_up_creates_the_same_schema_again() {
    let database = Testbed::shared().create_database("migrations");
    let (owner, app) = (database.owner_url(), database.app_url());
    let empty = schema(&database);
    let all = migrate(&owner, &app).await.expect("up");
    assert!(!all.is_empty());
    let full = schema(&database);
    assert!(full.contains("todos_live"), "{full}");
    assert!(migration_status(&owner).await.expect("status").iter().all(|migration| migration.applied));

    for name in all.iter().rev() {
        assert_eq!(&revert_last(&owner, true).await.expect("down").expect("there is one").name, name);
    }
    assert_eq!(schema(&database), empty);
    assert_eq!(revert_last(&owner, true).await.expect("nothing to do"), None);
    assert!(migration_status(&owner).await.expect("status").iter().all(|migration| !migration.applied));

    assert_eq!(migrate(&owner, &app).await.expect("up again"), all);
    assert_eq!(schema(&database), full);
}

#[tokio::test(flavor = "multi_thread")]
async fn long_texts_are_compressed_with_lz4() {
    let (h, database) = fresh("migrations_lz4", RowSecurity::Writes).await;
    let text = description(&"Buy milk and bread. ".repeat(400));
    let edit = Edit { description: Some(Some(text)), ..Edit::default() };
    let (user, id) = (h.user().await, todo_id());
    h.applied(user, create(id, "milk")).await;
    h.applied(user, edit_of(id, Base::Current, edit)).await;
    let forms =
        "select pg_column_compression(description), pg_column_compression(description_folded) from todos";
    assert_eq!(database.sql(Role::Owner, forms).expect("PostgreSQL 14 or later").trim(), "lz4|lz4");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schema_in_use_can_be_reverted_and_migrated() {
    let (h, database) = fresh("migrations_in_use", RowSecurity::Writes).await;
    let [ann, bob] = [h.user().await, h.user().await];
    let todo = h.applied(bob, create(todo_id(), "milk")).await;
    let over = ending(EndReason::AccountDeleted, at(60));
    h.accounts
        .delete(ann, None, notice(Template::AccountDeleted), over)
        .await
        .expect("an answer")
        .expect("she exists");
    let owner = database.owner_url();
    let reverted = revert_last(&owner, true).await.expect("down").expect("there is one").name;
    let again = migrate(&owner, &database.app_url()).await.expect("up again");
    assert_eq!(again, [reverted]);
    assert_eq!(h.todo(bob, todo.id()).await, Some(todo));
}

#[tokio::test]
async fn a_schema_of_a_newer_version_is_refused() {
    let database = Testbed::shared().create_database("migrations_newer");
    let (owner, app) = (database.owner_url(), database.app_url());
    migrate(&owner, &app).await.expect("up");
    let newer = "insert into __diesel_schema_migrations (version) values ('20990101000001')";
    database.sql(Role::Owner, newer).expect("a later version migrates");
    for error in [
        migrate(&owner, &app).await.expect_err("refused"),
        migrate(&app, &app).await.expect_err("refused"),
        revert_last(&owner, true).await.expect_err("refused"),
    ] {
        let text = error.to_string();
        assert!(text.contains("newer version") && text.contains("20990101000001"), "{text}");
    }
    let last = migration_status(&owner).await.expect("status").pop().expect("there are some");
    assert_eq!((last.name.as_str(), last.applied, last.known), ("20990101000001", true, false));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reversion_that_is_not_kept_shows_what_it_would_delete_and_deletes_nothing() {
    let (h, database) = fresh("migrations_shown", RowSecurity::Writes).await;
    let user = h.user().await;
    let todo = h.applied(user, create(todo_id(), "milk")).await;
    let (owner, before) = (database.owner_url(), schema(&database));
    let last = migration_status(&owner).await.expect("status").pop().expect("there are some").name;
    let shown = revert_last(&owner, false).await.expect("shown").expect("there is one");
    assert_eq!((shown.name, shown.before["users"].1, shown.before["todos"].1), (last, 1, 1));
    assert!(shown.before["mail_outbox"].0.contains(&"last_error".to_owned()));
    assert_eq!(schema(&database), before);
    assert_eq!(h.todo(user, todo.id()).await, Some(todo));
    while let Some(shown) = revert_last(&owner, true).await.expect("down") {
        if shown.after.is_empty() {
            assert_eq!(shown.before["todos"].1, 1, "the last one deletes the todos");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn several_instances_that_start_at_once_migrate_once() {
    let database = Testbed::shared().create_database("migrations_at_once");
    let (owner, app) = (database.owner_url(), database.app_url());
    let starts = (0..4).map(|_| {
        let (owner, app) = (owner.clone(), app.clone());
        async move { migrate(&owner, &app).await.expect("up") }
    });
    let applied = domain_testkit::all(starts).await;
    let all: Vec<_> =
        migration_status(&owner).await.expect("status").into_iter().map(|migration| migration.name).collect();
    assert_eq!(applied.iter().filter(|names| **names == all).count(), 1, "{applied:?}");
    assert_eq!(applied.iter().filter(|names| names.is_empty()).count(), 3, "{applied:?}");
}

#[tokio::test]
async fn a_role_without_privileges_can_use_a_schema_but_not_create_it() {
    let database = Testbed::shared().create_database("migrations_as_app");
    let (owner, app) = (database.owner_url(), database.app_url());
    let refused = migrate(&app, &app).await.expect_err("the role may not create tables");
    assert!(
        matches!(&refused, MigrateError::Failed(problem) if problem.contains("permission denied")),
        "{refused}"
    );
    assert_eq!(migration_status(&owner).await.expect("status").iter().filter(|m| m.applied).count(), 0);
    migrate(&owner, &app).await.expect("up");
    assert_eq!(migrate(&app, &app).await.expect("nothing to do"), Vec::<String>::new());
    assert!(migration_status(&app).await.expect("status").iter().all(|migration| migration.applied));
}

#[tokio::test]
async fn an_unreachable_database_is_reported_without_the_password() {
    let url = "postgres://nobody:hunter2@127.0.0.1:1/nothing";
    let error = migrate(url, url).await.expect_err("nothing listens there").to_string();
    assert!(error.contains("onnect") && !error.contains("hunter2"), "{error}");
}

#[tokio::test]
async fn migrating_a_database_other_than_the_servers_is_refused() {
    let [one, other] = ["migrated", "served"].map(|name| Testbed::shared().create_database(name));
    let refused = migrate(&one.owner_url(), &other.app_url()).await;
    assert!(matches!(refused, Err(MigrateError::OtherDatabase)), "{refused:?}");
    migrate(&other.owner_url(), &other.app_url()).await.expect("up");
    let refused = migrate(&one.owner_url(), &other.app_url()).await;
    assert!(matches!(refused, Err(MigrateError::OtherDatabase)), "{refused:?}");
    migrate(&one.owner_url(), &one.app_url()).await.expect("up");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_servers_role_gets_only_the_privileges_it_needs() {
    let database = Testbed::shared().create_database("grants");
    let role = format!("{}_role", database.name());
    let root = client(&url_of(&database, "postgres")).await;
    root.batch_execute(&format!("create role {role} login")).await.expect("created");
    let url = url_of(&database, &role);
    migrate(&database.owner_url(), &url).await.expect("up");
    assert!(migrate(&url, &url).await.expect("nothing to do").is_empty());

    let (store, bus) = store_at(url.clone()).await;
    assert!(store.row_security_active().await.expect("an answer"));
    let h = harness_of(&store, bus, &database, ());
    let user = h.user().await;
    let todo = h.applied(user, create(todo_id(), "milk")).await;
    h.applied(user, complete(todo.id(), true)).await;
    let session = new_session(at(9));
    h.sessions
        .open(user, session.clone(), 5, ending(EndReason::DeviceRevoked, at(1)))
        .await
        .expect("an answer")
        .expect("it opens");
    let ended = h.sessions.end(user, session.id, ending(EndReason::Logout, at(2))).await.expect("an answer");
    assert!(ended.is_some());
    assert_eq!(h.revocations(None, at(3)).await.len(), 1);

    assert!(!h.todos.belongs_to_another_user(user, todo.id()).await.expect("an answer"));
    let address = h.stored(user).await.email.expect("an address");
    h.one_time.send(email_token(Purpose::VerifyEmail, Some(user), &address), T0).await.expect("an answer");
    assert_eq!(h.outbox.claim(T0, at(1), 9).await.expect("an answer").len(), 1);
    let linked = h
        .identities
        .link(user, None, identity("google", "ann", None), notice(Template::ProviderLinked), T0)
        .await;
    assert_eq!(linked.expect("an answer"), Linked::Done);
    let cutoffs = Cutoffs::at(at(9).plus(Cutoffs::LOGINS));
    let swept = h.sessions.sweep(&cutoffs, 9).await.expect("an answer");
    assert_eq!(swept, 4, "the session, its token, its revocation and the one-time token");
    let over = ending(EndReason::AccountDeleted, at(60));
    assert!(
        h.accounts
            .delete(user, None, notice(Template::AccountDeleted), over)
            .await
            .expect("an answer")
            .is_some()
    );

    let client = client(&url).await;
    for beyond in [
        "update epochs set stored = 'x'",
        "insert into epochs (ordinal, stored, begun_at) values (9, 'x', now())",
        "truncate todos",
        "create table mine ()",
    ] {
        let refused = client.batch_execute(beyond).await.expect_err("refused");
        assert_eq!(refused.code(), Some(&SqlState::INSUFFICIENT_PRIVILEGE), "{beyond}: {refused}");
    }
}
