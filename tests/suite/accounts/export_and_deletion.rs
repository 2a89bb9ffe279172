//! The export contains every row of a user and the deletion removes them. The database's catalogue
//! supplies the list of tables.

use std::collections::BTreeSet;

use blackbox_tests::client::PASSWORD;
use blackbox_tests::{Client, Database, Server, on_both_databases};
use reqwest::Method;
use serde_json::{Value, json};

use crate::support::{add, at, items, log_in, refresh, text};

/// A user with rows in every table, and the user's id without hyphens.
async fn user_with_rows_in_every_table(server: &Server, email: &str) -> (Client, String) {
    let (ann, tokens) = server.client().register(email).await;
    let user = text(&tokens["user"]["id"]).replace('-', "");
    add(&ann, "kept").await;
    let gone = add(&ann, "gone").await;
    ann.delete(&at(&gone)).await.expect(204);
    refresh(&server.client(), &tokens).await.expect(200);
    let (laptop, _) = log_in(&server.client(), email, "laptop").await;
    laptop.post("/api/v1/auth/logout", json!({})).await.expect(204);
    server.client().post("/api/v1/auth/forgot-password", json!({"email": email})).await.expect(202);
    let (id, now, new_id, hash, later) = match server.database() {
        Database::Postgres => {
            let hash = format!("sha256('{email}')");
            (format!("'{user}'"), "now()", "gen_random_uuid()", hash, "now() + interval '1 hour'")
        }
        Database::Sqlite => {
            let hash = "randomblob(32)".to_owned();
            (format!("x'{user}'"), "0", "randomblob(16)", hash, "4000000000000000")
        }
    };
    // The row of a provider link that has been started.
    server.execute(&format!(
        "INSERT INTO one_time_tokens (id, kind, token_hash, user_id, payload, expires_at) \
         VALUES ({new_id}, 'oauth_state', {hash}, {id}, '', {later})"
    ));
    server.execute(&format!(
        "INSERT INTO external_identities (provider, subject, user_id, email, created_at) \
         VALUES ('google', 'subject of {email}', {id}, '{email}', {now})"
    ));
    (ann, user)
}

/// The value of `expression` for each row of the user.
fn rows(server: &Server, table: &str, user: &str, expression: &str) -> BTreeSet<String> {
    let of_user = server.id_text("user_id");
    let sql = format!("SELECT {expression} AS value FROM {table} WHERE {of_user} = '{user}'");
    server.column(&sql).into_iter().collect()
}

fn count(server: &Server, table: &str, user: &str) -> usize {
    let of_user = server.id_text("user_id");
    server.column(&format!("SELECT '' || 1 AS value FROM {table} WHERE {of_user} = '{user}'")).len()
}

/// The named members of each item, joined by spaces.
fn joined_members(list: &Value, members: &[&str]) -> BTreeSet<String> {
    let joined = |item: &Value| members.iter().map(|name| text(&item[name])).collect::<Vec<_>>().join(" ");
    items(list).iter().map(joined).collect()
}

fn ids(list: &Value) -> BTreeSet<String> {
    joined_members(list, &["id"]).into_iter().map(|id| id.replace('-', "")).collect()
}

/// The rows of a table in the database, and the corresponding entries of the export. A table that
/// is not named here fails the test: either the export must contain its rows, or this function must
/// state why it need not.
fn stored_and_exported(
    server: &Server,
    table: &str,
    user: &str,
    export: &Value,
) -> (BTreeSet<String>, BTreeSet<String>) {
    let sessions = ids(&export["sessions"]);
    match table {
        "todos" => (rows(server, table, user, &server.id_text("id")), ids(&export["todos"])),
        "sessions" => (rows(server, table, user, &server.id_text("id")), sessions),
        "external_identities" => {
            let exported = joined_members(&export["identities"], &["provider", "subject"]);
            (rows(server, table, user, "provider || ' ' || subject"), exported)
        }
        "mail_outbox" => {
            let exported = joined_members(&export["mails"], &["template", "to"]);
            (rows(server, table, user, r#"template || ' ' || "to""#), exported)
        }
        // Hashes of secrets are not exported; their session is.
        "refresh_tokens" => (rows(server, table, user, &server.id_text("session_id")), sessions),
        "one_time_tokens" => {
            let exported = joined_members(&export["one_time_tokens"], &["purpose"]);
            (rows(server, table, user, "kind"), exported)
        }
        // A revocation is exported as the end of its session.
        "revoked_tokens" => {
            let ended = items(&export["sessions"]).iter().filter(|session| !session["ended_at"].is_null());
            (rows(server, table, user, &server.id_text("session_id")), ids(&ended.cloned().collect()))
        }
        _ => panic!("the export does not know the table {table}"),
    }
}

on_both_databases! {
    async fn the_export_has_every_row_of_a_user_and_the_deletion_removes_them(server: Server) {
        let (ann, ann_id) = user_with_rows_in_every_table(&server, "ann@example.com").await;
        let (_, bob_id) = user_with_rows_in_every_table(&server, "bob@example.com").await;
        let export = ann.get("/api/v1/users/me/export").await.expect(200).json();
        let tables = server.tables_of_users();
        assert!(tables.len() >= 7, "{tables:?}");
        let before: Vec<_> = tables.iter().map(|table| count(&server, table, &bob_id)).collect();
        for table in &tables {
            let (stored, exported) = stored_and_exported(&server, table, &ann_id, &export);
            assert!(!stored.is_empty(), "{table} has a row of the user, or nothing is shown");
            assert_eq!(stored, exported, "{table}");
        }

        let deletion = ann.request(Method::DELETE, "/api/v1/users/me").json(&json!({"password": PASSWORD}));
        ann.send(deletion).await.expect(204);
        for (table, bobs) in tables.iter().zip(before) {
            // One revocation remains until the user's last access token expires.
            let kept = usize::from(table == "revoked_tokens");
            assert_eq!(count(&server, table, &ann_id), kept, "{table}");
            assert_eq!(count(&server, table, &bob_id), bobs, "{table}: rows of another user");
        }
        let kept = rows(&server, "revoked_tokens", &ann_id, "reason");
        assert_eq!(kept, BTreeSet::from(["account_deleted".to_owned()]));
        let left = server.column(r#"SELECT email AS value FROM users WHERE email LIKE 'ann@%'
            UNION ALL SELECT "to" FROM mail_outbox WHERE "to" LIKE 'ann@%'
            UNION ALL SELECT payload FROM one_time_tokens WHERE payload LIKE 'ann@%'"#);
        assert_eq!(left, Vec::<String>::new());
    }
}
