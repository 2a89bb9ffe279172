//! Callbacks that do not belong to a login of this browser with this provider.

use blackbox_tests::on_both_databases;
use expect_test::expect;
use serde_json::json;

use super::browser::{Browser, altered, state};
use super::provider::{Provider, callback};
use super::{hand_off, location, log_in, server_with};

on_both_databases! {
    async fn a_wrong_used_or_missing_state_is_refused(database: Database) {
        let acme = Provider::openid("acme").await;
        let server = server_with(database, &[&acme]).await;
        let browser = Browser::new(&server);
        let good = browser.to_callback(&acme).await;
        for state in [None, Some(""), Some("made-up"), Some("\0"), Some(&*"x".repeat(3000))] {
            browser.visit(&altered(&good, "state", state)).await.expect_problem(400, "AUTH_008");
        }
        hand_off(&browser.visit(&good).await);
        browser.visit(&good).await.expect_problem(400, "AUTH_008");
        // A new code does not make the state valid again.
        let fresh = browser.to_callback(&acme).await;
        let revived = altered(&fresh, "state", Some(&state(&good)));
        browser.visit(&revived).await.expect_problem(400, "AUTH_008");
        assert_eq!(acme.requests("/token").await, 1);
    }

    async fn a_member_of_the_response_that_comes_twice_is_refused(database: Database) {
        let acme = Provider::openid("acme").await;
        let server = server_with(database, &[&acme]).await;
        let browser = Browser::new(&server);
        let good = browser.to_callback(&acme).await;
        for second in ["state=x", "code=x", "error=x&error=y", "iss=x&iss=y"] {
            browser.visit(&format!("{good}&{second}")).await.expect_problem(422, "VALIDATION_006");
        }
        // Nothing of this used the state.
        hand_off(&browser.visit(&good).await);
        assert_eq!(acme.requests("/token").await, 1);
    }

    async fn exactly_one_of_many_concurrent_callbacks_succeeds(database: Database) {
        let acme = Provider::openid("acme").await;
        let server = server_with(database, &[&acme]).await;
        let browser = Browser::new(&server);
        let good = browser.to_callback(&acme).await;
        let answers = futures_util::future::join_all((0..8).map(|_| browser.visit(&good))).await;
        let (won, lost): (Vec<_>, Vec<_>) = answers.into_iter().partition(|answer| answer.status == 302);
        assert_eq!(won.len(), 1);
        for answer in lost {
            answer.expect_problem(400, "AUTH_008");
        }
        assert_eq!(acme.requests("/token").await, 1);
    }

    async fn the_callback_of_another_browser_is_refused(database: Database) {
        let acme = Provider::openid("acme").await;
        let server = server_with(database, &[&acme]).await;
        // An attacker may want to log the victim in as the attacker, or to take over the victim's
        // login.
        let (thief, victim) = (Browser::new(&server), Browser::new(&server));
        let thiefs = thief.to_callback(&acme).await;
        victim.visit(&thiefs).await.expect_problem(400, "AUTH_008");
        let victims = victim.to_callback(&acme).await;
        thief.begin(&acme, "").await;
        thief.visit(&victims).await.expect_problem(400, "AUTH_008");
        // Any request with the state consumes it.
        victim.visit(&victims).await.expect_problem(400, "AUTH_008");
        assert_eq!(acme.requests("/token").await, 0);
    }

    async fn a_login_that_the_user_or_the_provider_refuses_fails_with_502(database: Database) {
        let acme = Provider::openid("acme").await;
        let server = server_with(database, &[&acme]).await;
        acme.configure(json!({"deny": true})).await;
        let browser = Browser::new(&server);
        let denied = browser.to_callback(&acme).await;
        assert!(denied.contains("error=access_denied"), "{denied}");
        // The browser shows this error instead of the frontend.
        expect![[r#"
            502
            content-type: application/problem+json
            cache-control: private, no-store
            {"detail": "The provider refused the login; try again or log in another way", "details": {},
             "error_code": "AUTH_010"}
        "#]]
        .assert_eq(&browser.visit(&denied).await.to_string());
        browser.visit(&denied).await.expect_problem(400, "AUTH_008");

        acme.configure(json!({"deny": false})).await;
        for answer in [
            &[("code", None)][..],
            &[("code", Some("made-up"))],
            &[("code", Some(""))],
            &[("code", Some("a\0b"))],
            &[("error", Some("server_error"))],
            &[("error", Some("<script>\r\nalert(1)")), ("code", None)],
        ] {
            let good = browser.to_callback(&acme).await;
            let spoilt = answer.iter().fold(good, |address, (name, value)| altered(&address, name, *value));
            browser.visit(&spoilt).await.expect_problem(502, "AUTH_010");
        }
        log_in(&server, &acme).await;
    }

    async fn a_response_of_one_provider_is_refused_at_another(database: Database) {
        let (acme, evil) = (Provider::openid("acme").await, Provider::openid("evil").await);
        let server = server_with(database, &[&acme, &evil]).await;
        let browser = Browser::new(&server);
        // Acme's code and state at the other provider's callback, and vice versa.
        for (from, at) in [(&acme, &evil), (&evil, &acme)] {
            let good = browser.to_callback(from).await;
            browser.begin(at, "").await;
            let mixed_up = good.replace(&callback(from.name), &callback(at.name));
            browser.visit(&mixed_up).await.expect_problem(400, "AUTH_008");
            browser.visit(&good).await.expect_problem(400, "AUTH_008");
        }
        // The mix-up proper (RFC 9700 section 4.4): the login began at evil, which sent the browser
        // on to acme, whose code then comes back with evil's state. Acme says in `iss` that it is
        // acme (RFC 9207), so evil never sees the code.
        let begun_at_evil = state(location(&browser.begin(&evil, "").await));
        let from_acme = Browser::new(&server).to_callback(&acme).await;
        let mixed_up = altered(&from_acme, "state", Some(&begun_at_evil));
        let mixed_up = mixed_up.replace(&callback("acme"), &callback("evil"));
        browser.visit(&mixed_up).await.expect_problem(502, "AUTH_010");
        assert_eq!((acme.requests("/token").await, evil.requests("/token").await), (0, 0));
    }

    async fn iss_is_required_in_the_callback_if_the_provider_announces_it(database: Database) {
        let acme = Provider::openid("acme").await;
        let server = server_with(database, &[&acme]).await;
        let browser = Browser::new(&server);
        let slash = format!("{}/", acme.url);
        for issuer in [None, Some(""), Some("https://evil.example"), Some(&*slash)] {
            let good = browser.to_callback(&acme).await;
            browser.visit(&altered(&good, "iss", issuer)).await.expect_problem(502, "AUTH_010");
        }
        assert_eq!(acme.requests("/token").await, 0);
        log_in(&server, &acme).await;
    }
}
