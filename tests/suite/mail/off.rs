//! `MAIL=off`: what is for an email is refused, and everything else works.

use std::time::Duration;

use blackbox_tests::{Server, on_both_databases};
use serde_json::json;

on_both_databases! {
    async fn without_mail_only_requests_for_an_email_are_refused(database: Database) {
        let server = Server::start_with(database, &[("MAIL", "off")]).await;
        let (ann, _) = server.client().register("ann@example.com").await;
        let described = ann.get("/api/v1/server").await.expect(200).json();
        assert_eq!(described["logins"]["magic_link"], false);
        for email in ["ann@example.com", "eve@example.com"] {
            for path in ["forgot-password", "magic-link/request"] {
                let path = format!("/api/v1/auth/{path}");
                ann.post(&path, json!({"email": email})).await.expect_problem(503, "SERVER_005");
            }
        }
        ann.post("/api/v1/auth/resend-verification", json!({})).await.expect_problem(503, "SERVER_005");
        crate::support::add(&ann, "milk").await;
        let change = json!({"email": "ann2@example.com", "current_password": blackbox_tests::client::PASSWORD});
        ann.patch("/api/v1/users/me", change).await.expect(200);
        // Emails of those requests are given up, not kept until mail is on again.
        let waiting = "SELECT template AS value FROM mail_outbox WHERE next_attempt_at IS NOT NULL";
        while !server.column(waiting).is_empty() {
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        assert!(!server.folder().join("data/outbox").exists(), "no mail becomes a file");
        assert!(!server.logs().contains("mail not sent"), "{}", server.logs());
    }
}
