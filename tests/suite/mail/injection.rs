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
fn names() -> Vec<String> {
    let mut names: Vec<String> = [
        "Ann, Bcc: eve",
        "Ann\" <eve>, \"",
        "<eve>",
        "Ann (eve) \\",
        "=?utf-8?q?Ann=0D=0ABcc:_eve?=",
        "Ann, Bcc: eve@example.com",
        "Ann\" <eve@example.com>, \"",
        "<eve@example.com>",
        "Ann (eve@example.com) \\",
        "<script>alert('Ann & \"Bob\"')</script>",
        "=?utf-8?q?Ann=0D=0ABcc:_eve@example.com?=",
        "Ann\u{2028}Bcc: eve@example.com",
        "Änn Ö'Néil 🦀",
        ".",
    ]
    .map(str::to_owned)
    .into();
    names.push("🦀".repeat(100));
    names.push("a".repeat(100));
    names
}

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
        let mails = smtp.delivered(&server, 6).await;
        assert!(mails.iter().all(|mail| !mail.0.to_string().contains("0800")), "{mails:#?}");
    }

    async fn any_display_name_is_read_back_as_a_name(database: Database) {
        let smtp = SmtpServer::open(&[]).await;
        let server = todo_server(database, smtp.port, &[]).await;
        for (n, name) in names().iter().enumerate() {
            let email = format!("{n}@example.com");
            let body = json!({"email": email, "password": PASSWORD, "display_name": name});
            server.client().post("/api/v1/auth/register", body).await.expect(201);
        }
        // Only a verified address is greeted by name.
        server.execute("UPDATE users SET email_verified = true");
        for (n, name) in names().iter().enumerate() {
            let email = format!("{n}@example.com");
            let forgotten = json!({"email": email});
            server.client().post("/api/v1/auth/forgot-password", forgotten).await.expect(202);
            let mail = smtp.mail(&email, "Reset your password").await;
            assert_eq!(mail.0["defects"], json!([]), "{mail:#?}");
            let mut headers: Vec<_> = items(&mail.0["headers"]).iter().map(|header| text(&header[0])).collect();
            headers.sort_unstable();
            assert_eq!(headers, HEADERS, "{name:?}: {mail:#?}");
            let (plain, html) = mail.parts();
            if name.contains('@') {
                // A mail client could turn such a name into a link, so the email leaves it out.
                assert_eq!(mail.0["receivers"], json!([["", email]]), "{mail:#?}");
                assert_eq!(plain.lines().next(), Some("Hello,"));
                assert!(!html.contains("eve"), "{html}");
                continue;
            }
            assert_eq!(mail.0["receivers"], json!([[name, email]]), "{mail:#?}");
            assert_eq!(plain.lines().next(), Some(&*format!("Hello {name},")));
            let greeting = html.split("<p>Hello ").nth(1).and_then(|rest| rest.split(",</p>").next());
            let greeting = greeting.unwrap_or_else(|| panic!("no greeting: {html}"));
            assert!(!greeting.contains(['<', '>']), "{html}");
            mail.token("reset-password");
        }
        let strangers = |event: &Value| text(&event["text"]).contains("RCPT TO:<eve");
        assert!(!smtp.events("received").iter().any(|event| strangers(&event.what)));
    }
}
