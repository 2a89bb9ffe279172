//! Which account a provider identity belongs to.

use blackbox_tests::client::PASSWORD;
use blackbox_tests::{Answer, Client, on_both_databases};
use reqwest::Method;
use serde_json::json;

use super::browser::Browser;
use super::provider::{PUBLIC_URL, Provider};
use super::{FRONTEND, ann, location, log_in, me, parameter, server_with};
use crate::support::days_ago;

async fn unlink(user: &Client, provider: &str) -> Answer {
    user.delete(&format!("/api/v1/auth/oauth/{provider}")).await
}

on_both_databases! {
    async fn a_login_joins_the_account_whose_address_both_sides_verified(database: Database) {
        let (acme, other) = (Provider::openid("acme").await, Provider::openid("other").await);
        let server = server_with(database, &[&acme, &other]).await;
        let first = me(&log_in(&server, &acme).await).await;
        other.log_in_as(json!({"sub": "2", "email": "Ann@Example.com", "email_verified": true})).await;
        let second = me(&log_in(&server, &other).await).await;
        assert_eq!((&second["id"], &second["providers"]), (&first["id"], &json!(["acme", "other"])));
    }

    async fn a_login_does_not_join_an_account_that_never_verified_its_address(database: Database) {
        let acme = Provider::openid("acme").await;
        let server = server_with(database, &[&acme]).await;
        // The user who registered the address first may not be its owner.
        let (squatter, _) = server.client().register("ann@example.com").await;
        let browser = Browser::new(&server);
        browser.log_in(&acme).await.expect_problem(409, "AUTH_009");
        assert_eq!(me(&squatter).await["providers"], json!([]));
        // Repeats fail too, until the address is verified.
        browser.log_in(&acme).await.expect_problem(409, "AUTH_009");
        server.execute("UPDATE users SET email_verified = true");
        let profile = me(&log_in(&server, &acme).await).await;
        assert_eq!((&profile["id"], &profile["providers"]), (&me(&squatter).await["id"], &json!(["acme"])));
    }

    async fn the_same_subject_at_another_provider_is_another_user(database: Database) {
        let (acme, other) = (Provider::openid("acme").await, Provider::openid("other").await);
        let server = server_with(database, &[&acme, &other]).await;
        other.log_in_as(json!({"sub": ann()["sub"], "email": "bob@example.com", "email_verified": true})).await;
        let (here, there) = (log_in(&server, &acme).await, log_in(&server, &other).await);
        assert_ne!(me(&here).await["id"], me(&there).await["id"]);
    }

    async fn an_unverified_address_at_the_provider_joins_nothing(database: Database) {
        let acme = Provider::openid("acme").await;
        let server = server_with(database, &[&acme]).await;
        let (ann_here, _) = server.client().register("ann@example.com").await;
        server.execute("UPDATE users SET email_verified = true");
        acme.log_in_as(json!({"sub": "thief", "email": "ann@example.com", "email_verified": false})).await;
        let thief = me(&log_in(&server, &acme).await).await;
        assert_eq!(thief["email"], json!(null));
        let ann_here = me(&ann_here).await;
        assert_ne!(thief["id"], ann_here["id"]);
        assert_eq!(ann_here["providers"], json!([]));
    }

    async fn a_logged_in_user_links_and_unlinks_a_provider(database: Database) {
        let acme = Provider::openid("acme").await;
        let server = server_with(database, &[&acme]).await;
        // The addresses on both sides may differ.
        let (bob, _) = server.client().register("bob@example.com").await;
        let linked = Browser::new(&server).link(&bob, &acme).await;
        assert_eq!((location(&linked), parameter(location(&linked), "code")), (FRONTEND, None));
        let profile = me(&bob).await;
        assert_eq!((&profile["providers"], &profile["email"]), (&json!(["acme"]), &json!("bob@example.com")));
        assert_eq!(me(&log_in(&server, &acme).await).await["id"], profile["id"]);
        // Linking again changes nothing.
        location(&Browser::new(&server).link(&bob, &acme).await);
        assert_eq!(me(&bob).await["providers"], json!(["acme"]));

        let (eve, _) = server.client().register("eve@example.com").await;
        Browser::new(&server).link(&eve, &acme).await.expect_problem(409, "AUTH_009");
        unlink(&eve, "acme").await.expect_problem(404, "RESOURCE_002");
        assert_eq!(me(&bob).await["providers"], json!(["acme"]));
        unlink(&bob, "acme").await.expect(204);
        unlink(&bob, "acme").await.expect_problem(404, "RESOURCE_002");
        // The identity is free again: a login creates a new account.
        assert_ne!(me(&log_in(&server, &acme).await).await["id"], profile["id"]);
    }

    async fn a_session_that_has_just_ended_unlinks_nothing(database: Database) {
        let acme = Provider::openid("acme").await;
        let server = server_with(database, &[&acme]).await;
        let (thief, _) = server.client().register("bob@example.com").await;
        location(&Browser::new(&server).link(&thief, &acme).await);
        let bob = log_in(&server, &acme).await;
        let now = days_ago(&server, 0);
        server.execute(&format!("UPDATE sessions SET revoked_at = {now}, revoke_reason = 'device_revoked' WHERE client_id = 'test'"));
        let proved = thief.request(Method::DELETE, "/api/v1/auth/oauth/acme");
        let proved = thief.send(proved.json(&json!({"current_password": PASSWORD}))).await;
        proved.expect_problem(401, "AUTH_004");
        assert_eq!(me(&bob).await["providers"], json!(["acme"]));
    }

    async fn linking_requires_a_session_and_ends_in_the_browser_that_started_it(database: Database) {
        let acme = Provider::openid("acme").await;
        let server = server_with(database, &[&acme]).await;
        let asked = server.client().post("/api/v1/auth/oauth/acme/link", json!({})).await;
        asked.expect_problem(401, "AUTH_005");
        // Eve must not be able to make Ann finish a link that Eve started.
        let (eve, _) = server.client().register("eve@example.com").await;
        let page = Browser::new(&server).begin_link(&eve, &acme).await;
        let victim = Browser::new(&server);
        let callback = victim.consent(&acme, &page).await;
        assert!(callback.starts_with(PUBLIC_URL));
        victim.visit(&callback).await.expect_problem(400, "AUTH_008");
        assert_eq!(me(&eve).await["providers"], json!([]));
    }
}
