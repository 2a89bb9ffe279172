//! Key rotation while emails are queued and links are outstanding.

use blackbox_tests::on_both_databases;

use super::smtp_server::{SmtpServer, ask_for_link, free_port, logged, todo_server};

on_both_databases! {
    async fn a_link_queued_during_a_key_rotation_works(database: Database) {
        let (port, [old, new]) = (free_port(), ["old", "new"].map(|key| format!("{key}-{}", "k".repeat(32))));
        let mut server = todo_server(database, port, &[("SECRET_KEY", &old)]).await;
        ask_for_link(&server.client(), "waiting@example.com").await;
        logged(&server, 1, &["mail not sent; trying again later"]).await;
        server.set("SECRET_KEY", &format!("{new},{old}"));
        server.crash_and_restart().await;
        let smtp = SmtpServer::open_at(port, &[]).await;
        let waited = smtp.mail("waiting@example.com", "Your login link").await;
        let log_in = format!("/api/v1/auth/magic-link/verify?token={}", waited.token("magic-link"));
        server.client().get(&log_in).await.expect(200);
    }

    async fn a_link_sent_before_a_key_rotation_works_while_its_key_is_configured(database: Database) {
        let (smtp, old) = (SmtpServer::open(&[]).await, "o".repeat(32));
        let mut server = todo_server(database, smtp.port, &[("SECRET_KEY", &old)]).await;
        let mut log_in = Vec::new();
        for address in ["ann@example.com", "bob@example.com"] {
            ask_for_link(&server.client(), address).await;
            let token = smtp.mail(address, "Your login link").await.token("magic-link");
            log_in.push(format!("/api/v1/auth/magic-link/verify?token={token}"));
        }
        for (keys, log_in, status) in [
            (format!("{},{old}", "n".repeat(32)), &log_in[0], 200),
            ("n".repeat(32), &log_in[1], 400),
        ] {
            server.set("SECRET_KEY", &keys);
            server.crash_and_restart().await;
            server.client().get(log_in).await.expect(status);
        }
    }
}
