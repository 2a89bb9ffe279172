//! Display names and addresses cannot inject headers, markup or SMTP commands.

use blackbox_tests::client::PASSWORD;
use blackbox_tests::on_both_databases;
use serde_json::{Value, json};

use super::smtp_server::{SmtpServer, todo_server};
use crate::support::{items, text};

/// The complete set of headers of an email.
const HEADERS: [&str; 8] =
    ["Auto-Submitted", "Content-Type", "Date", "From", "MIME-Version", "Message-ID", "Subject", "To"];

/// Display names that the server accepts.
const NAMES: [&str; 5] = [
    "Ann, Bcc: eve@example.com",
    "Ann\" <eve@example.com>, \"",
    "<script>alert('Ann & \"Bob\"')</script>",
    "=?utf-8?q?Ann=0D=0ABcc:_eve@example.com?=",
    "Ann\u{2028}Bcc: eve@example.com",
];

on_both_databases! {
    async fn no_line_break_gets_into_a_name_or_an_address(database: Database) {
        let smtp = SmtpServer::open(&[]).await;
        let server = todo_server(database, smtp.port, &[]).await;
        let register = async |email: &str, name: &str| {
            let body = json!({"email": email, "password": PASSWORD, "display_name": name});
            server.client().post("/api/v1/auth/register", body).await
        };
        for line_break in ["\r\n", "\n", "\r", "\u{85}"] {
            for tail in ["Bcc: eve@example.com", ".\r\nMAIL FROM:<eve@example.com>", ""] {
                let address = format!("ann@example.com>{line_break}{tail}x");
                register(&address, "Ann").await.expect(422);
                let inside = format!("ann{line_break}{tail}x@example.com");
                register(&inside, "Ann").await.expect(422);
                register("ann@example.com", &format!("Ann{line_break}{tail}x")).await.expect(422);
                for path in ["forgot-password", "magic-link/request"] {
                    let body = json!({"email": inside});
                    server.client().post(&format!("/api/v1/auth/{path}"), body).await.expect(422);
                }
            }
        }
        register("ann@example.com", "Ann").await.expect(201);
        assert_eq!(smtp.delivered(&server, 1).await[0].to(), "ann@example.com");
        assert!(!smtp.received().contains("eve@example.com"), "{}", smtp.received());
    }

    async fn a_stranger_gets_no_words_of_the_registrant(database: Database) {
        const NAME: &str = "URGENT, call 0800 555 0199";
        let smtp = SmtpServer::open(&[]).await;
        let server = todo_server(database, smtp.port, &[]).await;
        let client = server.client();
        let body = json!({"email": "victim@example.com", "password": PASSWORD, "display_name": NAME});
        let tokens = client.post("/api/v1/auth/register", body).await.expect(201).json();
        let attacker = client.with_token(text(&tokens["access_token"]));
        attacker.post("/api/v1/auth/resend-verification", json!({})).await.expect(202);
        for path in ["forgot-password", "magic-link/request"] {
            let body = json!({"email": "victim@example.com"});
            client.post(&format!("/api/v1/auth/{path}"), body).await.expect(202);
        }
        let change = json!({"email": "other@example.com", "current_password": PASSWORD});
        attacker.patch("/api/v1/users/me", change).await.expect(200);
        // The old address is not verified: it gets no notice.
        let mails = smtp.delivered(&server, 5).await;
        assert!(mails.iter().all(|mail| !mail.0.to_string().contains("0800")), "{mails:#?}");
    }

    async fn a_takeover_removes_the_words_of_the_registrant(database: Database) {
        const NAME: &str = "URGENT, call 0800 555 0199";
        let smtp = SmtpServer::open(&[]).await;
        let server = todo_server(database, smtp.port, &[]).await;
        let client = server.client();
        let victim = json!({"email": "victim@example.com"});
        let body = json!({"email": "victim@example.com", "password": PASSWORD, "display_name": NAME});
        client.post("/api/v1/auth/register", body).await.expect(201);
        client.post("/api/v1/auth/magic-link/request", victim.clone()).await.expect(202);
        let link = smtp.mail("victim@example.com", "Your login link").await.token("magic-link");
        let login = client.get(&format!("/api/v1/auth/magic-link/verify?token={link}")).await.expect(200).json();
        let owner = client.with_token(text(&login["access_token"]));
        let profile = owner.get("/api/v1/users/me").await.expect(200).json();
        assert_eq!((&profile["email_verified"], &profile["display_name"]), (&json!(true), &json!(null)));
        client.post("/api/v1/auth/forgot-password", victim).await.expect(202);
        let mails = smtp.delivered(&server, 3).await;
        assert!(mails.iter().all(|mail| !mail.0.to_string().contains("0800")), "{mails:#?}");
    }

    async fn no_display_name_gets_into_a_mail(database: Database) {
        let smtp = SmtpServer::open(&[]).await;
        let server = todo_server(database, smtp.port, &[]).await;
        for (n, name) in NAMES.iter().enumerate() {
            let email = format!("{n}@example.com");
            let body = json!({"email": email, "password": PASSWORD, "display_name": name});
            server.client().post("/api/v1/auth/register", body).await.expect(201);
        }
        server.execute("UPDATE users SET email_verified = true");
        for n in 0..NAMES.len() {
            let email = format!("{n}@example.com");
            let forgotten = json!({"email": email});
            server.client().post("/api/v1/auth/forgot-password", forgotten).await.expect(202);
            let mail = smtp.mail(&email, "Reset your password").await;
            assert_eq!(mail.0["defects"], json!([]), "{mail:#?}");
            let mut headers: Vec<_> = items(&mail.0["headers"]).iter().map(|header| text(&header[0])).collect();
            headers.sort_unstable();
            assert_eq!(headers, HEADERS, "{mail:#?}");
            assert_eq!(mail.0["receivers"], json!([["", email]]), "{mail:#?}");
            let (plain, html) = mail.parts();
            assert_eq!(plain.lines().next(), Some("Hello,"));
            assert!(html.contains("<p>Hello,</p>"), "{html}");
            mail.token("reset-password");
        }
        let strangers = |event: &Value| text(&event["text"]).contains("RCPT TO:<eve");
        assert!(!smtp.events("received").iter().any(|event| strangers(&event.what)));
    }
}
