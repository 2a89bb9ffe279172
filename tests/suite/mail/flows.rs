//! Each kind of mail arrives well-formed, and its link works.

use blackbox_tests::client::PASSWORD;
use blackbox_tests::{Client, on_both_databases};
use chrono::{DateTime, TimeDelta, Utc};
use serde_json::json;

use super::smtp_server::{Mail, SmtpServer, ask_for_link, todo_server};
use crate::support::{log_in, text};

const CONFIRM: &str = "Confirm your email address";
const CHANGED: &str = "Your password was changed";

/// Asserts that the email is well-formed (RFC 5322, RFC 2046, RFC 3834).
#[expect(clippy::disallowed_methods, reason = "mails are dated by the clock of the machine")]
fn expect_well_formed(mail: &Mail, to: &str) {
    assert_eq!(mail.0["type"], "multipart/alternative", "{mail:#?}");
    assert_eq!(mail.0["defects"], json!([]), "{mail:#?}");
    assert_eq!(mail.0["from"], "todos@example.com", "{mail:#?}");
    assert_eq!(mail.header("From"), "Todos <todos@example.com>");
    assert_eq!((mail.to(), text(&mail.0["receivers"][0][1])), (to, to));
    assert_eq!(mail.header("MIME-Version"), "1.0");
    assert_eq!(mail.header("Auto-Submitted"), "auto-generated");
    let date = DateTime::parse_from_rfc2822(mail.header("Date")).expect("a date");
    assert!((Utc::now() - date.to_utc()).abs() < TimeDelta::minutes(1), "{mail:#?}");
    let id = mail.header("Message-ID");
    assert!(id.starts_with('<') && id.ends_with("@example.com>"), "{id}");
    let (plain, html) = mail.parts();
    assert!(plain.starts_with("Hello"), "{plain}");
    assert!(html.starts_with("<!doctype html>"), "{html}");
    assert!(html.contains("<p>Hello"), "{html}");
}

async fn me(client: &Client) -> serde_json::Value {
    client.get("/api/v1/users/me").await.expect(200).json()
}

