//! What instances share through Redis: events, revocations and rate limits, and what they do while
//! Redis is away.

use std::time::Duration;

use blackbox_tests::{Client, Database, Proxy, Server, Socket};
use redis_testbed::RedisServer;
use serde_json::json;
use tokio::time::sleep;

use super::events::{created, host, through};
use crate::mail::authority::Authority;
use crate::support::{add, log_in, revoked, text, total, until};

/// Begins the log line about rate limits that Redis does not count.
const AWAY: &str = "Redis does not count rate limits";

/// The first instance on a new database.
async fn first(settings: &[(&str, &str)]) -> Server {
    Server::start_with(Database::Postgres, settings).await
}

/// Another instance on the database of `server`.
async fn second(server: &Server, settings: &[(&str, &str)]) -> Server {
    Server::start_on(server.setting("DATABASE_URL"), server.setting("MIGRATION_DATABASE_URL"), settings).await
}

/// Waits until `/health`, which must answer 200, has this status.
async fn becomes(server: &Server, status: &str) {
    let start = std::time::Instant::now();
    loop {
        let health = server.client().get("/health").await.expect(200).json();
        if health["status"] == status {
            assert_eq!(health["checks"]["redis"], status == "healthy");
            return;
        }
        assert!(
            start.elapsed() < blackbox_tests::server::TIMEOUT,
            "not {status}: {health}\n{}",
            server.logs()
        );
        sleep(Duration::from_millis(20)).await;
    }
}

/// Waits until the metric has this value.
async fn metric_becomes(server: &Server, metric: &str, value: f64) {
    let start = std::time::Instant::now();
    while (total(server, metric).await - value).abs() > 0.1 {
        assert!(start.elapsed() < blackbox_tests::server::TIMEOUT, "{metric} is not {value}");
        sleep(Duration::from_millis(20)).await;
    }
}

/// Writes through each client in turn; returns the ids in the order of the writes.
async fn write(clients: &[Client], count: usize) -> Vec<String> {
    let mut ids = Vec::new();
    for n in 0..count {
        ids.push(text(&add(&clients[n % clients.len()], &format!("todo {n}")).await["id"]).to_owned());
    }
    ids
}

