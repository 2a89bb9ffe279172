//! Linking and unlinking change who can log in. They need proof and replace nothing, and the owner
//! learns of them by email.

use blackbox_tests::client::PASSWORD;
use blackbox_tests::{Answer, Client, Database, Server, on_both_databases};
use reqwest::Method;
use serde_json::{Value, json};

use super::browser::Browser;
use super::provider::Provider;
use super::{ann, log_in, me, server_with};
use crate::support::{text, until};

const ME: &str = "/api/v1/users/me";

/// Moves instants in these columns into the past.
pub fn age(server: &Server, table: &str, column: &str, hours: u32) {
    let earlier = match server.database() {
        Database::Postgres => format!("{column} - interval '{hours} hours'"),
        Database::Sqlite => format!("{column} - {hours} * 3600000000"),
    };
    server.execute(&format!("UPDATE {table} SET {column} = {earlier}"));
}

async fn ask_link(user: &Client, provider: &str, body: Value) -> Answer {
    user.post(&format!("/api/v1/auth/oauth/{provider}/link"), body).await
}

async fn unlink(user: &Client, provider: &str, body: Value) -> Answer {
    user.send(user.request(Method::DELETE, &format!("/api/v1/auth/oauth/{provider}")).json(&body)).await
}

/// The templates of all emails, sorted.
fn mails(server: &Server) -> Vec<String> {
    let mut mails = server.column("SELECT template AS value FROM mail_outbox");
    mails.sort();
    mails
}

