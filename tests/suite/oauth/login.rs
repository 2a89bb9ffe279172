//! Successful logins with every kind of provider.

use blackbox_tests::client::http;
use blackbox_tests::on_both_databases;
use reqwest::Url;
use serde_json::json;

use super::browser::{Browser, altered};
use super::provider::{CLIENT_ID, CLIENT_SECRET, Provider, callback};
use super::{FRONTEND, exchange, hand_off, location, log_in, me, parameter, server_set, server_with};
use crate::support::{add, items, refresh};

/// Sends a code to the provider's token endpoint; returns status and body.
async fn redeem(provider: &Provider, code: &str, verifier: Option<&str>) -> (u16, String) {
    let mut form = vec![("grant_type", "authorization_code"), ("code", code)];
    let home = callback(provider.name);
    form.push(("redirect_uri", &home));
    form.extend(verifier.map(|verifier| ("code_verifier", verifier)));
    let http = http().build().expect("a client");
    let request = http.post(format!("{}/token", provider.url)).form(&form);
    let sent = request.basic_auth(form_encoded(CLIENT_ID), Some(form_encoded(CLIENT_SECRET))).send().await;
    let response = sent.expect("the provider answers");
    (response.status().as_u16(), response.text().await.expect("a body"))
}

/// The form encoding of client id and secret (RFC 6749 section 2.3.1).
fn form_encoded(text: &str) -> String {
    let url = Url::parse_with_params("http://localhost", [("a", text)]).expect("an address");
    url.query().and_then(|query| query.strip_prefix("a=")).expect("a query").to_owned()
}

