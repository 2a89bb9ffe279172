//! Outages of the mail server and crashes of the todo server: no email is lost, and no acknowledged
//! mail is sent twice.

use std::collections::BTreeSet;

use blackbox_tests::{Client, on_both_databases};

use super::smtp_server::{Mail, SmtpServer, ask_for_link, counted, free_port, logged, todo_server};
use crate::support::until;

/// The addresses `0@example.com`, `1@example.com`, …
fn addresses(count: usize) -> BTreeSet<String> {
    (0..count).map(|n| format!("{n}@example.com")).collect()
}

async fn ask_for_links(client: &Client, count: usize) {
    for address in addresses(count) {
        ask_for_link(client, &address).await;
    }
}

/// Asserts that each address has one email with a working link.
async fn expect_one_each(client: &Client, mails: &[Mail]) {
    let to: BTreeSet<_> = mails.iter().map(|mail| mail.to().to_owned()).collect();
    assert_eq!(to, addresses(mails.len()));
    for mail in mails {
        let login = format!("/api/v1/auth/magic-link/verify?token={}", mail.token("magic-link"));
        client.get(&login).await.expect(200);
    }
}

on_both_databases! {
    async fn mails_requested_during_an_outage_of_the_mail_server_arrive_once_each(database: Database) {
        let port = free_port();
        let server = todo_server(database, port, &[]).await;
        ask_for_links(&server.client(), 6).await;
        logged(&server, 6, &["mail not sent; trying again later"]).await;
        let smtp = SmtpServer::open_at(port, &[]).await;
        expect_one_each(&server.client(), &smtp.delivered(&server, 6).await).await;
        counted(&server, "mail_sent_total", 6).await;
    }

    async fn mails_queued_when_the_server_is_killed_arrive_once_each(database: Database) {
        let port = free_port();
        let mut server = todo_server(database, port, &[]).await;
        ask_for_links(&server.client(), 6).await;
        // Wait until all have been tried; the next test covers a crash in the middle of an attempt.
        logged(&server, 6, &["mail not sent; trying again later"]).await;
        server.crash_and_restart().await;
        let smtp = SmtpServer::open_at(port, &[]).await;
        expect_one_each(&server.client(), &smtp.delivered(&server, 6).await).await;
    }

    async fn a_mail_in_transmission_when_the_server_is_killed_is_sent_again(database: Database) {
        let smtp = SmtpServer::open(&["--first", "silence", "--count", "1"]).await;
        // After a crash the email is due again after three times this timeout.
        let mut server = todo_server(database, smtp.port, &[("MAIL_TIMEOUT_SECONDS", "1")]).await;
        ask_for_link(&server.client(), "0@example.com").await;
        let first = until("the first attempt", || smtp.events("mail").into_iter().next()).await;
        server.set("MAIL_TIMEOUT_SECONDS", "60");
        server.crash_and_restart().await;
        let mails = smtp.delivered(&server, 1).await;
        expect_one_each(&server.client(), &mails).await;
        assert_eq!(Mail(first.what).header("Message-ID"), mails[0].header("Message-ID"), "the recipient can recognise the duplicate");
    }
}
