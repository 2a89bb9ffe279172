//! A PostgreSQL database that is not there when the server starts.

use std::fs::File;
use std::path::Path;
use std::process::{Command, Stdio};

use blackbox_tests::Client;
use blackbox_tests::server::{SECRET_KEY, command};
use postgres_testbed::{Durability, PrivateCluster};
use tempfile::TempDir;

use crate::support::{add, until};

const WAITING: &str = "the database is not there yet; waiting for it";

/// The command that starts a server on the database, waiting at most `seconds` for it.
fn serve(folder: &Path, [app, owner]: [&str; 2], seconds: &str) -> Command {
    let settings = [
        ("DATABASE_URL", app),
        ("MIGRATION_DATABASE_URL", owner),
        ("DATABASE_WAIT_SECONDS", seconds),
        ("SECRET_KEY", SECRET_KEY),
        ("BCRYPT_COST_FACTOR", "10"),
        ("JSON_LOGS", "true"),
        ("PORT", "0"),
    ];
    command(folder, &settings.map(|(name, value)| (name.to_owned(), value.to_owned())))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_waits_for_the_database_and_says_so() {
    let cluster = PrivateCluster::start(Durability::Off);
    let database = cluster.create_database("late");
    cluster.stop_immediate();
    let folder = TempDir::new().expect("a temporary folder");
    let log = folder.path().join("log");
    let file = File::create(&log).expect("a log file");
    let mut server = serve(folder.path(), [&database.app_url(), &database.owner_url()], "3600");
    server.stdin(Stdio::null()).stdout(file.try_clone().expect("a second handle")).stderr(file);
    let mut server = server.spawn().expect("the server starts");
    let find = |text: &str| {
        let logs = std::fs::read_to_string(&log).expect("a log");
        logs.lines().find(|line| line.contains(text)).map(str::to_owned)
    };
    let waiting = until("a line about the database", || find(WAITING)).await;
    assert!(waiting.contains("Connection refused"), "{waiting}");
    cluster.start_again();
    let listening = until("a port", || find("listening on ")).await;
    let (_, url) = listening.split_once("listening on ").expect("found");
    add(&Client::new(url.trim_end_matches(['"', '}', '.'])).new_user().await, "it works").await;
    server.kill().expect("it runs");
    server.wait().expect("it ends");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_start_gives_up_in_one_sentence() {
    let cluster = PrivateCluster::start(Durability::Off);
    let database = cluster.create_database("never");
    let folder = TempDir::new().expect("a temporary folder");
    let (app, owner) = (database.app_url(), database.owner_url());
    let started = |urls, seconds| {
        let output = serve(folder.path(), urls, seconds).output().expect("it runs");
        let printed = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(1), "{printed}");
        let last = printed.lines().last().expect("a sentence").to_owned();
        (printed.contains(WAITING), last)
    };
    let place = "todo-server: the database that MIGRATION_DATABASE_URL names can't be used";
    // Time does not mend a role that does not exist. A database may still be created.
    let stranger = owner.replace("todo_owner@", "stranger@");
    let missing = owner.replace(database.name(), "missing");
    for (url, seconds, waits, reason) in [
        (&stranger, "3600", false, "role \"stranger\" does not exist"),
        (&missing, "1", true, "database \"missing\" does not exist"),
    ] {
        let (waited, sentence) = started([&app, url], seconds);
        assert_eq!(waited, waits, "{sentence}");
        assert!(sentence.starts_with(place) && sentence.contains(reason), "{sentence}");
    }
    cluster.stop_immediate();
    for (seconds, waits) in [("0", false), ("1", true)] {
        let (waited, sentence) = started([&app, &owner], seconds);
        assert_eq!(waited, waits, "{sentence}");
        assert!(sentence.starts_with(place) && sentence.contains("Connection refused"), "{sentence}");
    }
}
