//! What must stay secret on the way: in logs, in addresses, in the database.

use blackbox_tests::{Server, on_both_databases};
use postgres_testbed::Role;
use serde_json::json;

use super::browser::{Browser, state};
use super::provider::{CLIENT_SECRET, PUBLIC_URL, Provider};
use super::{ann, exchange, hand_off, location, log_in, me, server_set, server_with};
use crate::support::{sql, text};

/// Everything in the database, byte for byte.
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
    async fn nothing_secret_of_a_login_stands_in_a_log_an_address_or_the_database(database: Database) {
        let (acme, github) = (Provider::openid("acme").await, Provider::github().await);
        let mut server = server_set(database, &[&acme, &github], &[("LOG_LEVEL", "debug")]).await;
        github.log_in_as(json!({"id": 1, "login": "ann", "emails": []})).await;
        let browser = Browser::new(&server);
        // What lets somebody in or on; those of the provider stand in addresses for as long as a redirect takes.
        let (mut tokens, mut codes) = (Vec::new(), Vec::new());
        for provider in [&acme, &github] {
            let begun = browser.begin(provider, "").await;
            codes.push(state(location(&begun)));
            let cookie = begun.header("set-cookie").split([';', '=']).nth(1).expect("a value").to_owned();
            let back = browser.visit(&browser.consent(provider, location(&begun)).await).await;
            codes.push(hand_off(&back));
            let got = exchange(&server, &hand_off(&back)).await.expect(200).json();
            tokens.extend([&got["access_token"], &got["refresh_token"]].map(|token| text(token).to_owned()));
            tokens.push(cookie);
            // And what goes wrong is told without them.
            let denied = browser.to_callback(provider).await;
            provider.fail_at(if provider.name == "acme" { "/token" } else { "/user" }, "types").await;
            browser.visit(&denied).await.expect_problem(502, "AUTH_010");
            codes.push(state(&denied));
            provider.behave(json!({"faults": {}})).await;
            codes.extend(provider.secrets().await);
        }
        let given: Vec<_> = [acme.secrets().await, github.secrets().await].concat();
        assert!(given.iter().any(|secret| secret.starts_with("eyJ")), "an id token was seen");
        assert!(given.iter().any(|secret| secret.starts_with("gho_")), "GitHub's token was seen");
        tokens.push(CLIENT_SECRET.to_owned());

        let bytes = stored(&server);
        assert!(holds(&bytes, "ann@example.com"), "it is the database");
        for secret in tokens.iter().chain(&codes) {
            assert!(!holds(&bytes, secret), "{secret} stands in the database");
        }
        let seen = browser.seen().join("\n");
        // A code or state in an address is what OAuth is made of; a token never is.
        let provider_tokens = given.iter().filter(|secret| !codes.iter().any(|code| code == *secret && seen.contains(code)));
        for token in tokens.iter().chain(provider_tokens) {
            assert!(!seen.contains(token.as_str()), "{token} stood in an address");
        }
        assert!(given.iter().filter(|secret| secret.contains('.')).all(|token| !seen.contains(token.as_str())));
        server.terminate();
        server.ended().await;
        let logs = server.logs();
        assert!(logs.contains("a provider gave no identity"), "{logs}");
        for secret in tokens.iter().chain(&codes).chain(&given) {
            let found = logs.lines().find(|line| line.contains(secret.as_str()));
            assert!(found.is_none(), "{secret} stands in the log: {found:?}");
        }
    }

    async fn what_providers_gave_is_sealed_and_the_key_may_change(database: Database) {
        let acme = Provider::openid("acme").await;
        let server = server_set(database, &[&acme], &[("TOKEN_ENCRYPTION_KEY", "the-first-key-of-more-than-32-bytes!")]).await;
        let first = me(&log_in(&server, &acme).await).await;
        let key = |server: &Server| sql(server, "SELECT key_id FROM external_identities");
        let sealed = |server: &Server| sql(server, "SELECT length(access_token) FROM external_identities WHERE refresh_token IS NOT NULL");
        let (old, length) = (key(&server), sealed(&server));
        // Nonce and tag add 28 bytes to the token.
        let token = acme.secrets().await.into_iter().find(|secret| length == (secret.len() + 28).to_string());
        assert!(token.is_some(), "{length}");

        let keys = "the-second-key-of-more-than-32-bytes,the-first-key-of-more-than-32-bytes!";
        let mut settings = acme.settings();
        settings.push(("TOKEN_ENCRYPTION_KEY".to_owned(), keys.to_owned()));
        settings.push(("PUBLIC_URL".to_owned(), PUBLIC_URL.to_owned()));
        let settings: Vec<_> = settings.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let rotated = Server::start_on(server.setting("DATABASE_URL"), server.setting("MIGRATION_DATABASE_URL"), &settings).await;
        assert_eq!(me(&log_in(&rotated, &acme).await).await["id"], first["id"]);
        assert_ne!(key(&server), old, "the new key seals");
        assert!(holds(&stored(&server), "ann-1"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_providers_of_one_process_are_no_reason_to_mix_up_accounts() {
    let (acme, other) = (Provider::openid("acme").await, Provider::openid("other").await);
    let server = server_with(blackbox_tests::Database::Sqlite, &[&acme, &other]).await;
    // The same subject at another provider is somebody else.
    let mut stranger = ann();
    stranger["email"] = json!("stranger@example.com");
    other.log_in_as(stranger).await;
    let (here, there) = (me(&log_in(&server, &acme).await).await, me(&log_in(&server, &other).await).await);
    assert_ne!(here["id"], there["id"]);
}
