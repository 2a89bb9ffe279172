//! The SMTP server of the tests, `tests/counterparts/smtp_server.py`.

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use blackbox_tests::binary::workspace;
use blackbox_tests::server::TIMEOUT;
use blackbox_tests::{Client, Database, Server};
use serde_json::Value;

use crate::support::{items, python_program, text, until};

/// A running SMTP server and the events that it has reported.
pub struct SmtpServer {
    child: Child,
    pub port: u16,
    events: Arc<Mutex<Vec<Event>>>,
}

/// An event of the SMTP server.
#[derive(Clone)]
pub struct Event {
    pub at: Instant,
    pub what: Value,
}

impl SmtpServer {
    /// Starts a server on any free port; `smtp_server.py --help` describes the arguments.
    pub async fn open(arguments: &[&str]) -> Self {
        Self::open_at(0, arguments).await
    }

    /// Starts a server on this port.
    pub async fn open_at(port: u16, arguments: &[&str]) -> Self {
        let mut command = Command::new(python_program("python"));
        command.arg(workspace().join("tests/counterparts/smtp_server.py"));
        command.args(["--port", &port.to_string()]).args(arguments);
        tokio::task::spawn_blocking(move || Self::launch(command)).await.expect("the mail server starts")
    }

    fn launch(mut command: Command) -> Self {
        let mut child =
            command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().expect("Python can be started");
        let mut lines = BufReader::new(child.stdout.take().expect("piped")).lines();
        let mut next = move || -> Option<Value> {
            let line = lines.next()?.ok()?;
            Some(serde_json::from_str(&line).expect("a line of JSON"))
        };
        let listening = next().expect("it has aiosmtpd: `cargo xtask test` installs it");
        let port = listening["port"].as_u64().and_then(|port| u16::try_from(port).ok()).expect("a port");
        let events: Arc<Mutex<Vec<Event>>> = Arc::default();
        let reported = Arc::clone(&events);
        std::thread::spawn(move || {
            while let Some(what) = next() {
                reported
                    .lock()
                    .expect("no thread panics with the lock")
                    .push(Event { at: Instant::now(), what });
            }
        });
        Self { child, port, events }
    }

    /// The events of this kind so far.
    pub fn events(&self, kind: &str) -> Vec<Event> {
        let events = self.events.lock().expect("no thread panics with the lock");
        events.iter().filter(|event| event.what["event"] == kind).cloned().collect()
    }

    /// Everything that clients have sent.
    pub fn received(&self) -> String {
        self.events("received").iter().map(|event| text(&event.what["text"]).to_owned()).collect()
    }

    /// The emails that it has accepted.
    pub fn accepted(&self) -> Vec<Mail> {
        let mails = self.events("mail").into_iter().map(|event| Mail(event.what));
        mails.filter(|mail| mail.0["accepted"] == true).collect()
    }

    /// Waits until the todo server has logged `count` deliveries, and returns the emails; there must
    /// not be more.
    pub async fn delivered(&self, server: &Server, count: usize) -> Vec<Mail> {
        logged(server, count, &["\"mail sent\""]).await;
        let mails = self.accepted();
        assert_eq!(mails.len(), count, "{mails:#?}");
        mails
    }

    /// Waits for the only mail to this address with this subject.
    pub async fn mail(&self, to: &str, subject: &str) -> Mail {
        let found = || {
            let mails = self.accepted().into_iter();
            let mut found = mails.filter(|mail| mail.to() == to && mail.header("Subject") == subject);
            let first = found.next()?;
            assert!(found.next().is_none(), "two mails: {first:#?}");
            Some(first)
        };
        until(&format!("{subject:?} to {to}"), found).await
    }
}