on_both_databases! {
    async fn a_login_goes_to_the_provider_and_back_and_yields_working_tokens(database: Database) {
        let acme = Provider::openid("acme").await;
        let server = server_with(database, &[&acme]).await;
        let browser = Browser::new(&server);
        let started = browser.begin(&acme, "?redirect_to=/welcome%3Ffrom%3Dacme%23top").await;
        let authorization = location(&started).to_owned();
        for (name, value) in [
            ("response_type", "code"),
            ("client_id", CLIENT_ID),
            ("redirect_uri", &callback("acme")),
            ("scope", "openid email profile"),
            ("code_challenge_method", "S256"),
        ] {
            assert_eq!(parameter(&authorization, name).as_deref(), Some(value), "{authorization}");
        }
        let back = browser.visit(&browser.consent(&acme, &authorization).await).await;
        let code = hand_off(&back);
        assert_eq!(location(&back), format!("{FRONTEND}/welcome?from=acme&code={code}#top"));

        let tokens = exchange(&server, &code).await.expect(200).json();
        assert_eq!(tokens["token_type"], "bearer");
        assert_eq!(tokens["user"]["email"], "ann@example.com");
        let user = server.client().with_token(tokens["access_token"].as_str().expect("a token"));
        let profile = me(&user).await;
        assert_eq!((&profile["providers"], &profile["has_password"]), (&json!(["acme"]), &json!(false)));
        assert_eq!((&profile["display_name"], &profile["email_verified"]), (&json!("Ann"), &json!(true)));
        add(&user, "Buy milk").await;
        refresh(&server.client(), &tokens).await.expect(200);
        let devices = user.get("/api/v1/users/me/devices").await.expect(200).json();
        assert_eq!((items(&devices).len(), &devices[0]["client_id"]), (1, &json!("laptop")));

        // A known subject stays the same user, even if the provider reports another address.
        acme.log_in_as(json!({"sub": "ann-1", "email": "new@example.com", "email_verified": true})).await;
        let again = me(&log_in(&server, &acme).await).await;
        assert_eq!((&again["id"], &again["email"]), (&profile["id"], &profile["email"]));
    }

    async fn the_provider_redeems_a_code_only_with_the_verifier_of_its_login(database: Database) {
        let acme = Provider::openid("acme").await;
        let server = server_with(database, &[&acme]).await;
        // A code stolen from the callback URL cannot be redeemed with the client secret alone.
        for verifier in [None, Some("a-verifier-of-the-thief-that-is-long-enough")] {
            let stolen = parameter(&Browser::new(&server).to_callback(&acme).await, "code").expect("a code");
            let (status, body) = redeem(&acme, &stolen, verifier).await;
            assert_eq!(status, 400, "{body}");
            assert!(body.contains("invalid_grant"), "{body}");
        }
        // Nor can it be redeemed in a login of the thief, which has another verifier.
        let stolen = parameter(&Browser::new(&server).to_callback(&acme).await, "code").expect("a code");
        let thief = Browser::new(&server);
        let own = thief.to_callback(&acme).await;
        let injected = altered(&own, "code", Some(&stolen));
        thief.visit(&injected).await.expect_problem(502, "AUTH_010");
        log_in(&server, &acme).await;
    }

    async fn an_address_in_the_id_token_is_used(database: Database) {
        let google = Provider::openid_with("google", json!({"claimsInToken": true, "algorithm": "RS256"})).await;
        let server = server_with(database, &[&google]).await;
        let profile = me(&log_in(&server, &google).await).await;
        assert_eq!((&profile["email"], &profile["display_name"]), (&json!("ann@example.com"), &json!("Ann")));
        assert_eq!(google.requests("/me").await, 0);
    }

    async fn an_address_that_the_provider_has_not_verified_is_ignored(database: Database) {
        let acme = Provider::openid("acme").await;
        let server = server_with(database, &[&acme]).await;
        for (sub, verified) in [("a", json!(false)), ("b", json!(null)), ("c", json!("false"))] {
            acme.log_in_as(json!({"sub": sub, "email": "ann@example.com", "email_verified": verified})).await;
            let profile = me(&log_in(&server, &acme).await).await;
            assert_eq!((&profile["email"], &profile["email_verified"]), (&json!(null), &json!(false)), "{sub}");
        }
        // Some providers send the boolean as a string.
        acme.log_in_as(json!({"sub": "d", "email": "ann@example.com", "email_verified": "true"})).await;
        assert_eq!(me(&log_in(&server, &acme).await).await["email"], "ann@example.com");
    }

    async fn a_login_ends_at_the_frontend_and_nowhere_else(database: Database) {
        let acme = Provider::openid("acme").await;
        let server = server_set(database, &[&acme], &[("ALLOWED_ORIGINS", "https://app.example.com")]).await;
        let (user, _) = server.client().register("bob@example.com").await;
        for (asked, comes_out) in [
            ("", format!("{FRONTEND}/?")),
            ("?redirect_to=/in", format!("{FRONTEND}/in?")),
            ("?redirect_to=http://localhost:3000/in%3Fa=b", format!("{FRONTEND}/in?a=b&")),
            ("?redirect_to=https://app.example.com/in", "https://app.example.com/in?".to_owned()),
        ] {
            let browser = Browser::new(&server);
            let started = browser.begin(&acme, asked).await;
            let back = browser.visit(&browser.consent(&acme, location(&started)).await).await;
            assert!(location(&back).starts_with(&format!("{comes_out}code=")), "{back}");
        }
        for elsewhere in [
            "https://evil.example/",
            "//evil.example/",
            "/%5Cevil.example/",
            "https://app.example.com.evil.example/",
            "https://app.example.com@evil.example/",
            "http://app.example.com/",
            "http://localhost.evil.example/",
            "javascript:alert(1)",
            "/in%3Fcode=mine",
        ] {
            let query = format!("?redirect_to={elsewhere}");
            Browser::new(&server).begin(&acme, &query).await.expect_problem(422, "VALIDATION_006");
            let link = user.post(&format!("/api/v1/auth/oauth/acme/link{query}"), json!({})).await;
            link.expect_problem(422, "VALIDATION_006");
        }
        // The redirect URI comes from the settings, not from the request.
        let started = Browser::new(&server).begin(&acme, "?redirect_uri=https://evil.example/").await;
        assert_eq!(parameter(location(&started), "redirect_uri"), Some(callback("acme")));
    }

    async fn configured_providers_are_listed_and_others_are_not_found(database: Database) {
        let (acme, google, github) =
            (Provider::openid("acme").await, Provider::openid("google").await, Provider::github().await);
        let server = server_with(database, &[&acme, &google, &github]).await;
        let list = server.client().get("/api/v1/auth/oauth/providers").await.expect(200).json();
        let known = |name: &str, display_name: &str| json!({"name": name, "display_name": display_name});
        assert_eq!(list, json!([known("google", "Google"), known("github", "GitHub"), known("acme", "acme")]));
        let removed = Provider::openid("unknown").await;
        Browser::new(&server).begin(&removed, "").await.expect_problem(404, "RESOURCE_002");
        let callback = format!("{}?code=a&state=b", callback("unknown"));
        Browser::new(&server).visit(&callback).await.expect_problem(404, "RESOURCE_002");
    }

    async fn every_signature_algorithm_and_client_authentication_works(database: Database) {
        let mut providers = Vec::new();
        for (name, algorithm, client) in [
            ("a", "ES256", json!({})),
            ("b", "EdDSA", json!({"token_endpoint_auth_method": "client_secret_post"})),
            ("c", "RS256", json!({"token_endpoint_auth_method": "client_secret_post"})),
            ("d", "PS256", json!({})),
        ] {
            providers.push(Provider::openid_with(name, json!({"algorithm": algorithm, "client": client})).await);
        }
        let server = server_with(database, &providers.iter().collect::<Vec<_>>()).await;
        for provider in &providers {
            assert_eq!(me(&log_in(&server, provider).await).await["email"], "ann@example.com");
        }
    }
}
