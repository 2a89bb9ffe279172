//! The schema goes up and down, and up by several at once.

use adapters_postgres::{MigrateError, migrate, migration_status, revert_last};
use postgres_testbed::{Database, Role, Testbed};

/// Everything that the migrations make, as PostgreSQL describes it.
fn schema(database: &Database) -> String {
    let sql = "
        select 'column', table_name, column_name, data_type, is_nullable, coalesce(column_default, ''), \
               coalesce(collation_name, ''), coalesce(generation_expression, '')
          from information_schema.columns where table_schema = 'public' and table_name not like '\\_\\_%' order by 2, 3;
        select 'constraint', conrelid::regclass, conname, pg_get_constraintdef(oid) from pg_constraint
         where connamespace = 'public'::regnamespace and conrelid::regclass::text not like '\\_\\_%' order by 2, 3;
        select 'index', indexdef from pg_indexes where schemaname = 'public' and tablename not like '\\_\\_%' order by 2;
        select 'policy', tablename, policyname, cmd, qual, with_check from pg_policies order by 2, 3;
        select 'fence', relname from pg_class where relrowsecurity order by 2;
        select 'function', proname, prosrc from pg_proc where pronamespace = 'public'::regnamespace order by 2;
        select 'sequence', sequencename from pg_sequences where schemaname = 'public' order by 2;
        select 'grant', table_name, grantee, privilege_type from information_schema.role_table_grants
         where table_schema = 'public' and table_name not like '\\_\\_%' order by 2, 3, 4";
    database.sql(Role::Owner, sql).expect("the catalogue can be read")
}

#[tokio::test]
async fn down_takes_everything_back_and_up_makes_the_same_again() {
    let database = Testbed::shared().create_database("migrations");
    let (owner, app) = (database.owner_url(), database.app_url());
    let empty = schema(&database);
    let all = migrate(&owner, &app).await.expect("up");
    assert!(!all.is_empty());
    let full = schema(&database);
    assert!(full.contains("todos_live"), "{full}");
    assert!(migration_status(&owner).await.expect("status").iter().all(|migration| migration.applied));

    for name in all.iter().rev() {
        assert_eq!(revert_last(&owner).await.expect("down").as_ref(), Some(name));
    }
    assert_eq!(schema(&database), empty);
    assert_eq!(revert_last(&owner).await.expect("nothing to do"), None);
    assert!(migration_status(&owner).await.expect("status").iter().all(|migration| !migration.applied));

    assert_eq!(migrate(&owner, &app).await.expect("up again"), all);
    assert_eq!(schema(&database), full);
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
async fn a_role_without_rights_can_start_on_a_finished_schema_but_not_make_it() {
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
async fn a_database_that_is_not_there_is_told_in_a_sentence() {
    let url = "postgres://nobody:hunter2@127.0.0.1:1/nothing";
    let error = migrate(url, url).await.expect_err("nothing listens there").to_string();
    assert!(error.contains("onnect") && !error.contains("hunter2"), "{error}");
}