impl Drop for SmtpServer {
    fn drop(&mut self) {
        // The process may have exited already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// An email as received.
#[derive(Debug)]
pub struct Mail(pub Value);

impl Mail {
    /// Its only recipient.
    pub fn to(&self) -> &str {
        let [to] = items(&self.0["to"]) else { panic!("one receiver: {self:#?}") };
        text(to)
    }

    /// The value of a header that occurs once.
    pub fn header(&self, name: &str) -> &str {
        let headers = items(&self.0["headers"]);
        let mut values = headers.iter().filter(|header| text(&header[0]).eq_ignore_ascii_case(name));
        let (value, more) = (values.next(), values.next());
        assert!(more.is_none(), "{name} twice: {self:#?}");
        text(&value.unwrap_or_else(|| panic!("no {name}: {self:#?}"))[1])
    }

    /// The plain-text part and the HTML part.
    pub fn parts(&self) -> (&str, &str) {
        let parts = items(&self.0["parts"]);
        let types: Vec<_> = parts.iter().map(|part| text(&part[0])).collect();
        assert_eq!(types, ["text/plain", "text/html"], "{self:#?}");
        (text(&parts[0][1]), text(&parts[1][1]))
    }

    /// The token of its link to `page` of the frontend, which both parts contain.
    pub fn token(&self, page: &str) -> String {
        let (plain, html) = self.parts();
        let start = format!("{FRONTEND}/{page}?token=");
        let line = plain.lines().find_map(|line| line.strip_prefix(&start));
        let token = line.unwrap_or_else(|| panic!("no link to {page}: {plain}"));
        assert!(html.contains(&format!("href=\"{start}{token}\"")), "{html}");
        token.to_owned()
    }
}

/// The frontend's address in links.
pub const FRONTEND: &str = "https://app.example.com";

/// Starts a todo server that sends mail in clear to this port and retries after a second, with
/// `more` settings.
pub async fn todo_server(database: Database, port: u16, more: &[(&str, &str)]) -> Server {
    let port = port.to_string();
    let mut settings = vec![
        ("SMTP_HOST", "127.0.0.1"),
        ("SMTP_PORT", &port),
        ("SMTP_TLS", "none"),
        ("EMAILS_FROM", "Todos <todos@example.com>"),
        ("FRONTEND_URL", FRONTEND),
        ("MAIL_RETRY_SECONDS", "1"),
    ];
    settings.retain(|(name, _)| !more.iter().any(|(other, _)| other == name));
    settings.extend(more);
    Server::start_with(database, &settings).await
}

/// Requests a magic link, which requires no account.
pub async fn ask_for_link(client: &Client, email: &str) {
    client.post("/api/v1/auth/magic-link/request", serde_json::json!({"email": email})).await.expect(202);
}

/// Waits until `count` lines of the server's log contain all of `parts`, and returns these lines.
pub async fn logged(server: &Server, count: usize, parts: &[&str]) -> Vec<String> {
    until(&format!("{parts:?} in the log"), || {
        let logs = server.logs();
        let lines = logs.lines().filter(|line| parts.iter().all(|part| line.contains(part)));
        let lines: Vec<_> = lines.map(str::to_owned).collect();
        (lines.len() >= count).then_some(lines)
    })
    .await
}

/// Waits until a counter of `/metrics` has this value.
pub async fn counted(server: &Server, name: &str, count: u64) {
    let (start, line) = (Instant::now(), format!("{name} {count}"));
    loop {
        let metrics = server.client().get("/metrics").await.expect(200).text;
        if metrics.lines().any(|found| found == line) {
            return;
        }
        assert!(start.elapsed() < TIMEOUT, "no {line}: {metrics}");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

/// A port on which nothing listens, below the range from which the system assigns free ports.
pub fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let start = u16::try_from(std::process::id() % 10_000).expect("below 10,000");
    let ports = (0..10_000).map(|_| 20_000 + (start + NEXT.fetch_add(1, Ordering::Relaxed)) % 10_000);
    let mut free = ports.into_iter().filter(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok());
    free.next().expect("a free port")
}
