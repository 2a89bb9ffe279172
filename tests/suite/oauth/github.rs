//! GitHub, which supports OAuth but not OpenID Connect.

use blackbox_tests::on_both_databases;
use serde_json::{Value, json};

use super::browser::{Browser, altered};
use super::provider::Provider;
use super::{location, log_in, me, parameter, server_with};
use crate::support::check_each;

/// A GitHub account with email addresses.
fn octocat(addresses: &Value) -> Value {
    json!({"id": 583_231, "login": "octocat", "name": "The Octocat", "emails": addresses})
}

fn address(email: &str, primary: bool, verified: bool) -> Value {
    json!({"email": email, "primary": primary, "verified": verified, "visibility": null})
}

on_both_databases! {
    async fn the_primary_address_counts_where_it_is_verified(database: Database) {
        for (addresses, expected) in [
            (json!([address("second@example.com", false, true), address("first@example.com", true, true)]), json!("first@example.com")),
            (json!([address("first@example.com", true, false), address("second@example.com", false, true)]), json!(null)),
            (json!([address("second@example.com", false, true)]), json!(null)),
            (json!([]), json!(null)),
        ] {
            let github = Provider::github().await;
            let server = server_with(database, &[&github]).await;
            github.log_in_as(octocat(&addresses)).await;
            let profile = me(&log_in(&server, &github).await).await;
            assert_eq!(profile["email"], expected, "{addresses}");
            assert_eq!(profile["email_verified"], !expected.is_null());
            assert_eq!((&profile["providers"], &profile["display_name"]), (&json!(["github"]), &json!("The Octocat")));
            // GitHub users are identified by id, because names and addresses change.
            github.log_in_as(json!({"id": 583_231, "login": "renamed", "name": null, "emails": []})).await;
            assert_eq!(me(&log_in(&server, &github).await).await["id"], profile["id"]);
        }
    }

    async fn an_address_joins_an_account_only_when_both_sides_verified_it(database: Database) {
        let (github, acme) = (Provider::github().await, Provider::openid("acme").await);
        let server = server_with(database, &[&github, &acme]).await;
        let ann = me(&log_in(&server, &acme).await).await;
        github.log_in_as(octocat(&json!([address("ann@example.com", true, false)]))).await;
        let other = me(&log_in(&server, &github).await).await;
        assert_ne!(other["id"], ann["id"]);
        github.log_in_as(json!({"id": 2, "login": "ann", "emails": [address("ann@example.com", true, true)]})).await;
        let joined = me(&log_in(&server, &github).await).await;
        assert_eq!((&joined["id"], &joined["providers"]), (&ann["id"], &json!(["acme", "github"])));

        let (squatter, _) = server.client().register("bob@example.com").await;
        github.log_in_as(json!({"id": 3, "login": "bob", "emails": [address("bob@example.com", true, true)]})).await;
        Browser::new(&server).log_in(&github).await.expect_problem(409, "AUTH_009");
        let linked = Browser::new(&server).link(&squatter, &github).await;
        assert_eq!(parameter(location(&linked), "code"), None);
        assert_eq!(me(&squatter).await["providers"], json!(["github"]));
    }

    async fn github_checks_the_code_and_its_verifier(database: Database) {
        let github = Provider::github().await;
        github.log_in_as(octocat(&json!([]))).await;
        let server = server_with(database, &[&github]).await;
        let browser = Browser::new(&server);
        github.configure(json!({"deny": true})).await;
        let denied = browser.to_callback(&github).await;
        assert!(denied.contains("error=access_denied"), "{denied}");
        browser.visit(&denied).await.expect_problem(502, "AUTH_010");
        github.configure(json!({"deny": false})).await;
        // GitHub's token endpoint reports errors with status 200.
        let good = browser.to_callback(&github).await;
        browser.visit(&altered(&good, "code", Some("made-up"))).await.expect_problem(502, "AUTH_010");
        let stolen = parameter(&Browser::new(&server).to_callback(&github).await, "code");
        let own = browser.to_callback(&github).await;
        browser.visit(&altered(&own, "code", stolen.as_deref())).await.expect_problem(502, "AUTH_010");
        log_in(&server, &github).await;
    }

    async fn an_invalid_response_from_any_endpoint_of_github_causes_a_502(database: Database) {
        let github = Provider::github().await;
        github.log_in_as(octocat(&json!([]))).await;
        let server = server_with(database, &[&github]).await;
        let paths = ["/login/oauth/access_token", "/user", "/user/emails"];
        let faults = ["html", "truncated", "giant", "types", "empty", "error", "redirect", "reset"];
        let cases = paths.into_iter().flat_map(|path| faults.map(|fault| (path, fault)));
        check_each(cases, async |(path, fault)| {
            github.fail_at(path, fault).await;
            Browser::new(&server).log_in(&github).await.expect_problem(502, "AUTH_010");
        })
        .await;
        github.configure(json!({"faults": {}})).await;
        log_in(&server, &github).await;
    }
}
