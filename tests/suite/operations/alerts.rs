//! The condition of each alert, brought about on a real server: its series, scraped before and after, make the alert
//! fire in Prometheus' own evaluation. What is scraped goes on for as long as the alert demands.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::time::Instant;

use blackbox_tests::binary::workspace;
use blackbox_tests::proxy::Proxy;
use blackbox_tests::server::TIMEOUT;
use blackbox_tests::{Client, Database, Server, on_postgres};
use chrono::{TimeDelta, Utc};
use diesel::connection::SimpleConnection as _;
use diesel::{Connection as _, SqliteConnection};
use serde_json::json;

use super::watching::{accepted, promtool};
use crate::mail::smtp_server::{SmtpServer, ask_for_link, todo_server};

/// What this page brings about. Only a fault of the program ends a task, which the tests of `supervise` cover.
const CONDITIONS: [&str; 13] = [
    "TodoServerDown",
    "TodoServerErrors",
    "TodoServerSlow",
    "TodoServerDatabaseQueue",
    "TodoServerLogLarge",
    "TodoServerRevocationsOld",
    "TodoServerBusDown",
    "TodoServerTaskRestarts",
    "TodoServerMailStuck",
    "TodoServerMailGivenUp",
    "TodoServerBackupFailed",
    "TodoServerBackupOld",
    "TodoServerWrongPasswords",
];

/// The values of the series at one moment, and which of them only grow.
#[derive(Default)]
struct Scrape(BTreeMap<String, (f64, bool)>);

impl Scrape {
    /// What Prometheus gets from the server, `up` included.
    async fn of(client: &Client) -> Self {
        let Ok(response) = client.request(reqwest::Method::GET, "/metrics").send().await else {
            return Self([("up".to_owned(), (0.0, false))].into());
        };
        let text = response.text().await.expect("a body");
        let mut series = BTreeMap::from([("up".to_owned(), (1.0, false))]);
        let mut grows = false;
        for line in text.lines() {
            if let Some(kind) = line.strip_prefix("# TYPE ") {
                grows = !kind.ends_with(" gauge");
            } else if let Some((name, value)) = line.rsplit_once(' ').filter(|_| !line.starts_with('#')) {
                let value: f64 = value.parse().expect("a number");
                if value.is_finite() {
                    series.insert(name.to_owned(), (value, grows));
                }
            }
        }
        Self(series)
    }

    /// The value of a series; 0 if there is none.
    fn value(&self, name: &str) -> f64 {
        self.0.get(name).map_or(0.0, |(value, _)| *value)
    }

