//! ID tokens issued for another login (OpenID Connect Core 1.0 section 3.1.3.7), and key rotation.

use blackbox_tests::on_both_databases;
use serde_json::{Value, json};

use super::browser::Browser;
use super::provider::{CLIENT_ID, Provider};
use super::{hand_off, log_in, me, server_with};

/// A Unix time, `seconds` from now.
fn seconds(from_now: i64) -> i64 {
    let now: i64 = jsonwebtoken::get_current_timestamp().try_into().expect("not that late");
    now + from_now
}

on_both_databases! {
    async fn an_id_token_for_another_login_is_refused(database: Database) {
        let acme = Provider::openid("acme").await;
        let server = server_with(database, &[&acme]).await;
        let browser = Browser::new(&server);
        let refused = async |forged: Value| {
            acme.configure(json!({"idToken": forged})).await;
            let answer = browser.log_in(&acme).await;
            assert_eq!((answer.status, answer.code().as_str()), (502, "AUTH_010"), "{forged}: {answer}");
        };
        for claims in [
            json!({"nonce": "another"}),
            json!({"nonce": null}),
            json!({"aud": "another-client"}),
            json!({"aud": ["another-client"]}),
            json!({"aud": []}),
            json!({"aud": null}),
            // The server trusts none of the other audiences.
            json!({"aud": [CLIENT_ID, "another-client"]}),
            json!({"aud": [CLIENT_ID, "another-client"], "azp": "another-client"}),
            json!({"azp": "another-client"}),
            json!({"iss": "https://evil.example"}),
            json!({"iss": format!("{}/", acme.url)}),
            json!({"iss": null}),
            json!({"exp": seconds(-31)}),
            json!({"exp": null}),
            json!({"exp": "tomorrow"}),
            json!({"iat": seconds(120)}),
            json!({"iat": null}),
            json!({"sub": null}),
            json!({"sub": ""}),
            json!({"sub": "a\u{0}b"}),
            json!({"sub": "a\nb"}),
            json!({"sub": "a".repeat(256)}),
            json!({"sub": 7}),
        ] {
            refused(json!({"claims": claims})).await;
        }
        for signer in ["another", "secret", "none"] {
            refused(json!({"signer": signer})).await;
        }
        assert_eq!(server.column("SELECT '' || count(*) AS value FROM users"), ["0"]);

        // The same code makes valid tokens too.
        for claims in [
            json!({}),
            json!({"aud": [CLIENT_ID]}),
            json!({"aud": [CLIENT_ID, "another-client"], "azp": CLIENT_ID}),
            json!({"exp": seconds(-20)}),
            json!({"iat": seconds(20)}),
        ] {
            acme.configure(json!({"idToken": {"claims": claims}})).await;
            hand_off(&browser.log_in(&acme).await);
        }
    }

    async fn a_userinfo_response_about_another_subject_is_refused(database: Database) {
        let acme = Provider::openid("acme").await;
        let server = server_with(database, &[&acme]).await;
        for sub in [json!("bob-1"), json!(null), json!(7)] {
            acme.configure(json!({"userinfo": {"sub": sub}})).await;
            Browser::new(&server).log_in(&acme).await.expect_problem(502, "AUTH_010");
        }
        acme.configure(json!({"userinfo": {}})).await;
        log_in(&server, &acme).await;
    }

    async fn a_provider_may_change_its_keys_at_any_time(database: Database) {
        let acme = Provider::openid("acme").await;
        let server = server_with(database, &[&acme]).await;
        let first = me(&log_in(&server, &acme).await).await;
        for _ in 0..3 {
            acme.rotate().await;
            assert_eq!(me(&log_in(&server, &acme).await).await["id"], first["id"]);
        }
        log_in(&server, &acme).await;
        assert_eq!(acme.requests("/jwks").await, 4);
    }
}
