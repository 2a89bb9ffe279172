//! Users of an external issuer.

use blackbox_tests::client::PASSWORD;
use blackbox_tests::server::{SECRET_KEY, command};
use blackbox_tests::{Socket, on_both_databases};
use reqwest::Method;
use serde_json::json;

use super::{BetterAuth, Server, add_task, caller, trusting_keys};
use crate::support::{add, check_each, everything, revoked, texts};

on_both_databases! {
    async fn an_external_token_reads_and_writes_todos_only(database: Database) {
        let issuer = BetterAuth::signing("EdDSA").await;
        let server = trusting_keys(database, &issuer).await;
        let ann = caller(&server, &issuer.sign_up("ann@example.com").await).await;
        add_task(&ann, "Buy milk").await.expect(201);
        let cases = [
            (Method::GET, "/api/v1/users/me"),
            (Method::PATCH, "/api/v1/users/me"),
            (Method::DELETE, "/api/v1/users/me"),
            (Method::GET, "/api/v1/users/me/export"),
            (Method::GET, "/api/v1/users/me/devices"),
            (Method::DELETE, "/api/v1/users/me/devices/018f3a6e-ffff-7000-8000-000000000000"),
            (Method::POST, "/api/v1/auth/change-password"),
            (Method::POST, "/api/v1/auth/logout"),
            (Method::POST, "/api/v1/auth/oauth/google/link"),
            (Method::DELETE, "/api/v1/auth/oauth/google"),
            (Method::POST, "/auth/change-password"),
            (Method::POST, "/auth/logout"),
        ];
        check_each(cases, async |(method, path)| {
            let answer = ann.send(ann.request(method.clone(), path).json(&json!({}))).await;
            answer.expect_problem(403, "AUTHZ_002");
            let challenge = r#"Bearer error="insufficient_scope", scope="account""#;
            assert_eq!(answer.header("www-authenticate"), challenge, "{answer}");
        })
        .await;
        ann.get("/api/tasks").await.expect(200);
    }

    async fn an_external_subject_never_joins_an_account_by_address(database: Database) {
        let issuer = BetterAuth::signing("EdDSA").await;
        let server = trusting_keys(database, &issuer).await;
        let (own, _) = server.client().register("ann@example.com").await;
        add(&own, "registered here").await;
        let there = caller(&server, &issuer.sign_up("Ann@Example.com").await).await;
        assert_eq!(everything(&there).await, json!([]));
        add(&there, "signed up there").await;
        assert_eq!(texts(&everything(&own).await), ["registered here"]);
        assert_eq!(texts(&everything(&there).await), ["signed up there"]);
        let me = own.get("/api/v1/users/me").await.expect(200).json();
        assert_eq!((&me["providers"], &me["email"]), (&json!([]), &json!("ann@example.com")));
        let credentials = json!({"email": "ann@example.com", "password": PASSWORD, "client_id": "laptop"});
        server.client().post("/api/v1/auth/login", credentials).await.expect(200);
        assert_eq!(server.column("SELECT '' || count(*) AS value FROM users"), ["2"]);
    }

    async fn a_disabled_user_is_refused_despite_a_valid_token_of_the_issuer(database: Database) {
        let issuer = BetterAuth::signing("EdDSA").await;
        let server = trusting_keys(database, &issuer).await;
        let ann = issuer.sign_up("ann@example.com").await;
        let ann_here = caller(&server, &ann).await;
        add_task(&ann_here, "Buy milk").await.expect(201);
        let (mut socket, _) = Socket::ready(&server.socket_url(), ann_here.token(), "").await;
        server.execute("UPDATE users SET is_active = false");
        revoked(&ann_here, "AUTH_007").await;
        assert_eq!(socket.closed().await, 4401);
        let fresh = caller(&server, &ann).await;
        fresh.get("/api/v1/todos").await.expect_problem(401, "AUTH_007");
        fresh.post("/api/v1/todos/sync", json!({})).await.expect_problem(401, "AUTH_007");
        assert_eq!(Socket::open(&server.socket_url(), fresh.token(), "").await.err(), Some(401));
    }

    async fn requests_count_per_subject_and_not_per_address(database: Database) {
        let issuer = BetterAuth::signing("EdDSA").await;
        let limits =
            [("RATE_LIMIT_ENABLED", "true"), ("RATE_LIMIT_API", "10/1h"), ("RATE_LIMIT_API_BURST", "3")];
        let settings = [&limits[..], &[("BETTER_AUTH_URL", issuer.base_url.as_str())]].concat();
        let server = Server::start_with(database, &settings).await;
        let (ann, bob) = (issuer.sign_up("ann@example.com").await, issuer.sign_up("bob@example.com").await);
        let ann_here = caller(&server, &ann).await;
        for left in ["2", "1", "0"] {
            let answer = ann_here.get("/api/tasks").await.expect(200);
            assert!(answer.header("ratelimit").contains(&format!("r={left};")), "{answer}");
        }
        // Another token of the same user has the same limit.
        let refused = caller(&server, &ann).await.get("/api/tasks").await;
        refused.expect_problem(429, "RATE_001");
        assert!(refused.header("retry-after").parse::<u64>().is_ok_and(|seconds| seconds > 0), "{refused}");
        caller(&server, &bob).await.get("/api/tasks").await.expect(200);
    }
}

#[test]
fn the_secret_of_better_auth_must_not_be_the_servers_own() {
    let folder = tempfile::TempDir::new().expect("a temporary folder");
    let settings = [("SECRET_KEY", SECRET_KEY), ("BETTER_AUTH_SECRET", SECRET_KEY)];
    let settings = settings.map(|(name, value)| (name.to_owned(), value.to_owned()));
    for arguments in [&["check-config"][..], &["serve"]] {
        let output = command(folder.path(), &settings).args(arguments).output().expect("it runs");
        assert!(!output.status.success());
        let message = [output.stdout, output.stderr].concat();
        let message = String::from_utf8_lossy(&message);
        let expected = "todo-server: BETTER_AUTH_SECRET must not be SECRET_KEY";
        assert!(message.starts_with(expected), "{message}");
    }
}