    /// Scrapes until `is_there` holds.
    async fn until(client: &Client, what: &str, is_there: impl Fn(&Self) -> bool) -> Self {
        let start = Instant::now();
        loop {
            let scrape = Self::of(client).await;
            if is_there(&scrape) {
                return scrape;
            }
            assert!(start.elapsed() < TIMEOUT, "timed out waiting for {what}");
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    }
}

/// Asserts that Prometheus fires each of `alerts` if counters go on growing, with each scrape, as from `before` to
/// `after`, and gauges stay as in `after`. `interval` is the time between two scrapes, in seconds.
fn expect_firing(alerts: &[&str], before: &Scrape, after: &Scrape, interval: u64) {
    const SCRAPES: u64 = 480;
    let rules = workspace().join("deploy/prometheus/alerts.yml");
    let alerted = fs::read_to_string(&rules).expect("it is there");
    let end = interval * SCRAPES;
    #[expect(clippy::cast_precision_loss, reason = "small")]
    let to_start = end as f64 - now().timestamp() as f64;
    let mut series = Vec::new();
    for (name, (value, grows)) in &after.0 {
        let (metric, labels) = name.split_once('{').unwrap_or((name, "}"));
        let growth = if *grows { value - before.value(name) } else { 0.0 };
        // Prometheus' tests begin in 1970, and end now.
        let value = if metric.ends_with("_timestamp_seconds") { value + to_start } else { *value };
        if alerted.contains(&format!("{metric}{{")) {
            series.push(json!({
                "series": format!("{metric}{{job=\"todo-server\", instance=\"a\", {labels}"),
                "values": format!("{value}{growth:+}x{SCRAPES}"),
            }));
        }
    }
    let fires = |alert: &&str| {
        json!({
            "expr": format!("max by (alertname) (ALERTS{{alertstate=\"firing\", alertname=\"{alert}\"}})"),
            "eval_time": format!("{end}s"),
            "exp_samples": [{"labels": format!("{{alertname=\"{alert}\"}}"), "value": 1}],
        })
    };
    let test = json!({
        "rule_files": [rules],
        "evaluation_interval": format!("{interval}s"),
        "tests": [{
            "interval": format!("{interval}s"),
            "input_series": series,
            "promql_expr_test": alerts.iter().map(fires).collect::<Vec<_>>(),
        }],
    });
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("test.yml");
    fs::write(&file, test.to_string()).expect("written");
    accepted(&promtool(&["test", "rules", file.to_str().expect("UTF-8")], ""));
}

#[expect(clippy::disallowed_methods, reason = "Prometheus goes by the clock of the machine")]
fn now() -> chrono::DateTime<Utc> {
    Utc::now()
}

/// As in deploy/prometheus/prometheus.yml.
const INTERVAL: u64 = 15;

#[test]
fn each_alert_has_a_condition_in_these_tests() {
    let alerts = fs::read_to_string(workspace().join("deploy/prometheus/alerts.yml")).expect("it is there");
    let alerts: Vec<_> = alerts.lines().filter_map(|line| line.trim().strip_prefix("- alert: ")).collect();
    assert_eq!(alerts, CONDITIONS);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_alerts_of_one_server_fire_on_their_conditions() {
    let smtp =
        SmtpServer::open(&["--refuse", "nowhere@example.com", "--first", "later", "--count", "1000"]).await;
    let settings = [
        ("MAIL_RETRY_SECONDS", "3600"),
        ("DATABASE_TIMEOUT_MS", "2000"),
        ("BACKUP_EVERY", "10d"),
        // A file, in which no folder can be made.
        ("BACKUP_DIR", "server.log/backups"),
    ];
    let mut server = todo_server(Database::Sqlite, smtp.port, &settings).await;
    let client = server.client();

    // Guessed passwords.
    let (ann, _) = client.register("ann@example.com").await;
    for _ in 0..20 {
        let guess = json!({"email": "ann@example.com", "password": "Wrong-Horse-7"});
        client.post("/api/v1/auth/login", guess).await.expect_problem(401, "AUTH_001");
    }
    // A mail server that takes nothing, and a receiver whom it refuses for good.
    ask_for_link(&client, "nowhere@example.com").await;
    for n in 0..11 {
        ask_for_link(&client, &format!("{n}@example.com")).await;
    }
    // A write-ahead log that does not shrink. SQLite does not read what it did not write there.
    let log = File::options().append(true).open(server.folder().join("todos.db-wal")).expect("it is there");
    log.set_len(300 * 1024 * 1024).expect("room: the file has no blocks there");
    let after = Scrape::until(&client, "mails and backups to fail", |scrape| {
        scrape.value("mail_queued") > 10.0
            && scrape.value("mail_given_up_total") > 0.0
            && scrape.value("backups_total{outcome=\"failed\"}") > 0.0
    })
    .await;
    let alerts = [
        "TodoServerWrongPasswords",
        "TodoServerMailStuck",
        "TodoServerMailGivenUp",
        "TodoServerBackupFailed",
        "TodoServerLogLarge",
    ];
    // The server began with zeros.
    expect_firing(&alerts, &Scrape::default(), &after, INTERVAL);

    // Another program holds SQLite's lock.
    let mut other = SqliteConnection::establish(&server.folder().join("todos.db").display().to_string())
        .expect("it opens");
    other.batch_execute("BEGIN IMMEDIATE").expect("locked");
    let before = Scrape::of(&client).await;
    let writes: Vec<_> = (0..40)
        .map(|n| {
            let ann = ann.clone();
            tokio::spawn(async move {
                ann.post("/api/v1/todos", json!({"text": format!("todo {n}")})).await.status
            })
        })
        .collect();
    let waiting = "database_requests_waiting";
    let during = Scrape::until(&client, "writes to wait", |scrape| scrape.value(waiting) > 20.0).await;
    expect_firing(&["TodoServerDatabaseQueue"], &before, &during, INTERVAL);
    for write in writes {
        assert_eq!(write.await.expect("no panic"), 503);
    }
    other.batch_execute("ROLLBACK").expect("unlocked");
    let after = Scrape::of(&client).await;
    expect_firing(&["TodoServerErrors", "TodoServerSlow"], &before, &after, INTERVAL);

    // The last backup was made three days ago.
    let backups = server.folder().join("backups");
    let three_days_ago = (now() - TimeDelta::days(3)).format("%Y%m%dT%H%M%SZ");
    fs::create_dir(&backups).expect("created");
    fs::write(backups.join(format!("todos-at-{three_days_ago}.db")), "").expect("written");
    server.set("BACKUP_DIR", "backups");
    server.crash_and_restart().await;
    let client = server.client();
    let after =
        Scrape::until(&client, "the worker", |scrape| scrape.value("backup_last_timestamp_seconds") > 0.0)
            .await;
    expect_firing(&["TodoServerBackupOld"], &after, &after, 3600);

    server.terminate();
    assert!(server.ended().await.success(), "{}", server.logs());
    let after = Scrape::of(&client).await;
    expect_firing(&["TodoServerDown"], &after, &after, INTERVAL);
}

on_postgres! {
    async fn a_lost_database_makes_the_alerts_of_instances_fire(server: Server) {
        let url = |name: &str, proxy: &Proxy| {
            let (before, rest) = server.setting(name).rsplit_once('@').expect("a URL with a user");
            let (_, path) = rest.split_once('/').expect("a URL with a path");
            format!("{before}@{}/{path}", proxy.address())
        };
        let app = server.setting("DATABASE_URL");
        let host = app.rsplit_once('@').and_then(|(_, rest)| rest.split_once('/')).expect("a host").0;
        let proxy = Proxy::start(host).await;
        let (app, owner) = (url("DATABASE_URL", &proxy), url("MIGRATION_DATABASE_URL", &proxy));
        let cut_off = Server::start_on(&app, &owner, &[("DATABASE_TIMEOUT_MS", "1000")]).await;
        let client = cut_off.client();
        let before = Scrape::until(&client, "the bus", |scrape| scrape.value("realtime_bus_up") > 0.0).await;
        proxy.cut();
        let after = Scrape::until(&client, "the outage", |scrape| {
            scrape.value("realtime_bus_up") < 1.0 && scrape.value("revocations_age_seconds") > 5.0
        })
        .await;
        expect_firing(&["TodoServerBusDown", "TodoServerRevocationsOld"], &before, &after, INTERVAL);
        proxy.heal();
        let back = |scrape: &Scrape| {
            scrape.value("realtime_bus_up") > 0.0 && scrape.value("revocations_age_seconds") < 5.0
        };
        Scrape::until(&client, "the database", back).await;
    }
}