on_both_databases! {
    async fn a_new_address_is_verified_by_the_link_in_the_latest_mail(database: Database) {
        let smtp = SmtpServer::open(&[]).await;
        let server = todo_server(database, smtp.port, &[]).await;
        let (ann, _) = server.client().register("ann@example.com").await;
        let first = smtp.mail("ann@example.com", CONFIRM).await;
        expect_well_formed(&first, "ann@example.com");
        ann.post("/api/v1/auth/resend-verification", json!({})).await.expect(202);
        let [first, second] = &smtp.delivered(&server, 2).await[..] else { panic!("two mails") };
        expect_well_formed(second, "ann@example.com");
        assert_ne!(first.header("Message-ID"), second.header("Message-ID"));

        let verify = async |mail: &Mail| {
            let token = mail.token("verify-email");
            server.client().post("/api/v1/auth/verify-email", json!({"token": token})).await
        };
        verify(first).await.expect_problem(400, "AUTH_008");
        assert_eq!(me(&ann).await["email_verified"], false);
        assert_eq!(verify(second).await.expect(200).json()["email_verified"], true);
        assert_eq!(me(&ann).await["email_verified"], true);
        verify(second).await.expect_problem(400, "AUTH_008");
    }

    async fn a_forgotten_password_is_reset_by_the_link_in_a_mail(database: Database) {
        let smtp = SmtpServer::open(&[]).await;
        let server = todo_server(database, smtp.port, &[]).await;
        let client = server.client();
        let (ann, _) = client.register("ann@example.com").await;
        for email in ["Ann@Example.com", "nobody@example.com"] {
            client.post("/api/v1/auth/forgot-password", json!({"email": email})).await.expect(202);
        }
        let mail = smtp.mail("ann@example.com", "Reset your password").await;
        expect_well_formed(&mail, "ann@example.com");
        let reset = json!({"token": mail.token("reset-password"), "password": "Giraffe-Spot-8"});
        client.post("/api/v1/auth/reset-password", reset.clone()).await.expect(204);
        ann.get("/api/v1/users/me").await.expect(401);
        for (password, status) in [(PASSWORD, 401), ("Giraffe-Spot-8", 200)] {
            let login = json!({"email": "ann@example.com", "password": password});
            client.post("/api/v1/auth/login", login).await.expect(status);
        }
        client.post("/api/v1/auth/reset-password", reset).await.expect_problem(400, "AUTH_008");
        expect_well_formed(&smtp.mail("ann@example.com", CHANGED).await, "ann@example.com");
        let mails = smtp.delivered(&server, 3).await;
        assert!(mails.iter().all(|mail| mail.to() == "ann@example.com"), "an unknown address gets no mail: {mails:#?}");
    }

    async fn a_change_of_password_notifies_a_verified_address(database: Database) {
        let smtp = SmtpServer::open(&[]).await;
        let server = todo_server(database, smtp.port, &[]).await;
        let (ann, _) = server.client().register("ann@example.com").await;
        let change = async |current: &str, new: &str| {
            let change = json!({"current_password": current, "new_password": new});
            ann.post("/api/v1/auth/change-password", change).await
        };
        change(PASSWORD, "Giraffe-Spot-8").await.expect(204);
        let token = smtp.mail("ann@example.com", CONFIRM).await.token("verify-email");
        ann.post("/api/v1/auth/verify-email", json!({"token": token})).await.expect(200);
        change("Giraffe-Spot-9", "Heron-Feather-9").await.expect_problem(422, "VALIDATION_007");
        change("Giraffe-Spot-8", "Heron-Feather-9").await.expect(204);
        let notice = smtp.mail("ann@example.com", CHANGED).await;
        expect_well_formed(&notice, "ann@example.com");
        let (plain, html) = notice.parts();
        assert!(!plain.contains("token=") && !html.contains("href"), "the notice contains no link: {plain}");
        smtp.delivered(&server, 2).await;
    }

    async fn a_magic_link_creates_an_account_and_later_logs_in(database: Database) {
        let smtp = SmtpServer::open(&[]).await;
        let server = todo_server(database, smtp.port, &[]).await;
        let client = server.client();
        let mut users = Vec::new();
        for count in 1..=2 {
            ask_for_link(&client, "new@example.com").await;
            let mails = smtp.delivered(&server, count).await;
            let mail = mails.last().expect("it arrived");
            expect_well_formed(mail, "new@example.com");
            assert_eq!(mail.header("Subject"), "Your login link");
            let login = format!("/api/v1/auth/magic-link/verify?token={}", mail.token("magic-link"));
            let tokens = client.get(&login).await.expect(200).json();
            assert_eq!(tokens["user"]["email_verified"], true, "{tokens:#}");
            users.push(me(&client.with_token(text(&tokens["access_token"]))).await["id"].clone());
            client.get(&login).await.expect_problem(400, "AUTH_008");
        }
        assert_eq!(users[0], users[1], "one account");
    }

    async fn a_change_of_address_notifies_the_old_one_and_verifies_the_new_one(database: Database) {
        let smtp = SmtpServer::open(&[]).await;
        let server = todo_server(database, smtp.port, &[]).await;
        let (ann, _) = server.client().register("old@example.com").await;
        server.execute("UPDATE users SET email_verified = true");
        let change = json!({"email": "new@example.com", "current_password": PASSWORD});
        ann.patch("/api/v1/users/me", change).await.expect(200);
        let notice = smtp.mail("old@example.com", "Your email address was changed").await;
        expect_well_formed(&notice, "old@example.com");
        let (plain, html) = notice.parts();
        assert!(!plain.contains("token=") && !html.contains("href"), "the notice contains no link: {plain}");
        let mail = smtp.mail("new@example.com", CONFIRM).await;
        expect_well_formed(&mail, "new@example.com");
        let token = json!({"token": mail.token("verify-email")});
        assert_eq!(me(&ann).await["email_verified"], false);
        ann.post("/api/v1/auth/verify-email", token).await.expect(200);
        let user = me(&ann).await;
        assert_eq!((text(&user["email"]), &user["email_verified"]), ("new@example.com", &json!(true)));
        log_in(&server.client(), "new@example.com", "laptop").await;
        smtp.delivered(&server, 3).await;
    }
}
