//! Load beyond the server's capacity.

use std::time::Duration;

use blackbox_tests::client::PASSWORD;
use blackbox_tests::{Database, Server, on_both_databases};
use futures_util::future::join_all;
use postgres_testbed::Role;
use serde_json::json;

use crate::support::{add, at, everything, id, items};

on_both_databases! {
    async fn a_flood_of_logins_is_limited_and_other_requests_succeed(server: Server) {
        let (ann, _) = server.client().register("ann@example.com").await;
        let client = server.client();
        let body = json!({"email": "ann@example.com", "password": "Wrong-Horse-7"});
        let flood = join_all((0..400).map(|_| client.post("/api/v1/auth/login", body.clone())));
        let others = async {
            for n in 0..30 {
                ann.post("/api/v1/todos", json!({"id": id(n), "text": "x"})).await.expect(201);
                ann.get("/api/v1/todos").await.expect(200);
            }
        };
        let (answers, ()) = tokio::join!(flood, others);
        for answer in &answers {
            match answer.status {
                401 => answer.expect_problem(401, "AUTH_001"),
                429 => answer.expect_problem(429, "RATE_001"),
                _ => panic!("{answer}"),
            }
            assert!(answer.status == 401 || answer.headers.contains_key("retry-after"), "{answer}");
        }
        let compared = answers.iter().filter(|answer| answer.status == 401).count();
        assert!(compared > 0 && compared < 400, "the queue is bounded: {compared} compared");
    }

    async fn a_thousand_concurrent_writes_are_each_stored_or_refused(server: Server) {
        let ann = server.client().new_user().await;
        let answers =
            join_all((0..1000).map(|n| ann.post("/api/v1/todos", json!({"id": id(n), "text": "x"})))).await;
        let done = answers.iter().filter(|answer| answer.status == 201).count();
        for answer in answers.iter().filter(|answer| answer.status != 201) {
            answer.expect_problem(503, "SERVER_001");
        }
        let total: usize =
            ann.get("/api/v1/todos").await.expect(200).header("x-total-count").parse().expect("a number");
        assert!(total >= done, "every acknowledged todo is stored: {total} of {done}");
        assert!(done > 0);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn right_passwords_of_few_accounts_keep_nobody_from_logging_in() {
    let server = Server::start(Database::Sqlite).await;
    let client = server.client();
    let anyone = client.clone();
    let login = move |email: &str| {
        let (client, body) = (anyone.clone(), json!({"email": email, "password": PASSWORD}));
        async move { client.post("/api/v1/auth/login", body).await }
    };
    for email in ["eve0@example.com", "eve1@example.com", "eve2@example.com", "bob@example.com"] {
        client.register(email).await;
    }
    let attackers: Vec<_> = (0..60)
        .map(|n| {
            let login = login.clone();
            tokio::spawn(async move {
                loop {
                    let status = login(&format!("eve{}@example.com", n % 3)).await.status;
                    assert!([200, 429].contains(&status), "{status}");
                }
            })
        })
        .collect();
    // The attack fills what it can before the others come.
    tokio::time::sleep(Duration::from_secs(1)).await;
    for n in 0..5 {
        login("bob@example.com").await.expect(200);
        client.register(&format!("new{n}@example.com")).await;
    }
    for attacker in attackers {
        assert!(!attacker.is_finished(), "it went on to the end");
        attacker.abort();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_locked_row_of_one_user_does_not_delay_another_user() {
    let server = Server::start_with(Database::Postgres, &[("DATABASE_TIMEOUT_MS", "12000")]).await;
    let (ann, _) = server.client().register("ann@example.com").await;
    let (bob, _) = server.client().register("bob@example.com").await;
    let todo = add(&ann, "milk").await;
    let database = server.postgres.as_ref().expect("it runs on PostgreSQL");
    let lock =
        "BEGIN; SELECT id FROM users WHERE email = 'ann@example.com' FOR UPDATE; SELECT pg_sleep(60); COMMIT";
    let attempts = async {
        // Wait until the row is locked.
        let held = "SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(60)%' AND state = 'active' AND pid <> pg_backend_pid()";
        while database.sql(Role::Owner, held).expect("the query runs") == "0" {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        let path = at(&todo);
        let release = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE '%pg_sleep(60)%' AND pid <> pg_backend_pid()";
        let anns = join_all((0..3).map(|n| ann.patch(&path, json!({"text": format!("oat milk {n}")}))));
        let bobs = join_all((0..20).map(|n| bob.post("/api/v1/todos", json!({"id": id(n), "text": "x"}))));
        let answers = tokio::join!(anns, bobs);
        database.sql(Role::Owner, release).expect("the lock is released");
        answers
    };
    let (anns, bobs) = std::thread::scope(|scope| {
        let holder = scope.spawn(|| database.sql(Role::Owner, lock));
        let runtime = tokio::runtime::Handle::current();
        let answers = tokio::task::block_in_place(|| runtime.block_on(attempts));
        holder.join().expect("it ends").expect_err("it was terminated");
        answers
    });
    for answer in anns {
        assert!([200, 503].contains(&answer.status), "{answer}");
    }
    let refused: Vec<_> =
        bobs.iter().filter(|answer| answer.status != 201).map(ToString::to_string).collect();
    assert!(refused.is_empty(), "{} of 20, the first: {}", refused.len(), refused[0]);
    // The row can be written again.
    ann.patch(&at(&todo), json!({"text": "soy milk"})).await.expect(200);
    assert_eq!(items(&everything(&bob).await).len(), 20);
}
