//! Where providers put their claims, and which of them count.

use blackbox_tests::on_both_databases;
use reqwest::Url;
use serde_json::json;

use super::browser::{Browser, altered};
use super::provider::{Provider, callback};
use super::{ann, exchange, hand_off, location, log_in, me, parameter, server_set, server_with};

on_both_databases! {
    async fn an_address_that_only_userinfo_verifies_joins_the_account(database: Database) {
        let acme = Provider::openid_with("acme", json!({"claimsInToken": true})).await;
        let server = server_with(database, &[&acme]).await;
        let profile = me(&log_in(&server, &acme).await).await;
        // Okta's and Authelia's id tokens have the address without `email_verified`.
        acme.log_in_as(json!({"sub": "ann-2", "email": "ann@example.com", "email_verified": true})).await;
        acme.configure(json!({"idToken": {"claims": {"email_verified": null}}})).await;
        let other = me(&log_in(&server, &acme).await).await;
        assert_eq!((&other["id"], &other["email"]), (&profile["id"], &json!("ann@example.com")));
        // Userinfo may have another address, which its own `email_verified` is about.
        acme.configure(json!({"userinfo": {"email": "bob@example.com", "email_verified": false}})).await;
        acme.log_in_as(json!({"sub": "ann-3", "email": "ann@example.com", "email_verified": true})).await;
        assert_eq!(me(&log_in(&server, &acme).await).await["email"], json!(null));
    }

    async fn signed_userinfo_counts_if_the_provider_signed_it_for_this_server(database: Database) {
        let acme = Provider::openid("acme").await;
        let server = server_with(database, &[&acme]).await;
        acme.configure(json!({"signedUserinfo": "own"})).await;
        assert_eq!(me(&log_in(&server, &acme).await).await["email"], "ann@example.com");
        for signer in ["another", "secret", "none"] {
            acme.configure(json!({"signedUserinfo": signer})).await;
            Browser::new(&server).log_in(&acme).await.expect_problem(502, "AUTH_010");
        }
        for claims in [json!({"aud": "another-client"}), json!({"iss": "https://evil.example"})] {
            acme.configure(json!({"signedUserinfo": "own", "userinfo": claims})).await;
            Browser::new(&server).log_in(&acme).await.expect_problem(502, "AUTH_010");
        }
    }

    async fn the_operator_decides_whether_a_providers_word_about_an_address_counts(database: Database) {
        let acme = Provider::openid("acme").await;
        for (trust, verified, email) in [
            ("always", json!(false), json!("ann@example.com")),
            ("never", json!(true), json!(null)),
            ("verified", json!(false), json!(null)),
        ] {
            let server = server_set(database, &[&acme], &[("OIDC_ACME_TRUST_EMAIL", trust)]).await;
            acme.log_in_as(json!({"sub": "a", "email": "ann@example.com", "email_verified": verified})).await;
            assert_eq!(me(&log_in(&server, &acme).await).await["email"], email, "{trust}");
        }
    }

    async fn one_issuer_of_several_tenants_keeps_them_apart(database: Database) {
        let acme = Provider::openid("acme").await;
        acme.configure(json!({"tenants": true})).await;
        let common = format!("{}/common", acme.url);
        let server = server_set(database, &[&acme], &[("OIDC_ACME_ISSUER", &common)]).await;
        let tenant = async |tid: &str, iss: &str| {
            let claims = json!({"tid": tid, "iss": format!("{}/{iss}", acme.url)});
            acme.configure(json!({"idToken": {"claims": claims}})).await;
            let browser = Browser::new(&server);
            // Microsoft sends no `iss` with the code.
            let callback = altered(&browser.to_callback(&acme).await, "iss", None);
            browser.visit(&callback).await
        };
        acme.log_in_as(json!({"sub": "one", "name": "Ann"})).await;
        let user = async |answer| {
            let tokens = exchange(&server, &hand_off(&answer)).await.expect(200).json();
            tokens["user"]["id"].clone()
        };
        let ann = user(tenant("t1", "t1").await).await;
        assert_eq!(user(tenant("t1", "t1").await).await, ann);
        assert_ne!(user(tenant("t2", "t2").await).await, ann, "a subject is unique in its tenant only");
        tenant("t1", "t2").await.expect_problem(502, "AUTH_010");
        tenant("t1", "{tenantid}").await.expect_problem(502, "AUTH_010");
    }

    async fn a_response_posted_as_a_form_logs_in_the_browser_that_began(database: Database) {
        let acme = Provider::openid("acme").await;
        acme.log_in_as(ann()).await;
        let server = server_with(database, &[&acme]).await;
        let browser = Browser::new(&server);
        let came_back = Url::parse(&browser.to_callback(&acme).await).expect("an address");
        let form: Vec<_> = came_back.query_pairs().into_owned().collect();
        // A browser sends no cookies with it, as the form comes from the provider's site.
        let posted = browser.post_form_from_elsewhere(&callback("acme"), &form).await;
        assert_eq!(posted.status, 303, "{posted}");
        let to = came_back.join(location(&posted)).expect("an address");
        assert_eq!(parameter(to.as_str(), "code"), parameter(came_back.as_str(), "code"));
        let tokens = exchange(&server, &hand_off(&browser.visit(to.as_str()).await)).await.expect(200).json();
        assert_eq!(tokens["user"]["email"], "ann@example.com");
        assert!(!server.logs().contains("ALLOWED_ORIGINS"), "no page was refused");
        let huge = [("code".to_owned(), "x".repeat(20_000))];
        browser.post_form_from_elsewhere(&callback("acme"), &huge).await.expect_problem(400, "VALIDATION_009");
    }
}
