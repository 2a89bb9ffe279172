//! What a test may rely on, shown with real clusters.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use postgres_testbed::{Durability, PrivateCluster, Role, Standby, Testbed};

#[test]
fn two_databases_of_one_hint_are_apart() {
    let (one, two) =
        (Testbed::shared().create_database("Same hint!"), Testbed::shared().create_database("Same hint!"));
    assert_ne!(one.name(), two.name());
    assert!(one.name().starts_with("same_hint__"), "{}", one.name());
    one.sql(Role::Owner, "CREATE TABLE mine ()").unwrap();
    assert!(two.sql(Role::Owner, "SELECT FROM mine").unwrap_err().contains("does not exist"));
}

#[test]
fn a_dropped_value_drops_its_database() {
    let database = Testbed::shared().create_database("dropped");
    let name = database.name().to_owned();
    let other = Testbed::shared().create_database("witness");
    let count = format!("SELECT count(*) FROM pg_database WHERE datname = '{name}'");
    assert_eq!(other.sql(Role::Owner, &count).unwrap(), "1");
    drop(database);
    assert_eq!(other.sql(Role::Owner, &count).unwrap(), "0");
}

#[test]
fn a_setting_that_outlives_its_session_is_found() {
    let database = Testbed::shared().create_database("settings");
    let name = database.name().to_owned();
    let found = || Testbed::shared().changed_settings().iter().any(|changed| changed.contains(&name));
    database.sql(Role::Owner, "SET work_mem = '1MB'").unwrap();
    assert!(!found());
    database.sql(Role::Owner, &format!("ALTER DATABASE \"{name}\" SET work_mem = '1MB'")).unwrap();
    assert!(found(), "{:?}", Testbed::shared().changed_settings());
    drop(database);
    assert!(!found());
}

#[test]
fn a_template_is_made_once_however_many_ask_for_it() {
    let testbed = Testbed::shared();
    let made = AtomicUsize::new(0);
    let key = format!("once {}", std::process::id());
    thread::scope(|scope| {
        for number in 0..8 {
            let (made, key) = (&made, &key);
            scope.spawn(move || {
                let template = testbed.ensure_template(key, |database| {
                    made.fetch_add(1, Ordering::SeqCst);
                    database
                        .sql(Role::Owner, "CREATE TABLE seen (n int); INSERT INTO seen VALUES (7)")
                        .unwrap();
                });
                let clone = testbed.create_database_from(&template, &format!("clone {number}"));
                assert_eq!(clone.sql(Role::Owner, "SELECT n FROM seen").unwrap(), "7");
                clone.sql(Role::App, "UPDATE seen SET n = 8").unwrap();
            });
        }
    });
    assert_eq!(made.into_inner(), 1);
}

#[test]
fn a_template_whose_migration_failed_is_made_anew() {
    let testbed = Testbed::shared();
    let key = format!("anew {}", std::process::id());
    let failed = thread::spawn({
        let key = key.clone();
        move || {
            testbed.ensure_template(&key, |database| {
                drop(database.sql(Role::Owner, "nonsense").unwrap());
            })
        }
    });
    assert!(failed.join().is_err());
    let template = testbed.ensure_template(&key, |database| {
        database.sql(Role::Owner, "CREATE TABLE second ()").unwrap();
    });
    let clone = testbed.create_database_from(&template, "anew");
    assert_eq!(clone.sql(Role::App, "SELECT count(*) FROM second").unwrap(), "0");
}

#[test]
fn row_security_binds_the_app_role_and_not_the_owner() {
    let database = Testbed::shared().create_database("row security");
    database
        .sql(
            Role::Owner,
            "CREATE TABLE note (who int, text text);
             INSERT INTO note VALUES (1, 'mine'), (2, 'yours');
             ALTER TABLE note ENABLE ROW LEVEL SECURITY;
             CREATE POLICY own ON note USING (who = 1);",
        )
        .unwrap();
    assert_eq!(database.sql(Role::Owner, "SELECT text FROM note ORDER BY who").unwrap(), "mine\nyours");
    assert_eq!(database.sql(Role::App, "SELECT text FROM note").unwrap(), "mine");
    let refused = database.sql(Role::App, "ALTER TABLE note DISABLE ROW LEVEL SECURITY").unwrap_err();
    assert!(refused.contains("must be owner"), "{refused}");
    let refused = database.sql(Role::App, "CREATE TABLE other ()").unwrap_err();
    assert!(refused.contains("permission denied"), "{refused}");
}

#[test]
fn letters_beyond_ascii_have_two_cases() {
    let database = Testbed::shared().create_database("letters");
    assert_eq!(database.sql(Role::App, "SELECT lower('ÄÉЖ')").unwrap(), "äéж");
}

#[test]
fn a_private_cluster_comes_back_on_its_port_with_what_was_committed() {
    let cluster = PrivateCluster::start(Durability::Off);
    let database = cluster.create_database("outage");
    let url = database.app_url();
    database.sql(Role::Owner, "CREATE TABLE kept (n int); INSERT INTO kept VALUES (1)").unwrap();
    assert!(cluster.pid().is_some());

    cluster.stop_immediate();
    let refused = database.sql(Role::App, "SELECT 1").unwrap_err();
    assert!(refused.contains("Connection refused"), "{refused}");
    assert_eq!(cluster.pid(), None);

    cluster.start_again();
    assert_eq!(database.app_url(), url);
    assert_eq!(database.sql(Role::App, "SELECT n FROM kept").unwrap(), "1");
}

#[test]
fn durability_is_what_was_asked_for() {
    for (durability, fsync) in [(Durability::Full, "on"), (Durability::Off, "off")] {
        let database = PrivateCluster::start(durability).create_database("durability");
        assert_eq!(database.sql(Role::App, "SHOW fsync").unwrap(), fsync);
        assert_eq!(database.sql(Role::App, "SHOW synchronous_commit").unwrap(), "on");
    }
}

#[test]
fn a_promoted_standby_has_what_was_committed_before_it_was_cut_off_and_another_timeline() {
    let cluster = PrivateCluster::start(Durability::Full);
    let database = cluster.create_database("failover");
    database.sql(Role::Owner, "CREATE TABLE kept (n int); INSERT INTO kept VALUES (1)").unwrap();
    let standby = Standby::of(&cluster);
    let copy = standby.database(&database);
    database.sql(Role::Owner, "INSERT INTO kept VALUES (2)").unwrap();
    standby.catch_up();
    assert_eq!(copy.sql(Role::App, "SELECT count(*) FROM kept").unwrap(), "2");
    let refused = copy.sql(Role::Owner, "INSERT INTO kept VALUES (0)").unwrap_err();
    assert!(refused.contains("read-only"), "{refused}");

    standby.disconnect();
    database.sql(Role::Owner, "INSERT INTO kept VALUES (3)").unwrap();
    cluster.stop_immediate();
    standby.promote();
    copy.sql(Role::Owner, "INSERT INTO kept VALUES (4)").unwrap();
    assert_eq!(copy.sql(Role::App, "SELECT n FROM kept ORDER BY n").unwrap(), "1\n2\n4");
    let timeline = "SELECT left(pg_walfile_name(pg_current_wal_lsn()), 8)";
    assert_eq!(copy.sql(Role::App, timeline).unwrap(), "00000002");
}
