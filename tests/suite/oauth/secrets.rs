//! Secrets of a login appear neither in logs nor in URLs nor in the database.

use blackbox_tests::{Server, on_both_databases};
use postgres_testbed::Role;
use serde_json::json;

use super::browser::{Browser, state};
use super::provider::{CLIENT_SECRET, Provider};
use super::{exchange, hand_off, location, log_in, me, server_set};
use crate::support::text;

/// The bytes of the whole database.
fn stored(server: &Server) -> Vec<u8> {
    if let Some(database) = &server.postgres {
        let rows =
            "SELECT encode(access_token, 'escape') || coalesce(encode(refresh_token, 'escape'), '') || i::text
                      FROM external_identities i
                    UNION ALL SELECT t::text FROM one_time_tokens t
                    UNION ALL SELECT s::text FROM sessions s
                    UNION ALL SELECT r::text FROM refresh_tokens r
                    UNION ALL SELECT u::text FROM users u";
        return database.sql(Role::Owner, rows).expect("it can be read").into_bytes();
    }
    let file = server.setting("DATABASE_URL").trim_start_matches("sqlite://").to_owned();
    let parts = [file.clone(), format!("{file}-wal")].map(|path| std::fs::read(path).unwrap_or_default());
    parts.concat()
}

fn holds(bytes: &[u8], secret: &str) -> bool {
    bytes.windows(secret.len()).any(|window| window == secret.as_bytes())
}

on_both_databases! {
    async fn no_secret_of_a_login_appears_in_logs_urls_or_the_database(database: Database) {
        let (acme, github) = (Provider::openid("acme").await, Provider::github().await);
        let mut server = server_set(database, &[&acme, &github], &[("LOG_LEVEL", "debug")]).await;
        github.log_in_as(json!({"id": 1, "login": "ann", "emails": []})).await;
        let browser = Browser::new(&server);
        // Long-lived secrets, and codes that appear in URLs only.
        let mut tokens = vec![CLIENT_SECRET.to_owned()];
        let mut codes = Vec::new();
        for (provider, faulty) in [(&acme, "/token"), (&github, "/user")] {
            let started = browser.begin(provider, "").await;
            let cookie = started.header("set-cookie").split([';', '=']).nth(1).expect("a value");
            let back = browser.visit(&browser.consent(provider, location(&started)).await).await;
            let got = exchange(&server, &hand_off(&back)).await.expect(200).json();
            tokens.extend([cookie, text(&got["access_token"]), text(&got["refresh_token"])].map(str::to_owned));
            codes.extend([state(location(&started)), hand_off(&back)]);
            // Errors do not contain them either.
            let spoilt = browser.to_callback(provider).await;
            provider.fail_at(faulty, "types").await;
            browser.visit(&spoilt).await.expect_problem(502, "AUTH_010");
            codes.push(state(&spoilt));
            tokens.extend(provider.tokens().await);
            codes.extend(provider.codes().await);
        }
        assert!(tokens.iter().any(|token| token.starts_with("gho_")), "{tokens:?}");
        assert_eq!((tokens.len(), codes.len()), (1 + 2 * 3 + 3 + 2, 2 * 3 + 4), "{tokens:?} {codes:?}");

        let stored = stored(&server);
        assert!(holds(&stored, "ann@example.com"), "it is the database");
        let seen = browser.seen().join("\n");
        assert!(codes.iter().all(|code| seen.contains(code.as_str())), "they are the addresses");
        server.terminate();
        server.ended().await;
        let logs = server.logs();
        assert!(logs.contains("a provider did not return an identity"), "{logs}");
        for secret in tokens.iter().chain(&codes) {
            assert!(!holds(&stored, secret), "{secret} stands in the database");
            let found = logs.lines().find(|line| line.contains(secret.as_str()));
            assert!(found.is_none(), "{secret} stands in the log: {found:?}");
        }
        for token in &tokens {
            assert!(!seen.contains(token.as_str()), "{token} stood in an address");
        }
    }

    async fn providers_tokens_are_encrypted_and_the_key_may_rotate(database: Database) {
        let (first, second) = ("the-first-key-of-more-than-32-bytes", "the-second-key-of-more-than-32-bytes");
        let acme = Provider::openid("acme").await;
        let mut server = server_set(database, &[&acme], &[("TOKEN_ENCRYPTION_KEY", first)]).await;
        let ann = me(&log_in(&server, &acme).await).await;
        let stored = |server: &Server, column: &str| {
            server.column(&format!("SELECT '' || {column} AS value FROM external_identities")).concat()
        };
        let key = stored(&server, "key_id");
        // Nonce and tag add 28 bytes to a token.
        let lengths: Vec<_> = acme.tokens().await.iter().map(|token| (token.len() + 28).to_string()).collect();
        for column in ["length(access_token)", "length(refresh_token)"] {
            assert!(lengths.contains(&stored(&server, column)), "{column}");
        }

        server.set("TOKEN_ENCRYPTION_KEY", &format!("{second},{first}"));
        server.crash_and_restart().await;
        assert_eq!(me(&log_in(&server, &acme).await).await["id"], ann["id"]);
        assert_ne!(stored(&server, "key_id"), key, "the new key seals");
    }
}