#[tokio::test(flavor = "multi_thread")]
async fn events_and_revocations_pass_through_redis_and_survive_its_loss() {
    let mut redis = RedisServer::start();
    let url = redis.url();
    let settings = [("REDIS_URL", &*url)];
    let server = first(&settings).await;
    let other = second(&server, &settings).await;
    let servers = [&server, &other];
    for server in servers {
        metric_becomes(server, "realtime_bus_up", 1.0).await;
        becomes(server, "healthy").await;
    }
    let (ann, _) = server.client().register("ann@example.com").await;
    let clients = servers.map(|server| server.client().with_token(ann.token()));
    let mut sockets = Vec::new();
    for server in [&server, &other, &other] {
        sockets.push(Socket::ready(&server.socket_url(), ann.token(), "").await.0);
    }
    let ids = write(&clients, 30).await;
    for socket in &mut sockets {
        assert_eq!(created(socket, 30).await, ids);
    }
    for server in servers {
        assert!(total(server, "realtime_bus_messages_received_total").await > 0.0);
    }

    // While Redis is away, nothing fails, and the poll finds what its messages would have told.
    for frozen in [false, true] {
        if frozen {
            redis.freeze();
        } else {
            redis.kill();
        }
        let ids = write(&clients, 10).await;
        for socket in &mut sockets {
            assert_eq!(created(socket, 10).await, ids);
        }
        for server in servers {
            becomes(server, "degraded").await;
            metric_becomes(server, "redis_up", 0.0).await;
            metric_becomes(server, "realtime_bus_up", 0.0).await;
        }
        if frozen {
            redis.thaw();
        } else {
            redis.start_again();
        }
        for server in servers {
            becomes(server, "healthy").await;
            metric_becomes(server, "redis_up", 1.0).await;
            metric_becomes(server, "realtime_bus_up", 1.0).await;
        }
        let ids = write(&clients, 10).await;
        for socket in &mut sockets {
            assert_eq!(created(socket, 10).await, ids);
        }
    }

    let (phone, _) = log_in(&server.client(), "ann@example.com", "phone").await;
    let phone_there = other.client().with_token(phone.token());
    let (mut socket, _) = Socket::ready(&other.socket_url(), phone.token(), "").await;
    phone.post("/api/v1/auth/logout", json!({})).await.expect(204);
    revoked(&phone_there, "AUTH_004").await;
    assert_eq!(socket.closed().await, 4401);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cut_to_redis_leaves_no_gap_and_one_to_everything_trusts_no_token() {
    let redis = RedisServer::start();
    let redis_proxy = Proxy::start(&redis.address()).await;
    let (url, cut_url) = (redis.url(), format!("redis://{}/0", redis_proxy.address()));
    let server = first(&[("REDIS_URL", &url)]).await;
    let (app, owner) = (server.setting("DATABASE_URL"), server.setting("MIGRATION_DATABASE_URL"));
    let database_proxy = Proxy::start(host(app)).await;
    let (app, owner) = (through(&database_proxy, app), through(&database_proxy, owner));
    let settings = [("REDIS_URL", &*cut_url), ("DATABASE_TIMEOUT_MS", "1000")];
    let cut_off = Server::start_on(&app, &owner, &settings).await;
    becomes(&cut_off, "healthy").await;
    let (ann, _) = server.client().register("ann@example.com").await;
    let mut sockets = vec![
        Socket::ready(&server.socket_url(), ann.token(), "").await.0,
        Socket::ready(&cut_off.socket_url(), ann.token(), "").await.0,
    ];

    redis_proxy.cut();
    let mut ids = Vec::new();
    for n in 0..40 {
        ids.push(text(&add(&ann, &format!("todo {n}")).await["id"]).to_owned());
        sleep(Duration::from_millis(250)).await;
    }
    redis_proxy.heal();
    // Without another write, everything arrives.
    for socket in &mut sockets {
        assert_eq!(created(socket, 40).await, ids);
    }

    // Neither the bus nor the poll tells of a logout, so the instance trusts no token
    // until one does.
    let (phone, _) = log_in(&server.client(), "ann@example.com", "phone").await;
    let phone_there = cut_off.client().with_token(phone.token());
    phone_there.get("/api/v1/todos").await.expect(200);
    redis_proxy.cut();
    database_proxy.cut();
    phone.post("/api/v1/auth/logout", json!({})).await.expect(204);
    let start = std::time::Instant::now();
    loop {
        let answer = phone_there.get("/api/v1/todos").await;
        // Until the list of revocations is too old, the token is trusted, and the database
        // does not answer.
        if answer.status == 503 && answer.json()["error_code"] == "SERVER_003" {
            let health = cut_off.client().get("/health").await.json();
            if health["checks"]["revocations"] == false {
                break;
            }
        }
        assert!(start.elapsed() < blackbox_tests::server::TIMEOUT, "{answer}");
        sleep(Duration::from_millis(100)).await;
    }
    redis_proxy.heal();
    database_proxy.heal();
    revoked_at_last(&phone_there).await;
}

/// Waits until the token is refused as revoked. Until then, it is not trusted.
async fn revoked_at_last(client: &Client) {
    let start = std::time::Instant::now();
    loop {
        let answer = client.get("/api/v1/todos").await;
        if answer.status == 401 {
            return answer.expect_problem(401, "AUTH_004");
        }
        assert_eq!(answer.status, 503, "{answer}");
        assert!(start.elapsed() < blackbox_tests::server::TIMEOUT, "{answer}");
        sleep(Duration::from_millis(50)).await;
    }
}

const QUOTA: usize = 10;
const LIMITED: [(&str, &str); 3] =
    [("RATE_LIMIT_ENABLED", "true"), ("RATE_LIMIT_API", "10/1h"), ("RATE_LIMIT_API_BURST", "10")];

/// Sends 30 requests of one user, in turn to each server; returns how many were granted.
async fn granted(servers: &[&Server], token: &str) -> usize {
    let mut granted = 0;
    for n in 0..30 {
        let client = servers[n % servers.len()].client().with_token(token);
        let answer = client.get("/api/v1/todos").await;
        assert!([200, 429].contains(&answer.status), "{answer}");
        granted += usize::from(answer.status == 200);
    }
    granted
}

#[tokio::test(flavor = "multi_thread")]
async fn two_instances_share_one_limit_and_count_for_themselves_while_redis_is_away() {
    let redis = RedisServer::start();
    let url = redis.url();
    let settings = [&LIMITED[..], &[("REDIS_URL", &*url)]].concat();
    let server = first(&settings).await;
    let other = second(&server, &settings).await;
    let servers = [&server, &other];
    let outages = || servers.iter().map(|server| server.logs().matches(AWAY).count()).sum::<usize>();
    // On a busy machine, Redis may be away for a moment, and another quota is granted. Then
    // it is logged.
    for round in 0.. {
        for server in servers {
            becomes(server, "healthy").await;
        }
        let before = outages();
        let (user, _) = server.client().register(&format!("user{round}@example.com")).await;
        let granted = granted(&servers, user.token()).await;
        if granted == QUOTA {
            break;
        }
        assert!(round < 20, "{granted} of {QUOTA} were granted");
        until("an outage that explains the additional requests", || (outages() > before).then_some(())).await;
    }
    let (ann, _) = server.client().register("ann@example.com").await;
    redis.freeze();
    // Each instance notices by itself; then no request waits, and each counts.
    for server in servers {
        becomes(server, "degraded").await;
        assert_eq!(granted(&[server], ann.token()).await, QUOTA);
    }
    redis.thaw();
    for server in servers {
        becomes(server, "healthy").await;
        assert!(server.logs().contains("rate limits are counted in Redis again"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn redis_is_reached_by_tls_with_a_password_from_a_file_or_not_at_all() {
    const PASSWORD: &str = "hush-hush#1";
    let authority = Authority::new();
    let redis = RedisServer::start_with_tls(&authority.certify("127.0.0.1"), PASSWORD);
    let folder = tempfile::TempDir::new().expect("a folder");
    let file = folder.path().join("redis-url");
    std::fs::write(&file, format!("rediss://:hush-hush%231@{}/0\n", redis.address())).expect("written");
    let (file, roots) = (file.display().to_string(), authority.file());
    let trusting = [("REDIS_URL_FILE", &*file), ("SSL_CERT_FILE", &*roots)];
    let server = first(&trusting).await;
    becomes(&server, "healthy").await;
    metric_becomes(&server, "realtime_bus_up", 1.0).await;
    // An authority that the machine does not trust, and a wrong password.
    let wrong = format!("rediss://:hush-wrong@{}/0", redis.address());
    for settings in
        [[("REDIS_URL_FILE", &*file), ("SSL_CERT_FILE", "")], [("REDIS_URL", &*wrong), trusting[1]]]
    {
        let settings: Vec<_> = settings.into_iter().filter(|(_, value)| !value.is_empty()).collect();
        let other = second(&server, &settings).await;
        becomes(&other, "degraded").await;
        until("the reason in the log", || other.logs().contains(AWAY).then_some(())).await;
        assert!(!other.logs().contains("hush"), "{}", other.logs());
    }
    assert!(!server.logs().contains("hush"), "{}", server.logs());
}
