//! Housekeeping deletes expired rows and no others.

use blackbox_tests::{Client, Server, Socket, on_both_databases};
use serde_json::{Value, json};

use crate::support::{
    SWEEPING, add, at, days_ago, everything, log_in, refresh, sweep, sync, text, texts, until,
};

const SYNC: &str = "/api/v1/todos/sync";

/// A description of every row that can expire.
fn rows(server: &Server) -> Vec<String> {
    let mut rows = server.column(
        "SELECT 'session of ' || client_id AS value FROM sessions
         UNION ALL SELECT 'refresh token of ' || client_id
             FROM refresh_tokens t JOIN sessions s ON s.id = t.session_id
         UNION ALL SELECT 'revocation of ' || coalesce(client_id, 'a deleted session')
             FROM revoked_tokens r LEFT JOIN sessions s ON s.id = r.session_id
         UNION ALL SELECT 'token: ' || kind FROM one_time_tokens
         UNION ALL SELECT 'mail: ' || template FROM mail_outbox",
    );
    rows.sort();
    rows
}

/// The cursor of a device that has seen everything.
async fn cursor(client: &Client) -> Value {
    sync(client, json!({})).await["sync_timestamp"].clone()
}

on_both_databases! {
    async fn expired_sessions_tokens_and_mails_are_deleted(database: Database) {
        let server = Server::start_with(database, &SWEEPING).await;
        let (phone, phone_tokens) = server.client().register("ann@example.com").await;
        for device in ["laptop", "tablet"] {
            let (client, tokens) = log_in(&server.client(), "ann@example.com", device).await;
            refresh(&client, &tokens).await.expect(200);
            client.post("/api/v1/auth/logout", json!({})).await.expect(204);
        }
        let forgotten = json!({"email": "ann@example.com"});
        server.client().post("/api/v1/auth/forgot-password", forgotten).await.expect(202);
        let unsent = "SELECT template AS value FROM mail_outbox WHERE sent_at IS NULL";
        until("a file of each mail", || server.column(unsent).is_empty().then_some(())).await;
        let before = rows(&server);
        assert_eq!(
            before,
            [
                "mail: reset_password",
                "mail: verify_email",
                "refresh token of laptop",
                "refresh token of laptop",
                "refresh token of tablet",
                "refresh token of tablet",
                "refresh token of test",
                "revocation of laptop",
                "revocation of tablet",
                "session of laptop",
                "session of tablet",
                "session of test",
                "token: reset_password",
                "token: verify_email",
            ]
        );

        // Logins are kept for seven days after they expired, and emails for seven after they were sent.
        let of_laptop = "(SELECT id FROM sessions WHERE client_id = 'laptop')";
        let old = days_ago(&server, 8);
        for table in ["refresh_tokens", "revoked_tokens"] {
            server.execute(&format!("UPDATE {table} SET expires_at = {old} WHERE session_id IN {of_laptop}"));
        }
        server.execute(&format!("UPDATE one_time_tokens SET expires_at = {old} WHERE kind = 'reset_password'"));
        server.execute(&format!("UPDATE mail_outbox SET sent_at = {old} WHERE template = 'reset_password'"));
        let ended = format!("expires_at = {old}, access_until = {old}");
        server.execute(&format!("UPDATE sessions SET {ended} WHERE client_id = 'laptop'"));
        let old = |row: &String| row.contains("laptop") || row.contains("reset_password");
        let kept: Vec<_> = before.into_iter().filter(|row| !old(row)).collect();
        until("the deletion of the expired rows", || (rows(&server) == kept).then_some(())).await;
        phone.get("/api/v1/todos").await.expect(200);
        refresh(&server.client(), &phone_tokens).await.expect(200);
    }

    async fn a_cursor_older_than_a_deleted_tombstone_requires_a_resync(database: Database) {
        let server = Server::start_with(database, &SWEEPING).await;
        let (ann, _) = server.client().register("ann@example.com").await;
        let (bob, _) = server.client().register("bob@example.com").await;
        let bobs = cursor(&bob).await;
        for text in ["kept", "long gone", "just gone"] {
            add(&ann, text).await;
        }
        let todos = everything(&ann).await;
        let stale = cursor(&ann).await;
        ann.delete(&at(&todos[1])).await.expect(204);
        let fresh = cursor(&ann).await;
        ann.delete(&at(&todos[2])).await.expect(204);
        let since = |cursor: &Value| format!("/api/v1/todos?include_deleted=true&since={}", text(cursor));
        for cursor in [&stale, &fresh] {
            sync(&ann, json!({"last_sync": cursor})).await;
            ann.get(&since(cursor)).await.expect(200);
        }

        sweep(&server, "long gone").await;
        assert_eq!(server.column("SELECT title AS value FROM todos ORDER BY 1"), ["just gone", "kept"]);

        ann.post(SYNC, json!({"last_sync": stale})).await.expect_problem(410, "SYNC_001");
        let change = json!({"last_sync": stale, "todos": [{"id": todos[0]["id"], "text": "changed"}]});
        ann.post(SYNC, change).await.expect_problem(410, "SYNC_001");
        ann.get(&since(&stale)).await.expect_problem(410, "SYNC_001");
        let query = format!("?since={}", text(&stale));
        let mut socket = Socket::open(&server.socket_url(), ann.token(), &query).await.expect("it opens");
        assert_eq!(socket.next().await["type"], "resync_required");

        // A cursor from after that deletion remains valid and returns later deletions.
        let later = sync(&ann, json!({"last_sync": fresh})).await;
        assert_eq!(texts(&later["server_changes"]), ["just gone"]);
        assert_eq!(texts(&ann.get(&since(&fresh)).await.expect(200).json()), ["just gone"]);
        ann.get(&at(&todos[0])).await.expect(200);
        assert_eq!(texts(&everything(&ann).await), ["kept", "just gone"]);
        sync(&bob, json!({"last_sync": bobs})).await;
    }
}
