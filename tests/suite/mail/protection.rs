//! TLS and authentication towards the mail server. Runs on SQLite only: the database plays no part.

use blackbox_tests::{Database, Server};
use futures_util::future::join_all;

use super::authority::Authority;
use super::smtp_server::{SmtpServer, ask_for_link, counted, free_port, logged, todo_server};

const PASSWORD: &str = "the-smtp-password-4711";
/// Arguments of a mail server that requires this login.
const LOGIN: [&str; 2] = ["--login", "todos:the-smtp-password-4711"];

/// A mail server at `localhost` behind TLS: `starttls` or `implicit`.
async fn behind_tls(tls: &str, authority: &Authority, name: &str, mechanism: &str) -> SmtpServer {
    let certificate = authority.certify(name).display().to_string();
    let arguments = ["--tls", tls, "--certificate", &certificate, "--mechanism", mechanism];
    SmtpServer::open(&[&arguments[..], &LOGIN].concat()).await
}

/// A todo server that logs in over TLS (`starttls` or `tls`), trusts only `authority`, and has one
/// mail to send.
async fn asked(port: u16, tls: &str, authority: &Authority) -> Server {
    let trusted = authority.file();
    let settings = [
        ("SMTP_HOST", "localhost"),
        ("SMTP_TLS", tls),
        ("SMTP_USER", "todos"),
        ("SMTP_PASSWORD", PASSWORD),
        ("SSL_CERT_FILE", &trusted),
        ("LOG_LEVEL", "trace"),
    ];
    let server = todo_server(Database::Sqlite, port, &settings).await;
    ask_for_link(&server.client(), "ann@example.com").await;
    server
}

/// Asserts that the mail server received neither an email nor a login.
fn expect_nothing_said(smtp: &SmtpServer) {
    let received = smtp.received();
    assert!(smtp.events("mail").is_empty() && smtp.events("login").is_empty(), "{received}");
    for line in received.lines() {
        let harmless = line.is_empty() || line.starts_with("EHLO ") || line == "QUIT" || line == "STARTTLS";
        assert!(harmless, "{line:?} in {received}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn mails_are_sent_over_tls_after_a_login_by_either_mechanism() {
    let authority = Authority::new();
    let arrives = async |(theirs, ours, mechanism)| {
        let smtp = behind_tls(theirs, &authority, "localhost", mechanism).await;
        let server = asked(smtp.port, ours, &authority).await;
        let mail = &smtp.delivered(&server, 1).await[0];
        assert_eq!((&mail.0["tls"], &mail.0["user"]), (&true.into(), &"todos".into()), "{mail:#?}");
        let login = &smtp.events("login")[0].what;
        assert_eq!((&login["mechanism"], &login["accepted"]), (&mechanism.into(), &true.into()));
        let logs = server.logs();
        assert!(!logs.contains(PASSWORD) && !logs.contains(&mail.token("magic-link")), "{logs}");
    };
    join_all([
        arrives(("starttls", "starttls", "PLAIN")),
        arrives(("starttls", "starttls", "LOGIN")),
        arrives(("implicit", "tls", "PLAIN")),
        arrives(("implicit", "tls", "LOGIN")),
    ])
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_sent_to_a_mail_server_without_starttls() {
    let authority = Authority::new();
    let smtp = SmtpServer::open(&LOGIN).await;
    let server = asked(smtp.port, "starttls", &authority).await;
    logged(&server, 1, &["mail not sent; trying again later", "STARTTLS is not supported"]).await;
    assert!(smtp.received().contains("EHLO"));
    expect_nothing_said(&smtp);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_sent_to_a_mail_server_with_a_wrong_certificate() {
    let (trusted, unknown) = (Authority::new(), Authority::new());
    let is_refused = async |(theirs, ours, authority, name)| {
        let smtp = behind_tls(theirs, authority, name, "PLAIN").await;
        let server = asked(smtp.port, ours, &trusted).await;
        logged(&server, 1, &["mail not sent; trying again later", "certificate"]).await;
        expect_nothing_said(&smtp);
    };
    join_all([
        is_refused(("starttls", "starttls", &unknown, "localhost")),
        is_refused(("implicit", "tls", &unknown, "localhost")),
        is_refused(("starttls", "starttls", &trusted, "mail.example.com")),
        is_refused(("implicit", "tls", &trusted, "mail.example.com")),
    ])
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_smtp_password_gives_up_no_mail() {
    let (authority, port) = (Authority::new(), free_port());
    let certificate = authority.certify("localhost").display().to_string();
    let tls = ["--tls", "starttls", "--certificate", &certificate];
    let smtp = SmtpServer::open_at(port, &[&tls[..], &["--login", "todos:another"]].concat()).await;
    let server = asked(port, "starttls", &authority).await;
    logged(&server, 1, &["mail not sent; trying again later", "535"]).await;
    drop(smtp);
    let smtp = SmtpServer::open_at(port, &[&tls[..], &LOGIN].concat()).await;
    smtp.delivered(&server, 1).await;
    counted(&server, "mail_sent_total", 1).await;
    assert!(!server.logs().contains(PASSWORD));
}
