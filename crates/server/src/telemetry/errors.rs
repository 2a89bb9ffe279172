//! Reports errors and panics to Sentry: what the log says of them at level error, and no more. The log contains
//! no personal data, and a report names no user, request or machine.

use secrecy::{ExposeSecret as _, SecretString};
use sentry::integrations::tracing::ErrorLayer;
use sentry::{ClientInitGuard, ClientOptions};
use tracing::Level;
use tracing_subscriber::Layer as _;
use tracing_subscriber::filter::filter_fn;

use super::{Layer, OWN_TARGETS};
use crate::settings::Environment;

/// Starts the thread that sends reports. The settings have checked the DSN.
pub fn start(dsn: &SecretString, environment: Environment) -> ClientInitGuard {
    let environment = match environment {
        Environment::Development => "development",
        Environment::Staging => "staging",
        Environment::Production => "production",
    };
    sentry::init(
        ClientOptions::new()
            .dsn(dsn.expose_secret())
            .release(concat!("todo-server@", env!("CARGO_PKG_VERSION")))
            .environment(environment)
            // The integrations add the machine's name, the system's version and the environment.
            .default_integrations(false)
            .max_breadcrumbs(0),
    )
}

/// The layer that reports errors. A panic is one, as `log_panic` logs it.
pub fn layer() -> Layer {
    let is_reported = filter_fn(|metadata| {
        let own = |known: &&str| metadata.target().split("::").next() == Some(known);
        metadata.is_event() && *metadata.level() == Level::ERROR && OWN_TARGETS.iter().any(own)
    });
    ErrorLayer::new().with_filter(is_reported).boxed()
}

#[cfg(test)]
mod tests {
    use std::io::{BufRead as _, BufReader, Read as _, Write as _};
    use std::net::TcpListener;
    use std::panic;
    use std::sync::mpsc;
    use std::thread;
    use std::time::Duration;

    use serde_json::Value;
    use tracing_subscriber::layer::SubscriberExt as _;

    use super::*;
    use crate::telemetry::log_panic;

    /// Upper bound of the wait for a report. Only a failing test waits this long.
    const PATIENCE: Duration = Duration::from_mins(1);

    /// Takes one request, and returns its body.
    fn receive(listener: &TcpListener) -> Vec<u8> {
        let (mut stream, _) = listener.accept().expect("a connection");
        let mut reader = BufReader::new(stream.try_clone().expect("a second handle"));
        let mut length = 0;
        loop {
            let mut line = String::new();
            reader.read_line(&mut line).expect("a line of the head");
            if line.trim().is_empty() {
                break;
            }
            if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
                length = value.trim().parse().expect("a length");
            }
        }
        let mut body = vec![0; length];
        reader.read_exact(&mut body).expect("the body");
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").expect("answered");
        body
    }

    #[test]
    fn a_panic_is_reported_by_its_place_and_without_a_users_text() {
        let sink = TcpListener::bind("127.0.0.1:0").expect("a port");
        let dsn = format!("http://key@{}/7", sink.local_addr().expect("bound"));
        let (report, received) = mpsc::channel();
        thread::spawn(move || report.send(receive(&sink)));
        let client = start(&dsn.into(), Environment::Production);
        let (here, others) = (thread::current().id(), panic::take_hook());
        panic::set_hook(Box::new(move |panic| {
            if thread::current().id() == here { log_panic(panic) } else { others(panic) }
        }));
        let text = "canary text of ann@example.com";
        let subscriber = tracing_subscriber::registry().with(vec![layer()]);
        tracing::subscriber::with_default(subscriber, || {
            tracing::warn!(text, "no error");
            tracing::error!(target: "of_a_library", text, "an error of a library");
            panic::catch_unwind(|| panic!("a user wrote {text}")).expect_err("it panics");
        });
        let body = received.recv_timeout(PATIENCE).expect("a report arrives at the sink");
        let body = String::from_utf8(body).expect("UTF-8");
        drop(client);
        assert!(!body.contains("canary") && !body.contains("ann@"), "{body}");
        let items = body.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
        let is_panic = |item: &Value| item["message"] == "a thread panicked";
        let report = items.into_iter().find(is_panic).expect("a report of the panic");
        assert_eq!(report["environment"], "production");
        assert!(report.to_string().contains("telemetry/errors.rs"), "{report}");
        for personal in ["user", "request", "server_name"] {
            assert!(report.get(personal).is_none_or(Value::is_null), "{report}");
        }
    }
}