on_both_databases! {
    async fn an_old_session_of_an_account_without_a_password_links_and_unlinks_nothing(database: Database) {
        let (acme, other) = (Provider::openid("acme").await, Provider::openid("other").await);
        let server = server_with(database, &[&acme, &other]).await;
        let stolen = log_in(&server, &acme).await;
        age(&server, "sessions", "created_at", 1);
        for provider in ["acme", "other"] {
            ask_link(&stolen, provider, json!({})).await.expect_problem(403, "AUTHZ_002");
            let guess = json!({"current_password": PASSWORD});
            ask_link(&stolen, provider, guess).await.expect_problem(403, "AUTHZ_002");
        }
        unlink(&stolen, "acme", json!({})).await.expect_problem(403, "AUTHZ_002");
        assert_eq!(me(&stolen).await["providers"], json!(["acme"]));
        // A new login is proof.
        let owner = log_in(&server, &acme).await;
        ask_link(&owner, "other", json!({})).await.expect(200);
    }

    async fn an_old_session_of_an_account_with_a_password_needs_the_password(database: Database) {
        let acme = Provider::openid("acme").await;
        let server = server_with(database, &[&acme]).await;
        let (bob, _) = server.client().register("bob@example.com").await;
        Browser::new(&server).link(&bob, &acme).await.expect(302);
        age(&server, "sessions", "created_at", 1);
        let wrong = json!({"current_password": "Wrong-Horse-7"});
        ask_link(&bob, "acme", json!({})).await.expect_problem(422, "VALIDATION_004");
        ask_link(&bob, "acme", wrong.clone()).await.expect_problem(422, "VALIDATION_007");
        unlink(&bob, "acme", json!({})).await.expect_problem(422, "VALIDATION_004");
        unlink(&bob, "acme", wrong).await.expect_problem(422, "VALIDATION_007");
        assert_eq!(me(&bob).await["providers"], json!(["acme"]));
        let right = json!({"current_password": PASSWORD});
        ask_link(&bob, "acme", right.clone()).await.expect(200);
        unlink(&bob, "acme", right).await.expect(204);
    }

    async fn a_link_never_replaces_the_owners_login(database: Database) {
        let acme = Provider::openid("acme").await;
        let server = server_with(database, &[&acme]).await;
        let owner = log_in(&server, &acme).await;
        let id = me(&owner).await["id"].clone();
        acme.log_in_as(json!({"sub": "thief", "email": "thief@example.com", "email_verified": true})).await;
        Browser::new(&server).link(&owner, &acme).await.expect_problem(409, "AUTH_009");
        acme.log_in_as(ann()).await;
        assert_eq!(me(&log_in(&server, &acme).await).await["id"], id);
    }

    async fn a_login_by_what_was_linked_today_changes_neither_address_nor_account(database: Database) {
        let (acme, other) = (Provider::openid("acme").await, Provider::openid("other").await);
        let server = server_with(database, &[&acme, &other]).await;
        let owner = log_in(&server, &acme).await;
        other.log_in_as(json!({"sub": "thief", "email": "thief@example.com", "email_verified": true})).await;
        Browser::new(&server).link(&owner, &other).await.expect(302);
        let thief = log_in(&server, &other).await;
        assert_eq!(me(&thief).await["id"], me(&owner).await["id"]);
        let change = json!({"email": "thief@example.com"});
        let refused = thief.patch(ME, change.clone()).await;
        refused.expect_problem(403, "AUTHZ_002");
        assert!(text(&refused.json()["message"]).contains("24 hours"), "{refused}");
        thief.delete(ME).await.expect_problem(403, "AUTHZ_002");
        ask_link(&thief, "acme", json!({})).await.expect_problem(403, "AUTHZ_002");
        unlink(&thief, "acme", json!({})).await.expect_problem(403, "AUTHZ_002");
        // The owner's login counts, and a day later the other one does.
        let owner = log_in(&server, &acme).await;
        owner.patch(ME, json!({"email": "ann@other.example"})).await.expect(200);
        age(&server, "external_identities", "created_at", 25);
        log_in(&server, &other).await.delete(ME).await.expect(204);
    }

    async fn the_owner_is_told_of_links_unlinks_and_the_deletion(database: Database) {
        let (acme, other) = (Provider::openid("acme").await, Provider::openid("other").await);
        let server = server_with(database, &[&acme, &other]).await;
        let owner = log_in(&server, &acme).await;
        assert_eq!(mails(&server), [""; 0]);
        // A login that joins the account by its verified address is told too.
        other.log_in_as(json!({"sub": "2", "email": "Ann@Example.com", "email_verified": true})).await;
        log_in(&server, &other).await;
        assert_eq!(mails(&server), ["provider_linked"]);
        unlink(&owner, "other", json!({})).await.expect(204);
        assert_eq!(mails(&server), ["provider_linked", "provider_unlinked"]);
        owner.delete(ME).await.expect(204);
        let left = server.column("SELECT template || ' to ' || \"to\" AS value FROM mail_outbox");
        assert_eq!(left, ["account_deleted to ann@example.com"]);
    }

    async fn a_reset_names_the_providers_and_unlinks_them_on_request(database: Database) {
        let acme = Provider::openid("acme").await;
        let server = server_with(database, &[&acme]).await;
        let ann = log_in(&server, &acme).await;
        let reset = async |n: usize, unlink: bool| {
            let client = server.client();
            client.post("/api/v1/auth/forgot-password", json!({"email": "ann@example.com"})).await.expect(202);
            let token = until("the link in the log", || {
                let logs = server.logs();
                let mut links = logs.lines().filter_map(|line| line.split_once("/reset-password?token="));
                links.nth(n).map(|(_, rest)| rest.split('"').next().unwrap_or_default().to_owned())
            });
            let body = json!({"token": token.await, "password": PASSWORD, "unlink_providers": unlink});
            client.post("/api/v1/auth/reset-password", body).await.expect(204);
        };
        let linked = || server.column("SELECT provider AS value FROM external_identities");
        reset(0, false).await;
        assert_eq!(linked(), ["acme"]);
        let named = "SELECT template || ': ' || coalesce(providers, '-') AS value FROM mail_outbox ORDER BY id";
        assert_eq!(server.column(named), ["reset_password: acme", "password_changed: acme"]);
        reset(1, true).await;
        assert_eq!(linked(), [""; 0]);
        let expected = ["reset_password: acme", "password_changed: acme", "reset_password: acme", "password_changed: -"];
        assert_eq!(server.column(named), expected);
        ann.get(ME).await.expect_problem(401, "AUTH_004");

        // The password of a reset is no proof for a day, neither as a login nor in a body, nor is one
        // that replaced it.
        let login = json!({"email": "ann@example.com", "password": PASSWORD});
        let tokens = server.client().post("/api/v1/auth/login", login).await.expect(200).json();
        let ann = server.client().with_token(text(&tokens["access_token"]));
        ask_link(&ann, "acme", json!({})).await.expect_problem(422, "VALIDATION_004");
        let refused = async |password: &str| {
            let proof = json!({"current_password": password});
            let link = ask_link(&ann, "acme", proof.clone()).await;
            let moved = json!({"email": "ann@other.example", "current_password": password});
            let deletion = ann.request(Method::DELETE, ME).json(&json!({"password": password}));
            for answer in [link, ann.patch(ME, moved).await, ann.send(deletion).await] {
                answer.expect_problem(403, "AUTHZ_002");
                assert!(text(&answer.json()["message"]).contains("24 hours"), "{answer}");
            }
        };
        refused(PASSWORD).await;
        let changed = "Giraffe-Spot-8";
        let change = json!({"current_password": PASSWORD, "new_password": changed});
        ann.post("/api/v1/auth/change-password", change).await.expect(204);
        refused(changed).await;
        age(&server, "users", "password_reset_at", 25);
        ask_link(&ann, "acme", json!({"current_password": changed})).await.expect(200);
    }
}
