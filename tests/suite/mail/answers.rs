//! Responses of the mail server: temporary errors, permanent errors, and none at all.

use std::time::Duration;

use blackbox_tests::on_both_databases;
use postgres_testbed::Role;
use serde_json::json;

use super::smtp_server::{Mail, SmtpServer, ask_for_link, counted, logged, todo_server};

on_both_databases! {
    async fn a_mail_that_is_deferred_or_unanswered_is_retried_with_growing_pauses(database: Database) {
        let delivered = async |answer, count, more: &[(&str, &str)]| {
            let smtp = SmtpServer::open(&["--first", answer, "--count", count]).await;
            let server = todo_server(database, smtp.port, more).await;
            ask_for_link(&server.client(), "ann@example.com").await;
            let arrived = smtp.delivered(&server, 1).await;
            let attempts = smtp.events("mail");
            for attempt in &attempts {
                let id = Mail(attempt.what.clone()).header("Message-ID").to_owned();
                assert_eq!(id, arrived[0].header("Message-ID"), "every attempt has the same Message-ID");
            }
            let pauses = attempts.windows(2).map(|pair| pair[1].at - pair[0].at);
            (server, pauses.collect::<Vec<_>>())
        };
        let ((later, pauses), hung_up, silent) = tokio::join!(
            delivered("later", "2", &[]),
            delivered("hang-up", "1", &[]),
            delivered("silence", "1", &[("MAIL_TIMEOUT_SECONDS", "3")])
        );
        let seconds: Vec<_> = pauses.iter().map(Duration::as_secs).collect();
        assert!(seconds.len() == 2 && seconds[0] >= 1 && seconds[1] >= 2, "{pauses:?}");
        logged(&later, 2, &["mail not sent; trying again later", "come again later"]).await;
        counted(&later, "mail_failed_total", 2).await;
        for (server, pauses) in [hung_up, silent] {
            assert_eq!(pauses.len(), 1);
            logged(&server, 1, &["mail not sent; trying again later"]).await;
        }
    }

    async fn a_permanently_refused_mail_is_given_up_and_the_others_arrive(database: Database) {
        let smtp = SmtpServer::open(&["--refuse", "nobody@example.com"]).await;
        let server = todo_server(database, smtp.port, &[]).await;
        for address in ["nobody@example.com", "ann@example.com"] {
            ask_for_link(&server.client(), address).await;
        }
        logged(&server, 1, &["mail not sent; giving up", "550", "no such user here"]).await;
        counted(&server, "mail_given_up_total", 1).await;
        assert_eq!(smtp.delivered(&server, 1).await[0].to(), "ann@example.com");
        assert_eq!(smtp.received().matches("nobody@example.com").count(), 1, "asked once");
    }

    async fn a_server_without_smtputf8_delivers_to_an_international_domain(database: Database) {
        let smtp = SmtpServer::open(&[]).await;
        let server = todo_server(database, smtp.port, &[]).await;
        ask_for_link(&server.client(), "ann@b\u{fc}cher.example").await;
        let mail = &smtp.delivered(&server, 1).await[0];
        assert_eq!(mail.to(), "ann@xn--bcher-kva.example");
        let login = format!("/api/v1/auth/magic-link/verify?token={}", mail.token("magic-link"));
        let user = server.client().get(&login).await.expect(200).json()["user"].clone();
        let register = json!({"email": "ANN@xn--bcher-kva.example", "password": "Correct-Horse-7"});
        server.client().post("/api/v1/auth/register", register).await.expect_problem(409, "VALIDATION_003");
        assert_eq!(user["email"], "ann@b\u{fc}cher.example", "as typed");
    }

    async fn a_mailbox_that_the_server_can_never_take_is_given_up_at_once(database: Database) {
        let smtp = SmtpServer::open(&[]).await;
        let server = todo_server(database, smtp.port, &[]).await;
        ask_for_link(&server.client(), "j\u{fc}rgen@example.com").await;
        logged(&server, 1, &["mail not sent; giving up", "SMTPUTF8"]).await;
        assert!(smtp.accepted().is_empty());
    }

    async fn a_refusal_that_quotes_the_link_is_logged_without_the_token(database: Database) {
        let smtp = SmtpServer::open(&["--first", "quote", "--count", "1"]).await;
        let server = todo_server(database, smtp.port, &[("LOG_LEVEL", "trace")]).await;
        ask_for_link(&server.client(), "ann@example.com").await;
        let lines = logged(&server, 1, &["mail not sent; giving up"]).await;
        assert!(lines[0].contains("/magic-link?token=[token]"), "{lines:?}");
        let token = Mail(smtp.events("mail")[0].what.clone()).token("magic-link");
        assert!(!server.logs().contains(&token));
        if let Some(postgres) = &server.postgres {
            let kept = postgres.sql(Role::Owner, "select last_error from mail_outbox").expect("it is there");
            assert!(kept.contains("554") && !kept.contains(&token), "{kept}");
        }
    }
}
