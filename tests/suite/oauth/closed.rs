//! An operator closes registration or password logins.

use blackbox_tests::client::PASSWORD;
use blackbox_tests::on_both_databases;
use reqwest::Method;
use serde_json::json;

use super::browser::Browser;
use super::provider::Provider;
use super::{ann, log_in, me, server_with};
use crate::support::{days_ago, text};

on_both_databases! {
    async fn a_closed_server_logs_users_in_and_creates_none(database: Database) {
        let acme = Provider::openid("acme").await;
        let mut server = server_with(database, &[&acme]).await;
        let ann = me(&log_in(&server, &acme).await).await["id"].clone();
        server.set("REGISTRATION", "closed");
        server.crash_and_restart().await;
        let client = server.client();
        let described = client.get("/api/v1/server").await.expect(200).json();
        assert_eq!(described["registration"], "closed");
        let body = json!({"email": "eve@example.com", "password": PASSWORD});
        for path in ["/api/v1/auth/register", "/auth/register", "/api/auth/signup"] {
            client.post(path, body.clone()).await.expect_problem(403, "AUTHZ_002");
        }
        // The answer does not tell whether there is an account, and no email is sent without one.
        for email in ["eve@example.com", "ann@example.com"] {
            client.post("/api/v1/auth/magic-link/request", json!({"email": email})).await.expect(202);
        }
        assert_eq!(server.column("SELECT \"to\" AS value FROM mail_outbox"), ["ann@example.com"]);
        assert_eq!(me(&log_in(&server, &acme).await).await["id"], ann);
        acme.log_in_as(json!({"sub": "eve", "email": "eve@example.com", "email_verified": true})).await;
        Browser::new(&server).log_in(&acme).await.expect_problem(403, "AUTHZ_002");
        assert_eq!(server.column("SELECT email AS value FROM users"), ["ann@example.com"]);
    }

    async fn without_password_logins_no_password_logs_in_or_is_set(database: Database) {
        let acme = Provider::openid("acme").await;
        let mut server = server_with(database, &[&acme]).await;
        let (bob, _) = server.client().register("bob@example.com").await;
        acme.log_in_as(json!({"sub": "bob", "email": "bob@other.example", "email_verified": true})).await;
        Browser::new(&server).link(&bob, &acme).await.expect(302);
        acme.log_in_as(ann()).await;
        let ann = log_in(&server, &acme).await;
        server.set("PASSWORD_LOGIN", "off");
        server.crash_and_restart().await;
        let client = server.client();
        let described = client.get("/api/v1/server").await.expect(200).json();
        assert_eq!(described["logins"], json!({"password": false, "magic_link": true, "providers": ["acme"]}));
        let body = json!({"email": "bob@example.com", "password": PASSWORD});
        for path in ["/api/v1/auth/login", "/auth/login", "/api/auth/signin", "/api/v1/auth/register"] {
            client.post(path, body.clone()).await.expect_problem(403, "AUTHZ_002");
        }
        let forgotten = json!({"email": "bob@example.com"});
        client.post("/api/v1/auth/forgot-password", forgotten).await.expect_problem(403, "AUTHZ_002");
        let reset = json!({"token": "x", "password": PASSWORD});
        client.post("/api/v1/auth/reset-password", reset).await.expect_problem(403, "AUTHZ_002");
        // Nothing that can't log in counts as another way to do so.
        let (bob, unlink) = (client.with_token(bob.token()), "/api/v1/auth/oauth/acme");
        let proof = json!({"current_password": PASSWORD});
        let refused = bob.send(bob.request(Method::DELETE, unlink).json(&proof)).await;
        refused.expect_problem(403, "AUTHZ_002");
        assert!(text(&refused.json()["message"]).contains("last way"), "{refused}");
        let ann = client.with_token(ann.token());
        let change = json!({"current_password": PASSWORD, "new_password": "Giraffe-Spot-8"});
        ann.post("/api/v1/auth/change-password", change).await.expect_problem(403, "AUTHZ_002");
        log_in(&server, &acme).await;
    }

    async fn without_password_logins_a_recent_login_is_the_proof_and_no_password(database: Database) {
        let acme = Provider::openid("acme").await;
        let mut server = server_with(database, &[&acme]).await;
        let (bob, _) = server.client().register("bob@example.com").await;
        Browser::new(&server).link(&bob, &acme).await.expect(302);
        assert_eq!(me(&bob).await["has_password"], true);
        server.set("PASSWORD_LOGIN", "off");
        server.crash_and_restart().await;
        let earlier = days_ago(&server, 2);
        for table in ["sessions", "external_identities"] {
            server.execute(&format!("UPDATE {table} SET created_at = {earlier}"));
        }
        let bob = server.client().with_token(bob.token());
        assert_eq!(me(&bob).await["has_password"], false);
        for (method, path, proof) in [
            (Method::DELETE, "/api/v1/users/me", json!({"password": PASSWORD})),
            (Method::PATCH, "/api/v1/users/me", json!({"email": "new@example.com", "current_password": PASSWORD})),
            (Method::POST, "/api/v1/auth/oauth/acme/link", json!({"current_password": PASSWORD})),
        ] {
            let refused = bob.send(bob.request(method, path).json(&proof)).await;
            refused.expect_problem(403, "AUTHZ_002");
        }
        let fresh = log_in(&server, &acme).await;
        fresh.patch("/api/v1/users/me", json!({"email": "new@example.com"})).await.expect(200);
        fresh.delete("/api/v1/users/me").await.expect(204);
    }
}
